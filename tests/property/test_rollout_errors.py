"""How often a rollout is wrong, where the truth is known: whole rollouts of three weights, looked at after every 250 requests.

Requests go to either version by chance; latencies have long tails, and now and then a node that is slow for both. Fixed seeds.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from support.simulations import Share, share
from trimtab.api.rollout import Analysis
from trimtab.plans.analysis import ALPHA, Look, failure
from trimtab.plans.tallies import Arm, Evidence, Pair

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
EDGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
WEIGHTS = (5, 25, 50)
AT_A_LOOK, LOOKS = 250, 15
"""Requests between two looks, and looks at each weight: eleven thousand requests a rollout."""
Latency = Callable[[np.random.Generator, int], np.ndarray]


def long_tailed(rng: np.random.Generator, requests: int) -> np.ndarray:
    """Median 8 ms, 99th percentile 80 ms."""
    return rng.lognormal(np.log(0.008), 1.0, requests)


def quick(rng: np.random.Generator, requests: int) -> np.ndarray:
    return rng.gamma(4, 0.0004, requests)


def arm(seconds: np.ndarray, failed: np.ndarray) -> Arm:
    edges = np.searchsorted(EDGES, seconds[~failed], side="left")
    counts = np.cumsum(np.bincount(edges, minlength=len(EDGES)))
    return Arm(int((~failed).sum()), int(failed.sum()), tuple(zip(EDGES, counts.tolist(), strict=True)))


def looks(rng: np.random.Generator, rates: tuple[float, float], latency: Latency, slower: float = 1.0) -> Iterator[Look]:
    """Every look of one rollout; `rates` of stable and candidate, whose latency is `slower` times stable's."""
    weights: dict[float, Pair] = {}
    for weight in WEIGHTS:
        for _ in range(LOOKS):
            mine, slow_node = rng.random(AT_A_LOOK) < weight / 100, 1 + 4 * (rng.random() < 0.05)
            seconds = latency(rng, AT_A_LOOK) * slow_node * np.where(mine, slower, 1.0)
            failed = rng.random(AT_A_LOOK) < np.where(mine, rates[1], rates[0])
            seen = Pair(arm(seconds[mine], failed[mine]), arm(seconds[~mine], failed[~mine]))
            weights[weight] = weights.get(weight, Pair()) + seen
            yield Look(Analysis(), Evidence(dict(weights)), weight, NOON, NOON, NOON + timedelta(hours=1))


def taken_back(runs: int, *how: object, seed: int = 0, **more: float) -> Share:
    """Of so many rollouts, how many end in a rollback."""
    rng = np.random.default_rng(seed)
    return share([any(failure(look) for look in looks(rng, *how, **more)) for _ in range(runs)])  # type: ignore[arg-type]


@pytest.mark.parametrize("latency", [long_tailed, quick])
@pytest.mark.parametrize("rate", [0.0, 0.004, 0.01], ids=["no errors", "some errors", "errors at the very bound"])
def test_a_version_as_good_as_stable_is_hardly_ever_taken_back(latency, rate):
    found = taken_back(60, (rate, rate), latency)
    assert found.share <= ALPHA + found.error


@pytest.mark.parametrize(
    ("rates", "slower"),
    [((0.0, 0.05), 1.0), ((0.005, 0.03), 1.0), ((0.0, 0.0), 3.0)],
    ids=["five percent errors", "six times stable's errors", "three times as slow"],
)
def test_one_that_is_clearly_worse_always_is(rates, slower):
    assert taken_back(20, rates, long_tailed, slower=slower).share == 1


def test_an_outage_of_something_behind_both_takes_nobody_back_but_by_the_bound():
    """With a bound that allows it, the comparison alone decides, and finds no difference."""
    rng, hits = np.random.default_rng(3), []
    for _ in range(40):
        every = looks(rng, (0.3, 0.3), long_tailed)
        hits.append(any(failure(Look(Analysis(maxErrorPercent=50), each.evidence, each.percent, NOON, NOON, NOON)) for each in every))
    assert share(hits).share <= ALPHA + share(hits).error
