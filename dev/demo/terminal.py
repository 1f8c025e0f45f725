"""What a person sees while the demo runs: each step with its time, and at the end how long each took."""

import contextlib
import time
from collections.abc import Iterator

BEGAN = time.monotonic()
TOOK: list[tuple[str, float]] = []


def clock() -> str:
    minutes, seconds = divmod(int(time.monotonic() - BEGAN), 60)
    return f"[{minutes:2d}:{seconds:02d}]"


def say(text: str) -> None:
    print(f"{clock()} {text}", flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    print(f"\n{clock()} == {title}", flush=True)
    began = time.monotonic()
    yield
    TOOK.append((title, time.monotonic() - began))
    say(f"   done in {TOOK[-1][1]:.0f} s")


def times() -> str:
    lines = [f"  {took:6.1f} s  {title}" for title, took in TOOK]
    return "\n".join([*lines, f"  {time.monotonic() - BEGAN:6.1f} s  in all"])
