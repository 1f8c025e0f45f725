"""How a stable pod shares its clients' requests with another version, as the operator's annotation says.

    file (downward API volume) -> watch -> division: which requests, by `choice`
    candidate: division -> peer (connections, deadline, cap, breaker) -> the other version's Service
               whatever fails there is answered by this pod itself; both arms are counted in `arms`
    shadow:    after the client has its answer -> queue -> peer -> `compare`; counted, never seen

Decides what one pod does with one request. What the weight should be, and what follows from the counts, is the operator's.
"""
