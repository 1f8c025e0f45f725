"""A stable pod that follows a split: what it is told, what its metrics say back, and clients that ask it."""

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.server_process import Process
from trimtab.api.split import CandidateShare, ShadowShare, Split, generation

INFER = "/v2/models/flights/infer"
PATIENCE = 60.0
"""Seconds; it is a fifth of one on a quiet machine."""


def text(url: str = "", percent: float = 0, *, shadow: str = "", shadowed: float = 100, sticky: str = "", **more: Any) -> str:
    """As the operator would write it: version 8 is the candidate, version 9 the shadow."""
    candidate = CandidateShare(version=8, url=url, percent=percent) if url else None
    return Split(sticky=sticky, candidate=candidate, shadow=ShadowShare(version=9, url=shadow, percent=shadowed) if shadow else None, **more).encode()


def url(process: Process) -> str:
    return f"http://127.0.0.1:{process.port}"


def metric(process: Process, name: str, **labels: str) -> float:
    """The sum of all series with these labels; 0 where there is none."""
    lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", process.admin.get("/metrics").text, re.MULTILINE)
    return sum(float(value) for found, value in lines if labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', found)).items())


@dataclass(frozen=True)
class Stable:
    """A pod, the file that it follows, and a request that it answers."""

    process: Process
    path: Path
    body: dict[str, Any]

    def tell(self, said: str) -> float:
        """Replace the file as the kubelet does, and wait for the pod's word; how long that took."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(said)
        fresh.rename(self.path)
        begun = time.monotonic()
        while self.metric("trimtab_split_generation") != generation(said):
            assert time.monotonic() < begun + PATIENCE, f"the pod does not follow {said!r}"
            time.sleep(0.01)
        return time.monotonic() - begun

    def metric(self, name: str, **labels: str) -> float:
        return metric(self.process, name, **labels)

    def counted(self, arm: str, outcome: str, **labels: str) -> int:
        return int(self.metric("trimtab_split_requests_total", arm=arm, outcome=outcome, **labels))

    def wait_for(self, name: str, count: float) -> None:
        deadline = time.monotonic() + PATIENCE
        while (found := self.metric(name)) < count:
            assert time.monotonic() < deadline, f"{name} is {found}"
            time.sleep(0.05)

    def answer(self, body: dict[str, Any] | None = None, path: str = INFER, **headers: str) -> httpx.Response:
        return self.process.inference.post(path, json=self.body if body is None else body, headers=headers)

    def ask(self, count: int = 1, body: dict[str, Any] | None = None, **headers: str) -> Counter[tuple[int, str]]:
        """How often each (status, version) answered."""
        answers = (self.answer(body, **headers) for _ in range(count))
        return Counter((each.status_code, each.headers["x-trimtab-version"]) for each in answers)

    def crowd(self, together: int, seconds: float) -> tuple[list[float], set[int]]:
        """Clients that ask without a pause; how long each answer took, and the codes."""
        return asyncio.run(self._crowd(together, seconds))

    async def _crowd(self, together: int, seconds: float) -> tuple[list[float], set[int]]:
        took: list[float] = []
        codes: set[int] = set()
        content = json.dumps(self.body)

        async def client(asking: httpx.AsyncClient) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                begun = time.monotonic()
                codes.add((await asking.post(INFER, content=content)).status_code)
                took.append(time.monotonic() - begun)

        async with httpx.AsyncClient(base_url=url(self.process), timeout=20) as asking:
            await asyncio.gather(*(client(asking) for _ in range(together)))
        return took, codes
