"""What became of the log's rows: plain numbers, each written by one thread alone, read by whoever scrapes."""

from dataclasses import dataclass


@dataclass
class Tally:
    """Every row that was taken, or found from before a restart, ends as uploaded or dropped; the rest is on its way."""

    taken: int = 0
    sampled_out: int = 0
    refused: int = 0
    """Came while too many were waiting to be written; those count as dropped too."""
    recovered: int = 0
    spooled: int = 0
    lost: int = 0
    """Never written to the spool, or dropped from it when it was full."""
    unreadable: int = 0
    """Found damaged in the spool."""
    uploaded: int = 0
    event_seconds: float = 0.0
    """The latest event time that the object store has; 0 before the first upload."""

    @property
    def dropped(self) -> int:
        return self.refused + self.lost + self.unreadable

    def states(self) -> dict[str, int]:
        """As `trimtab_prediction_log_rows_total` shows them."""
        return {
            "taken": self.taken,
            "sampled_out": self.sampled_out,
            "recovered": self.recovered,
            "spooled": self.spooled,
            "uploaded": self.uploaded,
            "dropped": self.dropped,
        }
