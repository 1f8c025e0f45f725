"""Stops asking somebody who does not answer, so that few requests wait for a deadline in vain."""

import time
from collections.abc import Callable

MISSES = 5
"""So many in a row are no accident."""
REST_SECONDS = 1.0
"""Until the next one may try: short, for a pod that comes back should be used, and one request a second may wait."""


class Breaker:
    """Closed until MISSES in a row; then open, and one request in REST_SECONDS gets through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._misses = 0
        self._rests_until = 0.0

    def allows(self) -> bool:
        if self._misses < MISSES:
            return True
        if self._clock() < self._rests_until:
            return False
        self._rests_until = self._clock() + REST_SECONDS
        return True

    def heard(self) -> None:
        """It answered, whatever it said."""
        self._misses = 0

    def missed(self) -> None:
        self._misses += 1
        self._rests_until = self._clock() + REST_SECONDS
