"""How a Deployment's requests are divided between its versions: what the operator writes on each stable pod, in one annotation.

A pod reads it as a file (downward API volume) and says on /metrics which text it acts upon, as `generation` of that text.
No annotation, or an empty one: a pod answers everything itself.
"""

import json
import zlib
from datetime import datetime

from pydantic import Field

from trimtab.api.base import Status

SPLIT = "trimtab.dev/split"
SPLIT_PATH = "/etc/trimtab/pod/split"
"""Where a pod finds the annotation's value; the kubelet replaces the file within a second."""
SPLIT_VARIABLE = "TRIMTAB_SPLIT"
"""Names another file, for tests."""


class CandidateShare(Status):
    """A version that answers some of the clients' requests. `step` and `since` say how far its rollout is: they are the operator's own memory."""

    version: int
    url: str
    percent: float = Field(ge=0, le=100)
    step: int = 0
    since: datetime | None = None


class ShadowShare(Status):
    """A version that is asked too, whose answers no client sees."""

    version: int
    url: str
    percent: float = Field(ge=0, le=100)


class Split(Status):
    """The annotation's value. `sticky` names the header whose value decides, so that a user stays with one version; empty: the request's id does.

    `moved`: clients have another version now, to which new connections lead; each answer ends its connection, so that a client that keeps
    one comes to the new pods by itself. Without that it would be served by way of this pod, which no canary shares out, for as long as it likes.
    """

    sticky: str = ""
    moved: bool = False
    candidate: CandidateShare | None = None
    shadow: ShadowShare | None = None

    def encode(self) -> str:
        """Always the same text for the same split; empty where there is nothing to say."""
        told = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(told, sort_keys=True, separators=(",", ":")) if told else ""

    @classmethod
    def read(cls, text: str) -> "Split":
        """What a text says; ValueError where it says nothing that can be followed."""
        return cls.model_validate_json(text) if text.strip() else cls()


def generation(text: str) -> int:
    """A number that tells texts apart, exact in a float; 0 for none.

    >>> generation(""), generation("{}") > 0
    (0, True)
    """
    return zlib.crc32(text.strip().encode())
