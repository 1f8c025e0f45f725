"""What can go wrong between the operator and the cluster, and what each error tells the queue to do next.

    ApiError                     the API server said no; anything not named below is tried again with back-off
    +-- NotFound                 404
    +-- Conflict                 409 on a write: someone wrote first, or the uid is another's; look again
    +-- AlreadyExists            409 on a create
    +-- Unreachable              no answer in time, or none that is HTTP
    Stalled(reason)              a person must act: said in the status, looked at again when something changes
    +-- NameTaken                a child's name is in use by an object that is not ours
    Waiting(reason, after)       something comes by itself: said in the status, looked at again after a while

A 403, 409, 422 or 500 that nobody expected is an ApiError with the server's own sentence in it.
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


class Waiting(Exception):  # noqa: N818
    """It will come by itself; look again after `after`."""

    def __init__(self, reason: Reason, message: str, after: timedelta) -> None:
        super().__init__(message)
        self.reason, self.message, self.after = reason, message, after
