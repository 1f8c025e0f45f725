"""What a split costs a request, as ratios to the same pod without one: `python tests/bench/split.py` (`--seconds 5` for a calmer reading).

alone      no split: what every other line is compared with.
here       a candidate at 0%: drawn, answered by this pod, counted.
forwarded  a candidate at 100%: this pod passes body and answer on, the other one answers.
shadowed   answered by this pod, then copied to a shadow and compared.

One pod, told another split in turns, so that a noisy machine is noisy for all. Asked without a pause (rate and CPU of all pods), and
with one after each answer, as clients do: what is done after an answer, as a copy is, should not be seen then. No thresholds: read it.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from serving import COLUMNS, Peer, ask, http, make, measure, quantile

from support.object_store import ObjectStore
from support.server_process import Committed, Process
from support.splits import Stable, text, url

BATCHES = (1, 64)
ROUNDS = 5
PAUSE_SECONDS = 0.005


def peer(name: str, process: Process) -> Peer:
    return Peer(name, process.process, process.port)


def compare(kind: str, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, ObjectStore() as store, ExitStack() as stack:
        folder = Path(name)
        made = make(folder, kind)
        committed = Committed.of(store, made, model="m")
        told = folder / "split"
        pods = [stack.enter_context(pod(committed, folder / f"v{version}", told, version)) for version in (7, 8, 9)]
        for each in pods:
            each.wait_until_ready()
        stable, candidate, shadow = pods
        splits = {"alone": "", "here": text(url(candidate), 0), "forwarded": text(url(candidate), 100), "shadowed": text(shadow=url(shadow))}
        for rows in BATCHES:
            table(kind, rows, measured(Stable(stable, told, {}), pods, splits, http(made.frame.head(rows), made.signature), seconds))


def pod(committed: Committed, folder: Path, told: Path, version: int) -> Any:
    folder.mkdir()
    return committed.pod(folder / "log", environment={"TRIMTAB_SPLIT": str(told)} if version == 7 else {}, version=version)


async def with_pauses(peer: Peer, request: bytes, seconds: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
    latencies, end = [], time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        await ask(reader, writer, request)
        latencies.append(time.perf_counter() - now)
        await asyncio.sleep(PAUSE_SECONDS)
    writer.close()
    return latencies


@dataclass
class Measured:
    """One split: the pod that clients ask, the CPU of the others for each request, latencies of clients that pause."""

    pod: Peer
    others: float = 0.0
    paused: list[float] = field(default_factory=list)

    def ratios(self, alone: "Measured") -> tuple[float, float, float]:
        return quantile(self.pod, 0.5) / quantile(alone.pod, 0.5), median(self.paused) / median(alone.paused), median(self.pod.cpu) / median(alone.pod.cpu)


def measured(stable: Stable, pods: list[Process], splits: dict[str, str], request: bytes, seconds: float) -> dict[str, Measured]:
    found = {name: Measured(peer(name, stable.process)) for name in splits}
    watched = [peer("", each) for each in pods[1:]]
    for _ in range(ROUNDS):
        for name, each in found.items():
            stable.tell(splits[name])
            before, asked = sum(other.cpu_seconds() for other in watched), len(each.pod.latencies)
            asyncio.run(measure(each.pod, request, seconds))
            each.others += (sum(other.cpu_seconds() for other in watched) - before) / (len(each.pod.latencies) - asked) / ROUNDS
            each.paused += asyncio.run(with_pauses(each.pod, request, seconds))
    return found


def table(kind: str, rows: int, found: dict[str, Measured]) -> None:
    alone = found["alone"]
    print(f"\n{kind}, {rows} row(s), {COLUMNS} columns, one connection")
    print(f"{'':11}{'p50 ms':>8}{'p99 ms':>8}{'with pauses':>13}{'CPU us':>8}{'others':>8}   of alone")
    for name, each in found.items():
        said = "" if each is alone else "p50 x {:.2f}, with pauses x {:.2f}, this pod's CPU x {:.2f}".format(*each.ratios(alone))
        columns = f"{quantile(each.pod, 0.5) * 1e3:8.2f}{quantile(each.pod, 0.99) * 1e3:8.2f}{median(each.paused) * 1e3:13.2f}"
        print(f"{name:11}{columns}{median(each.pod.cpu) * 1e6:8.0f}{each.others * 1e6:8.0f}   {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5, help="seconds a split is asked in one turn")
    given = parser.parse_args()
    for kind in ("logistic", "forest"):
        compare(kind, given.seconds)


if __name__ == "__main__":
    main()
