"""Two versions behind one pod: exact shares, users who stay, and no client that ever notices a broken candidate."""

import io
import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from scipy.stats import binom

from support import models
from support.object_store import ObjectStore
from support.pretender import Does, Pretender, answer, raw, silent
from support.server_process import Committed, Process, free_port
from support.splits import INFER, PATIENCE, Stable, metric, text, url
from trimtab.api.split import generation
from trimtab.controllers.counts import read_counts
from trimtab_serving.split.arms import WARM_UP
from trimtab_serving.split.peer import DEADLINE_SECONDS

CHANCE = 1e-6
"""Of a test that fails though all is well."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    return models.flights(tmp_path_factory.mktemp("served") / "flights")


@pytest.fixture(scope="module")
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore() as it:
        yield it


@pytest.fixture(scope="module")
def committed(made: models.Made, object_store: ObjectStore) -> Committed:
    return Committed.of(object_store, made, drainSeconds=0.2, logging={"uploadSeconds": 0.5})


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("annotation") / "split"


@pytest.fixture(scope="module")
def _stable(committed: Committed, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with committed.pod(tmp_path_factory.mktemp("stable") / "log", environment={"TRIMTAB_SPLIT": str(split), "POD_NAME": "stable-1"}) as process:
        process.wait_until_ready()
        yield process


@pytest.fixture
def stable(_stable: Process, split: Path, made: models.Made) -> Stable:
    """Version 7, which has just heard that it is alone."""
    found = Stable(_stable, split, body(made))
    found.tell("")
    return found


@pytest.fixture(scope="module")
def candidate(committed: Committed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with committed.pod(tmp_path_factory.mktemp("candidate") / "log", environment={"POD_NAME": "candidate-1"}, version=8) as process:
        process.wait_until_ready()
        yield process


def body(made: models.Made, rows: int = 1) -> dict[str, Any]:
    return models.request(models.table(rows, seed=20), made.signature)


def within(count: int, asked: int, share: float) -> bool:
    return bool(binom.ppf(CHANCE, asked, share) <= count <= binom.ppf(1 - CHANCE, asked, share))


@pytest.mark.parametrize("percent", [5, 25, 50])
def test_the_candidate_answers_its_share_and_both_are_counted(stable: Stable, candidate: Process, percent: float) -> None:
    stable.tell(text(url(candidate), 100))
    stable.ask(WARM_UP)
    stable.tell(text(url(candidate), percent))
    found = stable.ask(1000)
    assert set(found) <= {(200, "7"), (200, "8")}
    assert within(found[200, "8"], 1000, percent / 100)
    label = {"candidate": "8", "percent": f"{percent:g}"}
    assert (stable.counted("candidate", "ok", **label), stable.counted("stable", "ok", **label)) == (found[200, "8"], found[200, "7"])
    assert stable.metric("trimtab_split_duration_seconds_count", arm="candidate", **label) == found[200, "8"]
    assert stable.metric("trimtab_split_weight_percent") == percent
    assert stable.counted("candidate", "error") == stable.counted("stable", "error") == 0


@pytest.mark.parametrize(("percent", "version"), [(0, "7"), (100, "8")])
def test_none_and_all_mean_none_and_all(stable: Stable, candidate: Process, percent: float, version: str) -> None:
    stable.tell(text(url(candidate), percent))
    assert stable.ask(200) == {(200, version): 200}


def test_a_user_stays_with_one_version_and_who_is_in_at_5_percent_is_in_at_25(stable: Stable, candidate: Process) -> None:
    def versions() -> list[str]:
        return [next(iter(stable.ask(1, **{"x-user": f"user-{i}"})))[1] for i in range(400)]

    stable.tell(text(url(candidate), 5, sticky="X-User"))
    few = versions()
    assert versions() == few
    stable.tell(text(url(candidate), 25, sticky="X-User"))
    more = versions()
    assert within(few.count("8"), 400, 0.05)
    assert within(more.count("8"), 400, 0.25)
    assert all(now == "8" for before, now in zip(few, more, strict=True) if before == "8")


def test_an_answer_is_the_same_through_another_pod_and_bears_its_version(stable: Stable, candidate: Process, made: models.Made) -> None:
    mine = stable.answer(body(made, 5), **{"x-request-id": "order-7"})
    stable.tell(text(url(candidate), 100))
    its = stable.answer(body(made, 5), **{"x-request-id": "order-7"})
    assert (mine.headers["x-trimtab-version"], its.headers["x-trimtab-version"]) == ("7", "8")
    assert mine.headers["x-request-id"] == its.headers["x-request-id"] == its.json()["id"] == "order-7"
    assert mine.json()["outputs"] == its.json()["outputs"]
    assert its.json()["model_version"] == "8"
    assert int(its.headers["x-trimtab-took-us"]) > 0


def test_a_large_body_is_forwarded_too(stable: Stable, candidate: Process, made: models.Made) -> None:
    stable.tell(text(url(candidate), 100))
    answered = stable.answer(body(made, 20_000))
    assert (answered.status_code, answered.headers["x-trimtab-version"]) == (200, "8")
    assert len(answered.json()["outputs"][0]["data"]) == 20_000


def test_who_names_a_version_gets_that_one(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 100))
    answered = stable.answer(path="/v2/models/flights/versions/7/infer")
    assert (answered.status_code, answered.headers["x-trimtab-version"]) == (200, "7")


def test_what_was_forwarded_once_is_answered_where_it_came(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 100))
    assert stable.ask(1, **{"x-trimtab-forwarded": "Candidate"}) == {(200, "7"): 1}


def test_each_pod_counts_what_it_answered_in_the_role_it_had(stable: Stable, candidate: Process) -> None:
    before = [metric(candidate, "trimtab_requests_total", role="Candidate"), stable.metric("trimtab_requests_total", role="Stable")]
    stable.tell(text(url(candidate), 100))
    stable.ask(10)
    after = [metric(candidate, "trimtab_requests_total", role="Candidate"), stable.metric("trimtab_requests_total", role="Stable")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [10, 0]


def test_a_request_that_both_refuse_is_the_clients_fault(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 100))
    stable.ask(WARM_UP)
    assert stable.ask(5, {"inputs": []}) == {(400, "7"): 5}
    assert (stable.counted("candidate", "ok"), stable.counted("candidate", "error")) == (5, 0)
    assert stable.metric("trimtab_candidate_fallbacks_total") == 0


def test_the_first_requests_of_a_candidate_are_counted_in_neither_arm(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 50))
    found = stable.ask(WARM_UP - 1)
    while found[200, "8"] < WARM_UP:
        assert stable.metric("trimtab_split_requests_total") == 0
        found += stable.ask(1)
    stable.ask(7)
    assert stable.metric("trimtab_split_requests_total") == 7


def test_the_operator_reads_what_a_pod_shows(stable: Stable, candidate: Process) -> None:
    said = text(url(candidate), 100)
    stable.tell(said)
    stable.ask(WARM_UP + 3)
    found = read_counts(stable.process.admin.get("/metrics").text)
    assert found is not None
    assert (found.generation, found.percent) == (generation(said), 100.0)
    ((place, pair),) = found.weights.items()
    assert (place, pair.candidate.ok, pair.candidate.errors) == ((8, 100.0), 3, 0)
    assert pair.candidate.buckets[-1] == (float("inf"), 3)


def test_counts_stay_while_the_weight_changes_and_go_with_the_candidate(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 100))
    stable.ask(WARM_UP + 3)
    stable.tell(text(url(candidate), 50))
    assert stable.counted("candidate", "ok", percent="100") == 3
    stable.tell(text())
    assert "trimtab_split_requests_total{" not in stable.process.admin.get("/metrics").text
    stable.tell(text(url(candidate), 50))
    assert stable.metric("trimtab_split_requests_total") == 0


def test_a_split_is_followed_within_a_second_and_a_broken_one_is_not(stable: Stable, candidate: Process, split: Path) -> None:
    took = [stable.tell(text(url(candidate), percent)) for percent in (10, 20, 30, 40, 100)]
    print(f"acknowledged after {statistics.median(took):.2f} s (median), {max(took):.2f} s (longest)")
    assert statistics.median(took) < 1
    split.write_text('{"candidate": {"version": "no')
    stable.wait_for("trimtab_split_broken", 1)
    assert stable.metric("trimtab_split_weight_percent") == 100
    assert stable.ask(5) == {(200, "8"): 5}
    stable.tell(text(url(candidate), 0))
    assert stable.metric("trimtab_split_broken") == 0


BROKEN: dict[str, Does] = {
    "errors": answer(500),
    "is overloaded": answer(503),
    "refuses what is right": answer(400),
    "redirects": answer(302),
    "is another version": answer(200, version=6),
    "does not say how long it took": answer(200, took=b""),
    "speaks no HTTP": raw(b"\x00\x01\x02 hello\r\n\r\n", then_close=True),
    "hangs up": raw(b"", then_close=True),
    "hangs up in the middle": raw(b"HTTP/1.1 200 OK\r\nx-trimtab-version: 8\r\nx-trimtab-took-us: 1\r\ncontent-length: 100\r\n\r\n{", then_close=True),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_candidate_that_fails_is_counted_and_no_client_notices(stable: Stable, how: str) -> None:
    with Pretender(BROKEN[how]) as it:
        stable.tell(text(it.url, 50))
        found = stable.ask(200)
        assert found == {(200, "7"): 200}, how
        assert it.asked > 0
        failed, well = stable.counted("candidate", "error"), stable.counted("stable", "ok")
        assert failed + well + WARM_UP <= 200
        assert within(failed, failed + well, 0.5)
        assert stable.counted("candidate", "ok") == 0
        assert stable.metric("trimtab_candidate_fallbacks_total", candidate="8") == failed + WARM_UP


def test_a_candidate_that_is_gone_costs_nobody_anything(stable: Stable) -> None:
    stable.tell(text(f"http://127.0.0.1:{free_port()}", 50))
    begun = time.monotonic()
    assert stable.ask(200) == {(200, "7"): 200}
    assert time.monotonic() - begun < 200 * DEADLINE_SECONDS / 4, "they do not wait for it"
    assert stable.counted("candidate", "error") > 30


def test_a_candidate_that_hangs_costs_a_few_requests_its_deadline_and_the_rest_nothing(stable: Stable) -> None:
    with Pretender(silent()) as it:
        stable.tell(text(it.url, 100))
        took, codes = stable.crowd(20, 3 * DEADLINE_SECONDS)
    print(f"{len(took)} requests, {it.asked} of them waited, the longest {max(took):.2f} s")
    assert codes == {200}
    assert it.asked < 20 + 10, "all that were under way at once, then one a second"
    assert statistics.median(took) < DEADLINE_SECONDS


def test_a_candidate_killed_under_load_fails_no_request(stable: Stable, committed: Committed, tmp_path: Path) -> None:
    with committed.pod(tmp_path / "log", version=8) as victim, ThreadPoolExecutor(1) as pool:
        victim.wait_until_ready()
        stable.tell(text(url(victim), 50))
        asking = pool.submit(stable.crowd, 4, 3.0)
        time.sleep(1.5)
        victim.process.kill()
        took, codes = asking.result()
    print(f"{len(took)} requests, codes {codes}, {stable.counted('candidate', 'error')} fell back")
    assert codes == {200}
    assert stable.counted("candidate", "ok") > 0
    assert stable.counted("candidate", "error") > 0


def test_a_kept_connection_that_was_closed_is_no_error(stable: Stable) -> None:
    well = json.dumps({"outputs": []}).encode()
    head = b"HTTP/1.1 200 OK\r\nx-trimtab-version: 8\r\nx-trimtab-took-us: 1\r\ncontent-length: %d\r\n\r\n" % len(well)
    with Pretender(raw(head + well, then_close=True)) as it:
        stable.tell(text(it.url, 100))
        assert stable.ask(100) == {(200, "8"): 100}
        assert it.connections == it.asked
    assert stable.metric("trimtab_candidate_fallbacks_total") == 0


def test_clients_that_keep_a_connection_leave_a_pod_whose_version_another_took_over_and_lose_nothing(stable: Stable, candidate: Process) -> None:
    stable.tell(text(url(candidate), 100, moved=True))
    with httpx.Client(base_url=url(stable.process)) as client:
        answers = [client.post(INFER, json=stable.body) for _ in range(20)]
    assert {(each.status_code, each.headers["x-trimtab-version"], each.headers["connection"]) for each in answers} == {(200, "8", "close")}


# shadow


@pytest.fixture(scope="module")
def shadow(committed: Committed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with committed.pod(tmp_path_factory.mktemp("shadow") / "log", environment={"POD_NAME": "shadow-1"}, version=9) as process:
        process.wait_until_ready()
        yield process


def test_a_shadow_sees_its_share_of_the_requests_and_no_client_sees_it(stable: Stable, shadow: Process, made: models.Made) -> None:
    stable.tell(text(shadow=url(shadow), shadowed=30))
    assert stable.ask(300, body(made, 3)) == {(200, "7"): 300}
    stable.wait_for("trimtab_shadow_compared_total", 3 * binom.ppf(CHANCE, 300, 0.3))
    compared = stable.metric("trimtab_shadow_compared_total", candidate="9")
    assert within(int(compared) // 3, 300, 0.3), "rows are counted"
    assert stable.metric("trimtab_shadow_disagreed_total") == 0, "it is the same model"
    assert metric(shadow, "trimtab_requests_total", role="Shadow") >= compared // 3


def test_a_shadow_that_answers_otherwise_disagrees(stable: Stable, made: models.Made) -> None:
    mine = stable.answer(body(made, 2)).json()
    other = {"late": "punctual", "punctual": "late"}
    mine["outputs"][0]["data"][0] = other[mine["outputs"][0]["data"][0]]
    with Pretender(answer(200, json.dumps(mine).encode(), version=9)) as it:
        stable.tell(text(shadow=it.url))
        stable.ask(10, body(made, 2))
        stable.wait_for("trimtab_shadow_compared_total", 20)
        assert stable.metric("trimtab_shadow_disagreed_total") == 10


@pytest.mark.parametrize("does", [answer(500, version=9), answer(200, b"no", version=9), silent()], ids=["errors", "garbage", "hangs"])
def test_a_shadow_that_fails_delays_no_client_and_is_counted(stable: Stable, does: Does) -> None:
    with Pretender(does) as it:
        stable.tell(text(shadow=it.url))
        begun = time.monotonic()
        assert stable.ask(400) == {(200, "7"): 400}
        took = time.monotonic() - begun
        assert took < 400 * DEADLINE_SECONDS / 4, "they do not wait for it"
        stable.wait_for("trimtab_shadow_failed_total", 1)
        lost = [stable.metric(f"trimtab_shadow_{name}_total") for name in ("compared", "failed", "dropped")]
        print(f"400 answers in {took:.1f} s; compared, failed, dropped: {lost}")


def test_the_log_says_who_answered_whom_in_which_role(stable: Stable, candidate: Process, shadow: Process, committed: Committed) -> None:
    stable.tell(text(url(candidate), 100, sticky="X-User"))
    stable.ask(1, **{"x-user": "ann", "x-request-id": "seen-by-8"})
    stable.tell(text(shadow=url(shadow), sticky="X-User"))
    stable.ask(1, **{"x-user": "ann", "x-request-id": "seen-by-7-and-9"})
    stable.ask(1, **{"x-request-id": "nobodys"})

    def found() -> set[tuple[str, int, str, str, bool]]:
        rows = stored(committed, lambda row: row["request_id"] in ("seen-by-8", "seen-by-7-and-9", "nobodys"))
        users = {row["user"] for row in rows if row["user"]}
        assert len(users) <= 1
        assert "ann" not in users
        return {(row["request_id"], row["version"], row["role"], row["pod"], row["user"] is not None) for row in rows}

    expected = {
        ("seen-by-8", 8, "Candidate", "candidate-1", True),
        ("seen-by-7-and-9", 7, "Stable", "stable-1", True),
        ("seen-by-7-and-9", 9, "Shadow", "shadow-1", True),
        ("nobodys", 7, "Stable", "stable-1", False),
        ("nobodys", 9, "Shadow", "shadow-1", False),
    }
    deadline = time.monotonic() + PATIENCE
    while found() != expected:
        assert time.monotonic() < deadline, found()
        time.sleep(0.2)


def stored(committed: Committed, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    files = committed.store.list(f"s3://{committed.bucket}/team/predictions/flights/")
    return [row for each in files for row in pq.read_table(io.BytesIO(committed.store.get(each.uri))).to_pylist() if wanted(row)]
