"""docs/serving.md says what there is: every metric with its labels, every column of the log, every number."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.core import Metric

from support.predictions import rows
from support.splits import text
from trimtab.api.split import SPLIT
from trimtab_serving import app, budget, pace, settings
from trimtab_serving.metrics import Counters, Exposition
from trimtab_serving.model import INLINE_ROWS, Identity
from trimtab_serving.rehearsal import Rehearsal
from trimtab_serving.split import arms, breaker, compare, peer, shadow
from trimtab_serving.split.arms import OK, settle
from trimtab_serving.split.division import Division
from trimtab_serving.trail.rows import CONSTANT

PAGE = (Path(__file__).parents[3] / "docs/serving.md").read_text()
EVERYWHERE = {"model_deployment", "model", "version"}


async def families() -> list[Metric]:
    counters = Counters()
    counters.answered("Stable", 200, 0.01)
    counters.log.event_seconds = 1.0
    counters.rehearsal = Rehearsal()
    with ThreadPoolExecutor(1) as threads:
        division = Division(Identity("flights", "7", "prod"), threads)
        division.follow(text("http://candidate", 100, shadow="http://shadow"))
        for _ in range(arms.WARM_UP + 1):
            settle(division.draw(b"k").arm, OK, 0.01)
        return [*Exposition(counters, Identity("flights", "7", "prod")).collect(), *division.collect()]


async def test_every_metric_is_described_with_its_labels() -> None:
    for family in await families():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        (line,) = [line for line in PAGE.splitlines() if line.startswith("| `trimtab_") and f"`{name}`" in line]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels >= EVERYWHERE, name
        assert set(re.findall(r"`(\w+)`", line.split("|")[2])) == labels - EVERYWHERE, name


async def test_no_metric_is_described_that_is_not_there() -> None:
    there = {f"{family.name}_total" if family.type == "counter" else family.name for family in await families()}
    assert set(re.findall(r"`(trimtab_\w+)`", PAGE)) == there


@pytest.mark.parametrize(
    "column", [*(name for name in rows().schema.names if "_" not in name or not name.startswith(("in_", "ctx_", "out_"))), *dict(CONSTANT)]
)
def test_every_column_of_the_log_is_described(column: str) -> None:
    assert f"`{column}`" in PAGE.partition("## The prediction log")[2]


@pytest.mark.parametrize(
    "sentence",
    [
        f"annotation `{SPLIT}`",
        f"within {app.BODY_SECONDS:g} s",
        f"at most {settings.MAX_BODY_BYTES // 2**20} MB each",
        f"requests of {budget.IN_FLIGHT_BYTES // 2**20} MB",
        f"more than {pace.INLINE_SECONDS * 1000:g} ms for a row",
        f"more than {INLINE_ROWS} rows",
        f"longer than {peer.DEADLINE_SECONDS:g} s (and {peer.DEADLINE_SECONDS_A_MEGABYTE:g} s more",
        f"has {peer.CAP} requests of this pod",
        f"After {breaker.MISSES} requests in a row",
        f"has had {arms.WARM_UP} requests",
        f"At most {shadow.AT_ONCE} are",
        f"{shadow.MOST_WAITING} (or {shadow.MOST_WAITING_BYTES // 2**20} MB) wait",
        f"differ by {compare.TOLERANCE * 100:g}% of the larger",
    ],
)
def test_every_number_is_the_one_in_force(sentence: str) -> None:
    assert sentence in " ".join(PAGE.split())
