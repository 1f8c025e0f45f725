"""An event loop whose time is not the world's: sleeping costs nothing, and a minute's back-off is tested in a millisecond."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Leaping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Instead of waiting for the next timer, time leaps there."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.leapt += timeout
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return 1000.0 + self._leaping.leapt


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test that runs on such a loop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
