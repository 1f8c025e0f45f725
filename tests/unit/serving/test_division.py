"""What a pod makes of what it is told: which texts it follows, what it keeps, and what it shows of both arms."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from support.pretender import Pretender, answer, silent
from support.splits import text
from trimtab.api.split import generation
from trimtab_serving import calls
from trimtab_serving.model import Identity
from trimtab_serving.split.arms import ERROR, OK, WARM_UP, Arms, settle
from trimtab_serving.split.choice import Share, pseudonym
from trimtab_serving.split.division import Division
from trimtab_serving.split.shadow import AT_ONCE, MOST_WAITING, MOST_WAITING_BYTES, Copy, Shadow
from trimtab_serving.split.watch import Watch

WHO = Identity("flights", "7", "prod")
CANDIDATE, OTHER = "http://flights-v8.team.svc", "http://flights-v8.elsewhere.svc"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


@pytest.fixture
def division(threads: ThreadPoolExecutor) -> Division:
    return Division(WHO, threads)


def shown(division: Division, name: str) -> dict[str, float]:
    """The series of a metric, by the labels that are its own."""
    registry = CollectorRegistry()
    registry.register(division)
    found = {}
    for labels, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", generate_latest(registry).decode(), re.MULTILINE):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        assert [pairs.pop(each) for each in ("model_deployment", "model", "version")] == ["prod", "flights", "7"]
        found["/".join(pairs[each] for each in sorted(pairs) if each != "le")] = float(value)
    return found


def test_without_a_word_a_pod_answers_everything(division: Division) -> None:
    assert division.draw(b"ann") is None
    assert shown(division, "trimtab_split_generation") == {"": 0}
    assert shown(division, "trimtab_split_weight_percent") == {"": 0}


def test_what_is_followed_is_said(division: Division) -> None:
    said = text(CANDIDATE, 25)
    division.follow(said)
    assert shown(division, "trimtab_split_generation") == {"": generation(said)}
    assert shown(division, "trimtab_split_weight_percent") == {"": 25}


@pytest.mark.parametrize("broken", ["{", '{"candidate":{"version":8}}', '{"candidate":{"version":8,"url":"http://x","percent":101}}', "[]", "\x00"])
def test_a_text_that_cannot_be_read_changes_nothing_and_is_said(division: Division, broken: str) -> None:
    good = text(CANDIDATE, 100)
    division.follow(good)
    division.follow(broken)
    assert division.draw(b"ann").peer is not None
    assert shown(division, "trimtab_split_generation") == {"": generation(good)}
    assert shown(division, "trimtab_split_broken") == {"": 1}
    division.follow("")
    assert (division.draw(b"ann"), shown(division, "trimtab_split_broken")) == (None, {"": 0})


def test_fields_of_a_newer_operator_are_passed_over(division: Division) -> None:
    division.follow('{"candidate":{"version":8,"url":"http://x","percent":100,"step":2,"since":"2026-01-01T00:00:00Z","mood":"good"},"more":1}')
    assert division.draw(b"ann").peer is not None


def test_a_new_weight_keeps_connections_and_counts_and_a_new_candidate_neither(division: Division) -> None:
    def drawn(url: str, percent: float = 100) -> tuple[object, object]:
        division.follow(text(url, percent))
        found = division.draw(b"ann")
        return found.peer, found.arms

    first = drawn(CANDIDATE)
    assert drawn(CANDIDATE, 99.9999999) == first
    assert drawn(OTHER) != first
    division.follow("")
    assert drawn(CANDIDATE) != first


def test_both_arms_are_counted_by_weight_once_the_candidate_is_warm(division: Division) -> None:
    division.follow(text(CANDIDATE, 100))
    for _ in range(WARM_UP):
        settle(division.draw(b"ann").arm, OK, 0.001)
    assert shown(division, "trimtab_split_requests_total") == {}
    for outcome, seconds in ((OK, 0.003), (OK, 0.004), (ERROR, None), (OK, None)):
        settle(division.draw(b"ann").arm, outcome, seconds)
    division.follow(text(CANDIDATE, 0))
    settle(division.draw(b"ann").arm, OK, 0.5)
    assert shown(division, "trimtab_split_requests_total") == {
        "candidate/8/ok/100": 3, "candidate/8/error/100": 1, "stable/8/ok/0": 1, "stable/8/error/0": 0,
    }  # fmt: skip
    assert shown(division, "trimtab_split_duration_seconds_count") == {"candidate/8/100": 2, "stable/8/0": 1}
    assert shown(division, "trimtab_split_duration_seconds_sum") == pytest.approx({"candidate/8/100": 0.007, "stable/8/0": 0.5})


def test_what_was_drawn_before_a_change_counts_for_what_was_drawn() -> None:
    arms = Arms(8)
    arms.forwarded = WARM_UP
    early = arms.draw(5.0, "candidate")
    late = arms.draw(25.0, "candidate")
    settle(early, OK)
    assert (early.outcomes[OK], late.outcomes[OK]) == (1, 0)


# who asks


def test_a_user_decides_where_there_is_one_and_the_request_otherwise() -> None:
    ann = calls.read({b"x-user": b"ann", b"x-request-id": b"r-1"}, b"x-user", "prod")
    assert (ann.key, ann.user, ann.role) == (b"ann", pseudonym("prod", b"ann"), "Stable")
    nobody = calls.read({b"x-request-id": b"r-1"}, b"x-user", "prod")
    assert (nobody.key, nobody.user) == (b"r-1", "")
    assert calls.read({b"x-user": b"ann", b"x-request-id": b"r-1"}, b"", "prod").key == b"r-1"


@pytest.mark.parametrize(("said", "role"), [(b"Candidate", "Candidate"), (b"Shadow", "Shadow"), (b"Nonsense", "Stable")])
def test_what_another_pod_forwards_has_its_role_and_user_and_goes_no_further(said: bytes, role: str) -> None:
    user = pseudonym("prod", b"ann")
    call = calls.read({b"x-trimtab-forwarded": said, b"x-trimtab-user": user.encode(), b"x-user": b"bob"}, b"x-user", "prod")
    assert (call.role, call.user, call.key) == (role, user, None)


def test_a_client_cannot_write_a_user_into_the_log() -> None:
    assert calls.read({b"x-trimtab-user": b"f" * 32}, b"x-user", "prod").user == ""
    assert calls.read({b"x-trimtab-forwarded": b"Candidate", b"x-trimtab-user": b"Ann Smith"}, b"", "prod").user == ""


# the file


def test_each_new_text_is_followed_once(tmp_path: Path) -> None:
    heard: list[str] = []
    watch = Watch(tmp_path / "split", heard.append)
    watch.look()
    watch.look()
    (tmp_path / "split").write_text("a")
    watch.look()
    watch.look()
    (tmp_path / "split").unlink()
    watch.look()
    assert heard == ["", "a", ""]


def test_a_link_that_is_swapped_as_the_kubelet_does_is_seen(tmp_path: Path) -> None:
    heard: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "split").write_text(name)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "split").symlink_to("..data/split")
    watch = Watch(tmp_path / "split", heard.append)
    watch.look()
    (tmp_path / "fresh").symlink_to("two")
    (tmp_path / "fresh").rename(tmp_path / "..data")
    watch.look()
    assert heard == ["one", "two"]


def test_a_file_that_cannot_be_read_keeps_what_was_said(tmp_path: Path) -> None:
    heard: list[str] = []
    path = tmp_path / "split"
    path.write_text("a")
    watch = Watch(path, heard.append)
    watch.look()
    path.unlink()
    path.mkdir()
    watch.look()
    assert heard == ["a"]


def test_bytes_that_are_no_text_are_told_as_they_are(tmp_path: Path, division: Division) -> None:
    path = tmp_path / "split"
    path.write_bytes(b"\xff\xfe")
    Watch(path, division.follow).look()
    assert shown(division, "trimtab_split_broken") == {"": 1}


# shadow


def copied(size: int = 10) -> Copy:
    return Copy(b" " * size, "r-1", "", b"{}")


def shadow_of(url: str, threads: ThreadPoolExecutor) -> Shadow:
    from trimtab_serving.split.peer import Peer

    return Shadow(9, url, Peer(url, "flights", 9, "Shadow"), threads)


ALL, NONE = Share("", 100), Share("", 0)


async def test_a_queue_that_is_full_drops_and_counts(threads: ThreadPoolExecutor) -> None:
    with Pretender(silent()) as it:
        shadow = shadow_of(it.url, threads)
        for _ in range(AT_ONCE + MOST_WAITING + 7):
            shadow.offer(ALL, b"k", copied())
            await asyncio.sleep(0)
        assert shadow.counts["dropped"] in range(7, AT_ONCE + 8)
        for _ in range(600):
            if it.asked >= AT_ONCE:
                break
            await asyncio.sleep(0.1)
        assert it.asked == AT_ONCE


async def test_large_bodies_fill_a_queue_sooner(threads: ThreadPoolExecutor) -> None:
    with Pretender(silent()) as it:
        shadow = shadow_of(it.url, threads)
        for _ in range(3):
            shadow.offer(ALL, b"k", copied(MOST_WAITING_BYTES // 2 + 1))
        assert shadow.counts["dropped"] == 2


async def test_what_is_not_in_the_share_is_not_copied(threads: ThreadPoolExecutor) -> None:
    with Pretender(answer(200, b'{"outputs":[]}', version=9)) as it:
        shadow = shadow_of(it.url, threads)
        shadow.offer(NONE, b"k", copied())
        await asyncio.sleep(0.05)
        assert (it.asked, shadow.counts["dropped"]) == (0, 0)


async def test_a_shadow_that_is_no_longer_wanted_forgets_what_waits(threads: ThreadPoolExecutor) -> None:
    with Pretender(silent()) as it:
        shadow = shadow_of(it.url, threads)
        for _ in range(AT_ONCE + 5):
            shadow.offer(ALL, b"k", copied())
        await asyncio.sleep(0.05)
        shadow.close()
        assert not shadow._waiting
