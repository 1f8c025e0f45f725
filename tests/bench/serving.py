"""Our server beside others in one run, as ratios: `python tests/bench/serving.py` (add `--seconds 5` for a calmer reading).

trimtab  with everything on: the prediction log on disk and in an object store, window profiles, metrics, ids, validation.
unlogged ours of a local folder, which keeps no log: what the log costs is the difference.
bare     uvicorn with a handler that only parses the body, calls the same ONNX model and writes the answer: what HTTP,
         JSON and the model cost by themselves. Ours over bare is the price of everything else; aim: at least 0.6 of its rate.
sklearn  the handler one writes in an afternoon: a joblib model, a DataFrame, predict and predict_proba.
mlserver, fastapi   with MLSERVER_PYTHON, see serving_peers.py; aim: 40 times MLServer's rate per CPU second on the forest's
         single row and 10 times on the logistic's, in less memory.

CPU and memory are those of the server's processes, all their threads. Each pair of model and batch is measured in turns, so that a noisy machine
is noisy for all. No thresholds: read it.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / each) for each in ("operator", "serving", "tests")]

COLUMNS = 30
BATCHES = (1, 64)
OTHERS = ("mlserver", "fastapi")
ROUNDS = 3
ASCII_END = b"\r\n\r\n"


def bare(folder: Path) -> Callable[..., Awaitable[None]]:
    import numpy as np
    import onnxruntime
    import orjson

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def answer(body: bytes) -> bytes:
        feed = {each["name"]: np.array(each["data"], dtype=np.float32).reshape(-1, 1) for each in orjson.loads(body)["inputs"]}
        label, probability = session.run(["label", "probability"], feed)
        return orjson.dumps({"outputs": [label.ravel(), probability.ravel()]}, option=orjson.OPT_SERIALIZE_NUMPY)

    return handler(answer)


def sklearn(folder: Path) -> Callable[..., Awaitable[None]]:
    import joblib
    import pandas as pd

    model = joblib.load(folder / "model.joblib")

    def answer(body: bytes) -> bytes:
        frame = pd.DataFrame({each["name"]: each["data"] for each in json.loads(body)["inputs"]})
        outputs = [model.predict(frame).tolist(), model.predict_proba(frame).tolist()]
        return json.dumps({"outputs": outputs}).encode()

    return handler(answer)


def handler(answer: Callable[[bytes], bytes]) -> Callable[..., Awaitable[None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        content = answer(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(content))]})
        await send({"type": "http.response.body", "body": content})

    return app


def serve_peer(kind: str, folder: Path, port: int) -> None:
    import uvicorn

    app = {"bare": bare, "sklearn": sklearn}[kind](folder)
    uvicorn.run(app, port=port, http="httptools", loop="uvloop", lifespan="off", ws="none", access_log=False, log_level="error")


@dataclass
class Peer:
    """A running server and what was measured of it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    first: float = 0.0
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def memory(self) -> float:
        return sum(float(each.memory_info().rss) for each in self._family()) / 2**20

    def cpu_seconds(self) -> float:
        return sum(float(each.cpu_times().user + each.cpu_times().system) for each in self._family())

    def _family(self) -> list[Any]:
        import psutil

        it = psutil.Process(self.process.pid)
        return [it, *it.children(recursive=True)]


def start(name: str, folder: Path, port: int, stack: ExitStack, told: dict[str, str]) -> Peer:
    if name == "trimtab":
        command = ["-m", "trimtab_serving", "--port", str(port), "--admin-port", str(port + 100)]
    elif name == "unlogged":
        command = ["-m", "trimtab_serving", "--model", str(folder), "--name", "m", "--port", str(port), "--admin-port", str(port + 100)]
    elif name in OTHERS:
        (folder / name).mkdir()
        (folder / name / "model.joblib").symlink_to(folder / "model.joblib")
        command = [str(Path(__file__).with_name("serving_peers.py")), name, str(folder / name), str(port)]
    else:
        command = [__file__, "--peer", name, "--folder", str(folder), "--port", str(port)]
    python = os.environ["MLSERVER_PYTHON"] if name in OTHERS else sys.executable
    environment = os.environ | told | {"PYTHONPATH": os.pathsep.join(sys.path[:3]), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if name in OTHERS:
        del environment["PYTHONPATH"]
    process = subprocess.Popen([python, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if name in OTHERS else None)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return Peer(name, process, port)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(ASCII_END)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 200 " not in head[:20]:
        raise RuntimeError(f"{head!r} {body[:300]!r}")
    return body


async def first_answer(peer: Peer, request: bytes) -> None:
    begun = time.perf_counter()
    while not peer.first and time.perf_counter() < begun + 60:
        with suppress(OSError, RuntimeError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
            await ask(reader, writer, request)
            writer.close()
            peer.first = time.perf_counter() - begun
        await asyncio.sleep(0.05)


async def measure(peer: Peer, request: bytes, seconds: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
    for _ in range(20):
        await ask(reader, writer, request)
    latencies, cpu, end = [], peer.cpu_seconds(), time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        await ask(reader, writer, request)
        latencies.append(time.perf_counter() - now)
    peer.cpu.append((peer.cpu_seconds() - cpu) / len(latencies))
    peer.rates.append(len(latencies) / sum(latencies))
    peer.latencies += latencies
    writer.close()


def http(name: str, frame: Any, signature: dict[str, Any]) -> bytes:
    """The rows as each takes them: in the Open Inference Protocol; MLServer is told that they are a table, and what is wanted of it."""
    from support import models

    asked = models.request(frame, signature)
    if name == "mlserver":
        asked |= {"parameters": {"content_type": "pd"}, "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    body = json.dumps(frame.to_dict("records") if name == "fastapi" else asked).encode()
    return b"POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def make(folder: Path, kind: str) -> Any:
    import joblib
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    from support import models
    from trimtab.stats import profiles

    estimator = LogisticRegression() if kind == "logistic" else RandomForestClassifier(100, max_depth=10, random_state=0)
    made = models.numbers(folder, "onnx", COLUMNS, estimator)
    joblib.dump(made.model, folder / "model.joblib")
    parts = {name: profiles.Numeric.of(profiles.numeric_shape(values), values) for name, values in ((name, made.frame[name].to_numpy()) for name in made.frame)}
    cross = profiles.Cross.of(list(parts), [part.shape.center for part in parts.values()], made.frame.to_numpy())
    (folder / "profile.json").write_text(json.dumps(profiles.Profile(len(made.frame), parts, cross).encode()))
    return made


async def compare(kind: str, seconds: float, first_port: int) -> None:
    from support.object_store import ObjectStore
    from support.server_process import Committed

    with tempfile.TemporaryDirectory() as name, ObjectStore() as store, ExitStack() as stack:
        made = make(Path(name), kind)
        committed = Committed.of(store, made, model="m", logging={"uploadSeconds": seconds})
        told = committed.environment | {"TRIMTAB_SERVING": json.dumps(committed.document), "TRIMTAB_SPOOL": f"{name}/spool"}
        names = ("trimtab", "unlogged", "bare", "sklearn", *(OTHERS if "MLSERVER_PYTHON" in os.environ else ()))
        peers = [start(each, Path(name), first_port + i, stack, told) for i, each in enumerate(names)]
        await asyncio.gather(*(first_answer(peer, http(peer.name, made.frame.head(1), made.signature)) for peer in peers))
        print(f"\n{kind}: first answer after " + ", ".join(f"{peer.first:.1f} s ({peer.name})" for peer in peers))
        for rows in BATCHES:
            for peer in peers:
                peer.rates, peer.latencies, peer.cpu = [], [], []
            for _ in range(ROUNDS):
                for peer in peers:
                    await measure(peer, http(peer.name, made.frame.head(rows), made.signature), seconds)
            table(kind, rows, peers)
        await asyncio.sleep(seconds + 2)
        logged(first_port + 100)


def logged(admin_port: int) -> None:
    """What became of the rows of the log."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics") as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("trimtab_prediction_log_rows_total")]
    print("log: " + ", ".join(f"{line.split('state=')[1].split(chr(34))[1]} {float(line.rpartition(' ')[2]):.0f}" for line in lines))


def quantile(peer: Peer, share: float) -> float:
    ordered = sorted(peer.latencies)
    return ordered[int(len(ordered) * share)]


def table(kind: str, rows: int, peers: list[Peer]) -> None:
    ours = peers[0]
    print(f"\n{kind}, {rows} row(s), {COLUMNS} columns, one connection")
    print(f"{'':10}{'p50 ms':>9}{'p99 ms':>9}{'answers/s':>11}{'CPU us':>9}{'memory MB':>11}{'trimtab is theirs /':>40}")
    for peer in peers:
        ratio = (
            f"CPU / {median(peer.cpu) / median(ours.cpu):.2f}, p50 / {quantile(peer, 0.5) / quantile(ours, 0.5):.2f}, p99 / {quantile(peer, 0.99) / quantile(ours, 0.99):.2f}"
            if peer is not ours
            else ""
        )
        print(
            f"{peer.name:10}{quantile(peer, 0.5) * 1e3:9.2f}{quantile(peer, 0.99) * 1e3:9.2f}{median(peer.rates):11.0f}"
            f"{median(peer.cpu) * 1e6:9.0f}{peer.memory():11.0f}{ratio:>40}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5, help="seconds a server is asked in one turn")
    parser.add_argument("--peer")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int, default=18200)
    given = parser.parse_args()
    if given.peer:
        serve_peer(given.peer, given.folder, given.port)
        return
    for i, kind in enumerate(("logistic", "forest")):
        asyncio.run(compare(kind, given.seconds, given.port + 10 * i))


if __name__ == "__main__":
    main()
