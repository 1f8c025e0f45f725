"""How a verb says that it cannot go on.

    WorkerError          nobody raises it bare
      UserFault          a person must change something: exit 2, the Job does not try again
      TryAgain           the same work may succeed later: exit 3

Each carries a Reason and a sentence; a failed run may also say where what it found was written.
"""

from trimtab.api.documents import TRY_AGAIN, USER_FAULT, Result
from trimtab.api.reasons import Reason


class WorkerError(Exception):
    exit_code = TRY_AGAIN

    def __init__(self, reason: Reason, message: str, *, uri: str = "", facts: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.result = Result(outcome="Failed", reason=reason.value, message=message, uri=uri, facts=facts or {})


class UserFault(WorkerError):  # noqa: N818 (the field's words: whose fault it is)
    exit_code = USER_FAULT


class TryAgain(WorkerError):  # noqa: N818
    exit_code = TRY_AGAIN
