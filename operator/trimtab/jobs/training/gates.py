"""The gates: does this model deserve to be followed? Pure: evidence in, one result a gate out, each with its numbers.

    default        passes when                                                              replaced by a gate named
    skill          the lower end of the skill's interval is above 0                          skill
    simple-model   it is not worse than the simple model (asked where a trainer is given)    simple-model
    served         it is not worse than what each Deployment serves, on rows new to both     served

"Not worse" is paired on the same rows and blocked by time: it fails when even the better end of the interval of the gain
is below minus the tolerance. What cannot be judged is Skipped and says why; it neither passes nor fails.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.api.modelversion import GateResult
from trimtab.api.trainingjob import Gate, MaxGap, NotWorseThan
from trimtab.jobs.training.evaluate import Evidence
from trimtab.stats.metrics import Answers, Metric, find
from trimtab.stats.skill import Interval, gain, skill_interval

FEWEST_ROWS = 20
"""Fewer test rows make no interval that means anything."""

FEWEST_NEW_ROWS = 200
"""Rows newer than the champion's training: fewer, and the comparison waits for more."""

FEWEST_SLICE_ROWS = 100
"""A slice that nobody named is judged from so many test rows on."""

MESSAGE = 512

Check = Callable[[Evidence], GateResult]


@dataclass(frozen=True)
class Rival:
    """Another model's answers on those test rows (`rows`: a mask) that neither model has learned from, or why there are none."""

    title: str
    answers: Answers | None = None
    rows: Any = None
    why_not: str = ""


@dataclass(frozen=True)
class Rivals:
    """The yardsticks: the simple model, and the stable version of every Deployment of this model."""

    simple: Rival | None
    served: dict[str, Rival]


def judge(gates: Sequence[Gate], rivals: Rivals, evidence: Evidence, seed: int) -> list[GateResult]:
    """All gates' results: defaults first, unless replaced, then the recipe's own in their order."""
    replaced = {gate.name for gate in gates}
    defaults = [(name, check) for name, check in _defaults(rivals, seed) if name.partition(":")[0] not in replaced]
    own = [(gate.name, _own(gate, rivals, seed)) for gate in gates]
    return [check(evidence) for _, check in (*defaults, *own)]


def failed(results: Sequence[GateResult]) -> list[GateResult]:
    return [each for each in results if each.outcome == "Failed"]


def _defaults(rivals: Rivals, seed: int) -> Iterator[tuple[str, Check]]:
    yield "skill", lambda evidence: _has_skill(evidence, seed)
    if rivals.simple is not None:
        simple = rivals.simple
        yield "simple-model", lambda evidence: _not_worse("simple-model", evidence, simple, Asked("skill", 0.0, FEWEST_ROWS, seed))
    for deployment, rival in rivals.served.items():
        name = "served" if len(rivals.served) == 1 else f"served:{deployment}"
        yield name, lambda evidence, name=name, rival=rival: _not_worse(name, evidence, rival, Asked("skill", 0.0, FEWEST_NEW_ROWS, seed))  # type: ignore[misc]


def _has_skill(evidence: Evidence, seed: int) -> GateResult:
    if len(evidence.test) < FEWEST_ROWS:
        return _skipped("skill", f"{len(evidence.test)} test rows are too few to judge; {FEWEST_ROWS} are needed.")
    found = skill_interval(evidence.test, evidence.blocks, seed)
    if not np.isfinite(found.estimate):
        return _skipped("skill", "the label is constant in the test rows; skill has no value there.")
    return _verdict("skill", found.lower > 0, f"skill {found} on {len(evidence.test)} test rows; its lower end must be above 0.")


@dataclass(frozen=True)
class Asked:
    """What a comparison is about."""

    metric: str
    tolerance: float
    fewest: int
    seed: int


def _not_worse(name: str, evidence: Evidence, rival: Rival, asked: Asked) -> GateResult:
    if rival.answers is None:
        return _skipped(name, rival.why_not)
    if len(rival.answers) < asked.fewest:
        return _skipped(name, f"{len(rival.answers)} test rows are new to {rival.title}; {asked.fewest} are needed to compare.")
    found = _gain(evidence, rival, find(asked.metric, evidence.task), asked.seed)
    if not np.isfinite(found.estimate):
        return _skipped(name, f"{asked.metric} has no value on these rows.")
    text = f"{asked.metric} is {_signed(found)} against {rival.title} on the same {len(rival.answers)} test rows"
    return _verdict(name, found.upper >= -asked.tolerance, f"{text}; not worse{f' by more than {asked.tolerance:g}' if asked.tolerance else ''} is wanted.")


def _gain(evidence: Evidence, rival: Rival, metric: Metric, seed: int) -> Interval:
    assert rival.answers is not None
    blocks = np.unique(evidence.blocks[rival.rows], return_inverse=True)[1]
    return gain(metric, evidence.test.take(rival.rows), rival.answers, blocks, seed)


def _signed(found: Interval) -> str:
    return f"{abs(found.estimate):.4g} {'better' if found.estimate >= 0 else 'worse'} (gain between {found.lower:.4g} and {found.upper:.4g})"


def _own(gate: Gate, rivals: Rivals, seed: int) -> Check:
    """A gate of the recipe: every part of it must hold."""
    if gate.max_gap is not None:
        gap = gate.max_gap
        return lambda evidence: _small_gap(gate.name, gap, evidence)
    if gate.not_worse_than is not None:
        rival = _rival(gate.not_worse_than, rivals)
        return lambda evidence: _all_of(gate.name, [*_bounds(gate, evidence), _against(gate, evidence, rival, seed)])
    return lambda evidence: _all_of(gate.name, _bounds(gate, evidence))


def _rival(wanted: NotWorseThan, rivals: Rivals) -> Rival:
    if wanted.deployment is None:
        return rivals.simple or Rival("the simple model", why_not="this is the simple model itself.")
    return rivals.served.get(wanted.deployment) or Rival(wanted.deployment, why_not=f"Deployment {wanted.deployment} serves no version of this model yet.")


def _against(gate: Gate, evidence: Evidence, rival: Rival, seed: int) -> GateResult:
    assert gate.not_worse_than is not None
    assert gate.metric is not None
    fewest = FEWEST_NEW_ROWS if gate.not_worse_than.deployment else FEWEST_ROWS
    if gate.slice is not None and rival.answers is not None:
        rival = _sliced(rival, evidence.slices[gate.slice.column] == gate.slice.value)
    return _not_worse(gate.name, evidence, rival, Asked(gate.metric, gate.not_worse_than.tolerance, fewest, seed))


def _sliced(rival: Rival, wanted: Any) -> Rival:
    assert rival.answers is not None
    return Rival(rival.title, rival.answers.take(wanted[rival.rows]), rival.rows & wanted)


def _bounds(gate: Gate, evidence: Evidence) -> list[GateResult]:
    """min and max, on all test rows or on each slice that is meant."""
    if gate.min is None and gate.max is None:
        return []
    assert gate.metric is not None
    metric = find(gate.metric, evidence.task)
    slices = _meant(gate, evidence)
    if not slices:
        return [_skipped(gate.name, f"no value of {gate.slice.column if gate.slice else ''} has {FEWEST_SLICE_ROWS} test rows.")]
    return [_within(gate, metric, where, answers) for where, answers in slices]


def _meant(gate: Gate, evidence: Evidence) -> list[tuple[str, Answers]]:
    if gate.slice is None:
        return [("", evidence.test)]
    column = gate.slice.column
    words = evidence.slices[column].astype(str)
    if gate.slice.value is not None:
        return [(f" where {column} is {gate.slice.value}", evidence.test.take(words == gate.slice.value))]
    values, counts = np.unique(words, return_counts=True)
    return [(f" where {column} is {value}", evidence.test.take(words == value)) for value in values[counts >= FEWEST_SLICE_ROWS]]


def _within(gate: Gate, metric: Metric, where: str, answers: Answers) -> GateResult:
    value = metric(answers)
    if not np.isfinite(value):
        return _skipped(gate.name, f"{metric.name} has no value on {len(answers)} test rows{where}.")
    good = (gate.min is None or value >= gate.min) and (gate.max is None or value <= gate.max)
    wanted = " and ".join(f"at {word} {bound:g}" for word, bound in (("least", gate.min), ("most", gate.max)) if bound is not None)
    return _verdict(gate.name, good, f"{metric.name} is {value:.4g} on {len(answers)} test rows{where}; {wanted} is wanted.")


def _small_gap(name: str, gap: MaxGap, evidence: Evidence) -> GateResult:
    metric = find(gap.metric, evidence.task)
    values = [metric(evidence.answers[split]) for split in gap.between]
    if not np.isfinite(values).all():
        return _skipped(name, f"{gap.metric} has no value on {' or '.join(gap.between)}.")
    text = " and ".join(f"{value:.4g} on {split}" for value, split in zip(values, gap.between, strict=True))
    return _verdict(name, abs(values[0] - values[1]) <= gap.value, f"{gap.metric} is {text}; they may differ by {gap.value:g}.")


def _all_of(name: str, results: Sequence[GateResult]) -> GateResult:
    """Failed where one failed (the failing sentences first), Passed where one passed, else Skipped."""
    order = {"Failed": 0, "Passed": 1, "Skipped": 2}
    worst = sorted(results, key=lambda each: order[each.outcome])
    shown = [each for each in worst if each.outcome == worst[0].outcome][:3]
    return GateResult(name=name, outcome=worst[0].outcome, message=" ".join(each.message for each in shown)[:MESSAGE])


def _verdict(name: str, good: Any, message: str) -> GateResult:
    return GateResult(name=name, outcome="Passed" if good else "Failed", message=f"{message[:1].upper()}{message[1:]}"[:MESSAGE])


def _skipped(name: str, message: str) -> GateResult:
    return GateResult(name=name, outcome="Skipped", message=f"{message[:1].upper()}{message[1:]}"[:MESSAGE])
