"""What can go wrong between the operator and the cluster, and what each error tells the queue to do next.

    ApiError                     the API server said no; anything not named below is tried again with back-off
    +-- NotFound                 404
    +-- Conflict                 409 on a write: someone wrote first, or the uid is another's; look again
    +-- AlreadyExists            409 on a create
    +-- Unreachable              no answer in time, or none that is HTTP
    Stalled(reason)              a person must act: said in the status, looked at again when something changes
    +-- NameTaken                a child's name is in use by an object that is not ours
    +-- Refused                  400, 403 or 422 on a write: invalid, or forbidden by a quota, a policy, a missing right
    Waiting(reason, after)       something comes by itself: said in the status, looked at again after a while

Any other code that nobody expected, and one on a read, is an ApiError with the server's own sentence in it.
"""

from datetime import timedelta

from trimtab.api.reasons import Reason


class ApiError(Exception):
    """An answer of the API server that is not success."""

    def __init__(self, message: str, *, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class NotFound(ApiError):  # noqa: N818
    """There is no such object, or no such kind."""


class Conflict(ApiError):  # noqa: N818
    """The object is not the one that was looked at."""


class AlreadyExists(ApiError):  # noqa: N818
    """An object of that name is there."""


class Unreachable(ApiError):  # noqa: N818
    """Nobody answered within the time limit."""


class Stalled(Exception):  # noqa: N818
    """Only a person can help; the message says how."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class NameTaken(Stalled):
    """An object of the wanted name exists and carries another owner's uid, or none."""

    def __init__(self, kind: str, name: str, owner: str) -> None:
        super().__init__(Reason.NAME_TAKEN, Reason.NAME_TAKEN.say(kind=kind, name=name, owner=owner))


REFUSALS = frozenset({400, 403, 422})
"""Codes that mean: not this object, not now. The same request has no other answer before a person changes something."""


class Refused(Stalled):
    """What a deed would write is not accepted; the API server says why."""

    def __init__(self, kind: str, name: str, detail: str) -> None:
        said = " ".join(detail.split())[:600]
        super().__init__(Reason.REFUSED, Reason.REFUSED.say(kind=kind, name=name, detail=said if said.endswith(".") else f"{said}."))


class Waiting(Exception):  # noqa: N818
    """It will come by itself; look again after `after`."""

    def __init__(self, reason: Reason, message: str, after: timedelta) -> None:
        super().__init__(message)
        self.reason, self.message, self.after = reason, message, after
