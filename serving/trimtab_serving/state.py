"""What a pod's two applications share: how far it is in its life, the model once there is one, the split, and the counters."""

import os
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING

from trimtab_serving import pages
from trimtab_serving.budget import IN_FLIGHT_BYTES, Budget
from trimtab_serving.errors import Refusal
from trimtab_serving.metrics import Counters
from trimtab_serving.model import Identity, Model
from trimtab_serving.split.division import Division
from trimtab_serving.wire import SOON

if TYPE_CHECKING:  # brings pyarrow along, which a server of a local folder does not need
    from trimtab_serving.trail.trail import Trail

LOADING = "The model is being loaded."


class Phase(StrEnum):
    """Where a server is in its life; it never goes back."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


class Server:
    """One server of one model."""

    def __init__(self, identity: Identity, max_body_bytes: int) -> None:
        self.identity = identity
        self.max_body_bytes = max_body_bytes
        self.phase = Phase.LOADING
        self.model: Model | None = None
        self.trail: Trail | None = None
        self.counters = Counters()
        self.pages = pages.of_server(self.is_ready)
        self.threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="inference")
        self.budget = Budget(max(IN_FLIGHT_BYTES, max_body_bytes))
        self.division = Division(identity, self.threads)

    def is_ready(self) -> bool:
        return self.phase is Phase.READY

    def model_or_refusal(self) -> Model:
        if self.model is None:
            raise Refusal(503, LOADING, (SOON,))
        return self.model

    def take(self, model: Model, trail: "Trail | None" = None) -> None:
        """From now on requests are answered, by this model, and leave a trail where there is one."""
        self.trail = trail
        self.pages |= pages.of_model(model, self.is_ready)
        self.model = model
        self.phase = Phase.READY

    def drain(self) -> None:
        """Say that we are not ready, and go on answering."""
        self.phase = Phase.DRAINING
