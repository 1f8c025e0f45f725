"""The server as a process: real sockets, real signals, and no request lost when it is told to stop."""

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from support import models
from support.object_store import ObjectStore
from support.server_process import Committed, Process, free_port, serving
from trimtab.api.documents import Result

DRAIN = 1.5
INFER = "/v2/models/flights/infer"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    return models.flights(tmp_path_factory.mktemp("served") / "flights")


@pytest.fixture(scope="module")
def server(made: models.Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with serving(tmp_path_factory.mktemp("log") / "log", "--model", str(made.folder)) as process:
        process.wait_until_ready()
        yield process


def rows(made: models.Made, count: int = 1) -> dict[str, Any]:
    return models.request(models.table(count, seed=20), made.signature)


def test_the_pages_of_the_protocol_answer(server: Process) -> None:
    get = server.inference.get
    assert get("/v2").json()["name"] == "trimtab"
    assert get("/v2/health/live").json() == {"live": True}
    assert get("/v2/health/ready").json() == {"ready": True}
    assert get("/v2/models/flights").json()["versions"] == ["local"]
    assert get("/v2/models/flights/versions/local").json() == get("/v2/models/flights").json()
    assert get("/v2/models/flights/ready").json() == {"name": "flights", "ready": True}
    assert get("/").json()["links"]["infer"] == INFER
    assert get("/openapi.json").json()["openapi"] == "3.1.0"


@pytest.mark.parametrize("path", [INFER, "/v2/models/flights/versions/local/infer"])
def test_an_answer_is_the_models_own(server: Process, made: models.Made, path: str) -> None:
    answer = server.inference.post(path, json=rows(made, 5))
    outputs = {each["name"]: each for each in answer.json()["outputs"]}
    assert outputs["label"]["data"] == made.model.predict(models.table(5, seed=20)).tolist()
    assert outputs["probability"]["shape"] == [5, 2]
    assert answer.headers["x-trimtab-version"] == "local"
    assert re.fullmatch("[0-9a-f]{64}", answer.json()["parameters"]["model_digest"])


def test_a_batch_that_goes_to_a_thread_answers_the_same_as_row_by_row(server: Process, made: models.Made) -> None:
    table = models.table(3000, seed=20)
    answer = server.inference.post(INFER, json=models.request(table, made.signature)).json()
    assert answer["outputs"][0]["data"] == made.model.predict(table).tolist()


def test_a_request_id_is_kept_or_made(server: Process, made: models.Made) -> None:
    kept = server.inference.post(INFER, json=rows(made), headers={"x-request-id": "order-7"})
    assert (kept.headers["x-request-id"], kept.json()["id"]) == ("order-7", "order-7")
    fresh = server.inference.post(INFER, json=rows(made))
    assert fresh.headers["x-request-id"] == fresh.json()["id"]
    own = server.inference.post(INFER, json=rows(made) | {"id": "mine"})
    assert (own.headers["x-request-id"], own.json()["id"]) == ("mine", "mine")


def test_an_id_that_cannot_stand_in_a_header_comes_back_in_the_body_alone(server: Process, made: models.Made) -> None:
    answer = server.inference.post(INFER, json=rows(made) | {"id": "a\r\nset-cookie: b"})
    assert answer.json()["id"] == "a\r\nset-cookie: b"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("POST", "/v2/models/flight/infer", 404, "There is no model 'flight' here; this server serves flights."),
        ("POST", "/v2/models/flights/versions/9/infer", 404, "Version '9' of flights is not here; this server serves version local."),
        ("GET", "/v3", 404, "There is nothing at '/v3'; the paths are "),
        ("GET", INFER, 405, f"{INFER}: expected POST, found GET."),
        ("POST", "/v2", 405, "/v2: expected GET, found POST."),
    ],
)
def test_a_wrong_address_is_answered_with_a_sentence(server: Process, method: str, path: str, status: int, sentence: str) -> None:
    answer = server.inference.request(method, path)
    assert (answer.status_code, answer.json()["error"][: len(sentence)]) == (status, sentence)


@pytest.mark.parametrize(
    ("headers", "body", "status", "sentence"),
    [
        ({"content-type": "text/csv"}, b"1,2", 415, "content-type: expected application/json, found 'text/csv'."),
        ({"content-encoding": "gzip"}, b"{}", 415, "content-encoding: expected none, found 'gzip'."),
        ({}, b"{", 400, "The body: expected JSON, found an error at line 1"),
        ({}, b'{"inputs": []}', 400, "inputs: expected a list of tensors, found []."),
        ({}, b" " * (17 * 1024 * 1024), 413, "The body: expected at most 16777216 bytes, found more"),
    ],
)
def test_a_request_that_does_not_fit_is_answered_with_a_sentence(server: Process, headers: dict[str, str], body: bytes, status: int, sentence: str) -> None:
    answer = server.inference.post(INFER, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"][: len(sentence)]) == (status, sentence)
    assert answer.headers["x-request-id"]


def test_a_body_of_unknown_length_is_limited_too(server: Process) -> None:
    answer = server.inference.post(INFER, content=(b" " * (1 << 20) for _ in range(17)))
    assert answer.status_code == 413


def test_large_bodies_at_once_are_answered_or_sent_away_and_the_memory_of_a_pod_suffices(server: Process, made: models.Made) -> None:
    large, small = json.dumps(rows(made, 150_000)).encode(), rows(made)
    assert 6 < len(large) / 2**20 < 16
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(httpx.post(f"http://127.0.0.1:{server.port}{INFER}", content=large, headers={"content-type": "application/json"}, timeout=60))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    peak = 0.0
    while any(each.is_alive() for each in threads):
        peak = max(peak, psutil.Process(server.process.pid).memory_info().rss / 2**20)
        time.sleep(0.01)
    codes = [each.status_code for each in answers]
    print(f"8 bodies of {len(large) / 2**20:.1f} MB: {codes.count(200)} answered, {codes.count(503)} sent away, {peak:.0f} MB of memory at most")
    assert set(codes) == {200, 503}
    assert {each.headers["retry-after"] for each in answers if each.status_code == 503} == {"1"}
    assert peak < 800
    assert server.inference.post(INFER, json=small).status_code == 200


def test_metrics_count_requests_by_code_and_time(server: Process, made: models.Made) -> None:
    def read() -> dict[str, float]:
        text = server.admin.get("/metrics").text
        return {code: float(value) for code, value in re.findall(r'trimtab_requests_total\{code="(\d+)".*\} ([\d.]+)', text)}

    before = read()
    for _ in range(5):
        server.inference.post(INFER, json=rows(made))
    server.inference.post(INFER, json={})
    after = read()
    assert (after["200"] - before.get("200", 0), after["400"] - before.get("400", 0)) == (5, 1)
    text = server.admin.get("/metrics").text
    assert f'trimtab_request_duration_seconds_count{{model="flights",model_deployment="",role="Stable",version="local"}} {sum(after.values())}' in text
    assert re.search(r"trimtab_inference_inflight\{.*\} 0.0", text)


def test_health_and_metrics_are_not_on_the_clients_port(server: Process) -> None:
    assert server.inference.get("/metrics").status_code == 404
    assert server.admin.get("/v2").status_code == 404
    assert server.admin.get("/healthz").status_code == 200


def test_a_client_that_leaves_in_the_middle_harms_nobody(server: Process, made: models.Made) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
    assert server.inference.post(INFER, json=rows(made)).status_code == 200
    assert server.process.poll() is None


def test_it_is_light_and_soon_ready(made: models.Made, tmp_path: Path) -> None:
    """An ONNX model is served without scikit-learn or pandas ever being imported."""
    with serving(tmp_path / "log", "--model", str(made.folder)) as process:
        took = process.wait_until_ready()
        assert process.inference.post(INFER, json=rows(made)).status_code == 200
        mapped = " ".join(each.path for each in psutil.Process(process.process.pid).memory_maps())
        memory = psutil.Process(process.process.pid).memory_info().rss / 2**20
        print(f"first answer after {took:.2f} s, {memory:.0f} MB")
        assert "sklearn" not in mapped
        assert "pandas" not in mapped
        assert memory < 200


# from the object store


@pytest.fixture(scope="module")
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore() as it:
        yield it


@pytest.fixture
def committed(made: models.Made, object_store: ObjectStore) -> Committed:
    return Committed.of(object_store, made, drainSeconds=DRAIN)


def test_a_pod_serves_what_the_operator_says_and_names_it(committed: Committed, made: models.Made, tmp_path: Path) -> None:
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        answer = process.inference.post("/v2/models/flights/versions/7/infer", json=rows(made))
        assert answer.json()["model_version"] == answer.headers["x-trimtab-version"] == "7"
        assert answer.json()["parameters"] == {"model_digest": "d1", "dataset_digest": "set1"}
        assert 'model_deployment="flights"' in process.admin.get("/metrics").text


def test_a_tampered_model_never_gets_ready_and_leaves_the_reason(committed: Committed, tmp_path: Path) -> None:
    committed.store.put(f"{committed.document['artifact']['uri']}/pod/model.onnx", b"something else")
    left = tmp_path / "termination"
    with committed.pod(tmp_path / "log", environment={"TRIMTAB_TERMINATION_LOG": str(left)}) as process:
        assert process.process.wait(timeout=60) == 2
    result = Result.decode(left.read_text())
    assert result is not None
    assert (result.outcome, result.reason) == ("Failed", "DigestMismatch")


def test_a_store_that_is_away_ends_the_pod_to_be_tried_again(committed: Committed, tmp_path: Path) -> None:
    left = tmp_path / "termination"
    environment = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}", "TRIMTAB_TERMINATION_LOG": str(left)}
    with committed.pod(tmp_path / "log", environment=environment) as process:
        assert process.process.wait(timeout=60) == 3
    result = Result.decode(left.read_text())
    assert result is not None
    assert result.reason == "StoreUnreachable"
    assert committed.environment["AWS_SECRET_ACCESS_KEY"] not in (tmp_path / "log").read_text()


def test_no_request_is_lost_while_it_drains(committed: Committed, made: models.Made, tmp_path: Path) -> None:
    """Clients send without a pause, over kept connections and new ones, until the endpoint is taken away as a Service would."""
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        gone = threading.Event()
        small, large = json.dumps(rows(made)).encode(), json.dumps(rows(made, 5000)).encode()
        with ThreadPoolExecutor(6) as pool:
            kept = [pool.submit(send_until, gone, process.port, small, keep=True) for _ in range(3)]
            fresh = [pool.submit(send_until, gone, process.port, small, keep=False) for _ in range(2)]
            slow = [pool.submit(send_until, gone, process.port, large, keep=True)]
            time.sleep(1)
            process.process.send_signal(signal.SIGTERM)
            stopped = time.monotonic()
            while process.admin.get("/readyz").status_code == 200:
                assert time.monotonic() < stopped + 1, "readiness must go first"
                time.sleep(0.01)
            time.sleep(DRAIN * 0.6)
            answered_while_draining = process.inference.post(INFER, content=small)
            gone.set()
            results = [each.result() for each in (*kept, *fresh, *slow)]
        assert process.process.wait(timeout=60) == 0
    assert answered_while_draining.status_code == 200
    assert answered_while_draining.headers["connection"] == "close"
    assert all(codes == {200} for _, codes in results), results
    assert all(count > 3 for count, _ in results), results


def test_a_request_that_is_under_way_at_the_end_is_finished(committed: Committed, made: models.Made, tmp_path: Path) -> None:
    with committed.pod(tmp_path / "log", drainSeconds=0) as process:
        process.wait_until_ready()
        body = json.dumps(rows(made)).encode()

        def slowly() -> Iterator[bytes]:
            yield body[:10]
            process.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            yield body[10:]

        assert process.inference.post(INFER, content=slowly()).status_code == 200
        assert process.process.wait(timeout=60) == 0


def send_until(gone: threading.Event, port: int, body: bytes, *, keep: bool) -> tuple[int, set[int]]:
    """Send one request after another; how many, and the codes that came back (0: the request was lost)."""
    count, codes = 0, set()
    headers = {"content-type": "application/json"} | ({} if keep else {"connection": "close"})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, headers=headers) as client:
        while not gone.is_set():
            count += 1
            try:
                codes.add(client.post("/v2/models/flights/infer", content=body).status_code)
            except httpx.TransportError:
                codes.add(0)
    return count, codes
