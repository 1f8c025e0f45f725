"""Which versions stay on a Dataset's list: what is in use before all, then the newest; and nothing leaves while a look goes on."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trimtab.api.dataset import Check, DatasetSpec, DatasetStatus, DatasetVersion
from trimtab.plans.dataset import LOOKER, holdings_of
from trimtab.plans.looks import Scene
from trimtab.plans.versions import LISTED, NOTHING_HELD, Held, Holdings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def taken_up(numbers, *, held=NOTHING_HELD, outcome="Unchanged", **spec) -> Holdings:
    """What becomes of a list of these versions, newest answer first."""
    parsed = DatasetSpec.model_validate({"source": {"uri": "s3://lake/a/"}, "label": "late"} | spec)
    versions = [DatasetVersion(version=n, digest=f"d{n}", manifest_digest="m", uri=f"s3://lake/{n}", created_at=NOW) for n in numbers]
    check = Check(outcome=outcome)
    return holdings_of(DatasetStatus.model_construct(versions=versions), Scene("flights", parsed, "", check, (), "shape", NOW, NOW, LOOKER), check, held)


def numbers(holdings: Holdings) -> list[int]:
    return [version.version for version in holdings.versions]


def test_the_newest_stay_and_the_others_leave():
    found = taken_up([4, 3, 2, 1], retain={"versions": 2})
    assert numbers(found) == [4, 3]
    assert [version.version for version in found.dropped] == [2, 1]


def test_the_version_that_serves_stays_when_the_list_is_full():
    found = taken_up(range(21, 0, -1), retain={"versions": 20}, activeVersion=1)
    assert 1 in numbers(found)
    assert found.active(DatasetSpec.model_validate({"source": {"uri": "s3://lake/a/"}, "label": "late", "activeVersion": 1})) is not None
    assert [version.version for version in found.dropped] == [2], "the oldest that nobody uses makes room"


def test_nothing_leaves_while_a_look_goes_on():
    assert taken_up([3, 2, 1], retain={"versions": 1}, outcome="Running").dropped == ()


@given(
    count=st.integers(1, 21),
    keep=st.integers(1, 20),
    pinned=st.frozensets(st.integers(1, 21), max_size=8),
    cited=st.frozensets(st.integers(1, 21), max_size=8),
    active=st.none() | st.integers(1, 21),
)
def test_whatever_is_in_use_stays_and_the_list_stays_bounded(count, keep, pinned, cited, active):
    spec = {"retain": {"versions": keep}} | ({"activeVersion": active} if active else {})
    found = taken_up(range(count, 0, -1), held=Held(pinned, frozenset(f"d{n}" for n in cited)), **spec)
    in_use = (pinned | cited | {active, count}) & set(range(1, count + 1))
    assert in_use <= set(numbers(found))
    assert len(found.versions) <= LISTED
    assert numbers(found) == sorted(numbers(found), reverse=True), "in the order of the list"
    assert len(found.versions) >= min(keep, count, LISTED)
