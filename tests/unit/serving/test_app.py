"""The application in the states that a running server seldom shows: loading, draining, failing, waiting for a slow client."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from support import models
from trimtab.api.split import Split
from trimtab_serving import app, artifact
from trimtab_serving.budget import IN_FLIGHT_BYTES
from trimtab_serving.metrics import Counters
from trimtab_serving.model import Identity, Model, load
from trimtab_serving.state import Server

WHO = Identity("flights", "7", "prod")
INFER = "/v2/models/flights/infer"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    return models.flights(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def model(made: models.Made) -> Model:
    return load(artifact.local(made.folder), WHO)


@pytest.fixture
def server() -> Server:
    return Server(WHO, max_body_bytes=100_000)


def client(application: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://pod")


@pytest.fixture
async def inference(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app.Inference(server)) as found:
        yield found


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app.Admin(server)) as found:
        yield found


def body(made: models.Made, rows: int = 1) -> dict[str, Any]:
    return models.request(made.frame.head(rows), made.signature)


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/v2/models/flights", "/v2/models/flights/ready", "/v2/models/flights/versions/7"])
async def test_pages_of_the_model_come_with_the_model(inference: httpx.AsyncClient, server: Server, model: Model, path: str) -> None:
    early = await inference.get(path)
    assert (early.status_code, early.json(), early.headers["retry-after"]) == (503, {"error": "The model is being loaded."}, "1")
    server.take(model)
    assert (await inference.get(path)).status_code == 200


async def test_a_loading_server_is_alive_and_not_ready(inference: httpx.AsyncClient, admin: httpx.AsyncClient, made: models.Made) -> None:
    assert (await inference.get("/v2/health/live")).status_code == 200
    assert (await inference.get("/v2/health/ready")).status_code == 503
    assert (await admin.get("/healthz")).status_code == 200
    assert (await admin.get("/readyz")).json() == {"ready": False, "phase": "loading"}
    early = await inference.post(INFER, json=body(made))
    assert (early.status_code, early.headers["retry-after"]) == (503, "1")


async def test_a_draining_server_says_it_is_not_ready_and_answers(
    inference: httpx.AsyncClient, admin: httpx.AsyncClient, server: Server, model: Model, made: models.Made
) -> None:
    server.take(model)
    assert "connection" not in (await inference.post(INFER, json=body(made))).headers
    server.drain()
    assert (await admin.get("/readyz")).json() == {"ready": False, "phase": "draining"}
    assert (await inference.get("/v2/models/flights/ready")).status_code == 503
    late = await inference.post(INFER, json=body(made))
    assert (late.status_code, late.headers["connection"]) == (200, "close")


async def test_where_another_version_has_taken_over_a_kept_connection_ends_with_its_answer(
    inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made
) -> None:
    server.take(model)
    server.division.follow(Split(moved=True).encode())
    moved = await inference.post(INFER, json=body(made))
    assert (moved.status_code, moved.headers["connection"]) == (200, "close")
    server.division.follow("")
    assert "connection" not in (await inference.post(INFER, json=body(made))).headers


async def test_a_failing_model_is_a_500_that_names_the_request_and_shows_nothing_else(
    inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret of the model")

    broken = SimpleNamespace(signature=model.signature, dtypes=model.runtime.dtypes, predict=fail)
    server.take(Model(WHO, model.signature, broken, model.protocol, "d", "p", None, 0))
    answer = await inference.post(INFER, json=body(made), headers={"x-request-id": "order-7"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "The model failed on this request; the server's log says more under order-7."}
    assert server.counters.roles["Stable"].codes == {500: 1}


async def test_a_client_that_never_sends_its_body_is_told_so(
    inference: httpx.AsyncClient, server: Server, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    server.take(model)
    monkeypatch.setattr(app, "BODY_SECONDS", 0.05)
    answer = await inference.post(INFER, content=never())
    assert (answer.status_code, answer.json()) == (408, {"error": "The body did not arrive within 0.05 s."})


@pytest.mark.parametrize("given", ["x" * 129, "", "tab\there"])
async def test_a_request_id_that_cannot_be_written_again_is_replaced(
    inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made, given: str
) -> None:
    server.take(model)
    answer = await inference.post(INFER, json=body(made), headers={"x-request-id": given})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


async def test_the_body_limit_is_the_servers(inference: httpx.AsyncClient, server: Server, model: Model) -> None:
    server.take(model)
    assert (await inference.post(INFER, content=b" " * 100_001)).status_code == 413
    assert (await inference.post(INFER, content=b" " * 100_000)).status_code == 400


@pytest.mark.parametrize("rows", [1, 64, 65, 500])
async def test_inline_or_on_a_thread_the_answer_is_the_same(inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made, rows: int) -> None:
    server.take(model)
    answer = await inference.post(INFER, content=json.dumps(body(made, rows)), headers={"content-type": "application/json; charset=utf-8"})
    assert answer.json()["outputs"][0]["data"] == made.model.predict(made.frame.head(rows)).tolist()


async def test_a_slow_model_leaves_the_loop_to_others(inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return model.runtime.predict(*given)

    runtime = SimpleNamespace(signature=model.signature, dtypes=model.runtime.dtypes, predict=slow)
    server.take(Model(WHO, model.signature, runtime, model.protocol, "d", "p", None, 0, inline_rows=0))
    asked = asyncio.create_task(inference.post(INFER, json=body(made)))
    assert await asyncio.to_thread(begun.wait, 60)
    assert (await inference.get("/v2/health/live")).status_code == 200
    assert not asked.done()
    go_on.set()
    assert (await asked).status_code == 200


async def test_more_bytes_than_the_server_can_hold_are_sent_away_and_nothing_is_lost_of_the_budget(
    inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made
) -> None:
    server.take(model)
    server.budget.held = IN_FLIGHT_BYTES
    busy = await inference.post(INFER, json=body(made))
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
    server.budget.held = 0
    for content in (json.dumps(body(made)), "{", " " * 100_001):
        await inference.post(INFER, content=content)
    assert server.budget.held == 0


async def test_requests_are_counted_in_the_role_they_came_for(inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made) -> None:
    server.take(model)
    for role, count in (("Candidate", 3), ("Shadow", 2)):
        for _ in range(count):
            await inference.post(INFER, json=body(made), headers={"x-trimtab-forwarded": role})
    await inference.post(INFER, json=body(made))
    assert {role: answered.codes for role, answered in server.counters.roles.items()} == {"Stable": {200: 1}, "Candidate": {200: 3}, "Shadow": {200: 2}}


async def test_an_answer_says_how_long_it_took_and_a_refusal_does_not(inference: httpx.AsyncClient, server: Server, model: Model, made: models.Made) -> None:
    server.take(model)
    assert 0 < int((await inference.post(INFER, json=body(made))).headers["x-trimtab-took-us"]) < 10_000_000
    assert "x-trimtab-took-us" not in (await inference.post(INFER, json={})).headers


def test_a_duration_is_counted_in_its_bucket_and_every_one_above() -> None:
    counters = Counters()
    for seconds in (0.0001, 0.003, 0.003, 20.0):
        counters.answered("Stable", 200, seconds)
    text = metrics_of(counters)
    assert [count(text, bound) for bound in ("0.0005", "0.0025", "0.005", "10.0", "+Inf")] == [1, 1, 3, 3, 4]


def metrics_of(counters: Counters) -> str:
    from trimtab_serving import metrics

    return metrics.render(metrics.registry(counters, WHO)).decode()


def count(text: str, bound: str) -> float:
    line = next(each for each in text.splitlines() if each.startswith("trimtab_request_duration_seconds_bucket") and f'le="{bound}"' in each)
    assert 'model_deployment="prod"' in line
    assert 'role="Stable"' in line
    return float(line.rpartition(" ")[2])


def test_importing_the_server_imports_neither_scikit_learn_nor_pandas(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = "import sys, trimtab_serving.server; print([name for name in ('sklearn', 'pandas', 'skops', 'scipy') if name in sys.modules])"
    repository = Path(__file__).parents[3]
    path = f"{repository / 'operator'}:{repository / 'serving'}"
    said = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said.strip() == "[]"
