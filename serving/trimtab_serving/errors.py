"""What can go wrong in serving, by who must act.

    Refusal       the client: answered with its status and one sentence; the server is fine
    ModelFault    whoever made the model: it never becomes ready, and its Reason reaches the ModelVersion or Deployment

The object store's own failures are `trimtab.store.errors`; they too carry a Reason and a sentence.
"""

from trimtab.api.reasons import Reason


class Refusal(Exception):  # noqa: N818 (named by what it is to the client)
    """A request that is not answered as asked; `sentence` says what is wrong and what to write instead."""

    def __init__(self, status: int, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


class ModelFault(Exception):  # noqa: N818
    """A model that cannot be served. Nothing that happens later in this process can mend it."""

    reason = Reason.ARTIFACT_UNUSABLE
    temporary = False

    def __init__(self, detail: str) -> None:
        self.message = self.reason.say(detail=detail)
        super().__init__(self.message)


class GoldenMismatch(ModelFault):
    reason = Reason.GOLDEN_MISMATCH
