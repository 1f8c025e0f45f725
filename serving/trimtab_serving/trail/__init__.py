"""What serving leaves behind: every prediction with its inputs, the labels that come later, and profiles of each hour.

    request -> recorder (a deque) -> rows (Arrow) -> spool (this pod's disk) -> upload -> object store
                                                                               `-> windows (profiles of what was uploaded)
    labels  -> object store, before they are acknowledged

Nothing here is allowed to delay or fail a prediction: a disk or a store that is away costs rows of the log, and those are counted.
"""
