"""What work cannot be without, in a sentence: the same for whatever waits for something."""

from dataclasses import dataclass
from datetime import datetime

from trimtab.api.reasons import Reason


@dataclass(frozen=True)
class Lack:
    """It heals by itself when what is missing comes, at `until` where that is known; unless a person must lift it."""

    reason: Reason
    message: str
    until: datetime | None = None
    by_itself: bool = True
