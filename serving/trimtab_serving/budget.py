"""How many bytes of requests are in memory at once: beyond that a request is sent away before it does harm.

A pod has 1 GiB and needs 300 MB for itself. A body grows while it is answered, numbers seven times and text fourteen times as
measured: JSON becomes objects of Python, arrays, and an answer. So it is bodies that are bounded, however many requests they are.
"""

from trimtab_serving.errors import Refusal
from trimtab_serving.wire import SOON

IN_FLIGHT_BYTES = 32 * 1024 * 1024
"""Two bodies of the largest size, or ten thousand of the usual one; 14 times that is 450 MB."""


class Budget:
    """All bodies that are being read or answered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Refusal where it does not fit; a body that comes alone always does."""
        if self.held and self.held + size > self._most:
            raise Refusal(503, f"Requests of {self.held} bytes are being answered already; send this one again in a second, or fewer rows at a time.", (SOON,))
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


class Held:
    """What one request has taken."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def take(self, size: int) -> None:
        self._budget.take(size)
        self._size += size

    def release(self) -> None:
        self._budget.give_back(self._size)
        self._size = 0
