"""Everything that one evaluation found, and what of it is answered to the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trimtab.api.driftmonitor import FeatureReading, PerformanceReading
from trimtab.api.evaluation import Comparison, Evaluated, EvaluateDocument, FaultReading, Parity, WindowReading
from trimtab.jobs.evaluation.comparing import Contest
from trimtab.jobs.evaluation.drifting import Drift
from trimtab.jobs.evaluation.hours import Window
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.parity import Compared, worst
from trimtab.jobs.evaluation.performance import Performance, Period
from trimtab.jobs.evaluation.replaying import Replayed
from trimtab.stats.drift import FeatureFinding, Finding

MOST_WORST, MOST_LEFT_OUT, MOST_FAULTS = 10, 10, 5
DETAIL = 300
"""Characters of a sentence in the answer; the report has it whole."""


@dataclass(frozen=True)
class Labels:
    """What there is to learn from. `learned`: rows that the watched version learned from; `new`: labelled ones since."""

    learned: int
    new: int
    repeated: int = 0
    contradicted: int = 0


@dataclass(frozen=True)
class Found:
    """One evaluation. `contest` is None where there is no predecessor; `jump` is a sentence where the clock jumped."""

    document: EvaluateDocument
    model: Model
    drift: Drift
    performance: Performance
    replayed: Replayed
    compared: Sequence[Compared]
    contest: Contest | None
    labels: Labels
    jump: str = ""
    false_alarms: float | None = None
    report_uri: str = ""

    @property
    def judged(self) -> Comparison | None:
        return self.contest.decided if self.contest else None

    @property
    def parity(self) -> Parity | None:
        """Of the FeatureSet that differs most, its sentence within the answer's room."""
        found = worst(self.compared)
        return found and found.model_copy(update={"detail": found.detail[:DETAIL]})

    @property
    def last_window(self) -> datetime | None:
        return self.drift.windows[-1].span.start if self.drift.windows else None


def answer(found: Found) -> Evaluated:
    """What the operator is told."""
    drift, last = found.drift, found.drift.last
    features = last.features if last else ()
    period = found.performance.last
    return Evaluated(
        windows=[_window(*each) for each in zip(drift.windows, drift.findings, strict=True)],
        drift=drift.reading,
        performance=found.performance.reading,
        tested=len(features),
        drifted=sum(each.drifted for each in features),
        worst=[_feature(each) for each in features[:MOST_WORST]],
        left_out=list(drift.left_out)[:MOST_LEFT_OUT],
        missing_windows=last.missing_windows if last else 0,
        faults=[FaultReading(name=each.name, column=each.column, detail=each.detail[:DETAIL]) for each in drift.faults[:MOST_FAULTS]],
        skill=_skill(found.performance, period) if period else None,
        skill_from=period.span.start if period else None,
        skill_to=period.span.end if period else None,
        replay=found.replayed.replay,
        parity=found.parity,
        judged=found.judged,
        incomparable=found.contest.remark[:DETAIL] if found.contest and found.contest.hopeless else "",
        labelled_rows=found.labels.learned + found.labels.new,
        new_rows=found.labels.new,
        clock_jump=bool(found.jump),
        expected_false_alarms_per_month=found.false_alarms,
        report_uri=found.report_uri,
    )


def sentence(found: Found) -> str:
    """For the Job's result: the last window and the last skill."""
    if not found.drift.windows:
        return "No window has closed since the version began to serve."
    last, period = found.drift.findings[-1], found.performance.last
    skill = f" Skill {period.judgement.skill}, degraded below {_number(found.performance.line)}." if period else ""
    return f"{found.model.pointer.name}, window {found.last_window:%Y-%m-%d %H:%M}: {last.verdict}, {last.rows} rows.{skill}{' ' if found.jump else ''}{found.jump}"


def _window(window: Window, finding: Finding) -> WindowReading:
    effect = max((each.effect for each in finding.features), default=0.0)
    return WindowReading(from_=window.span.start, to=window.span.end, rows=window.rows, verdict=finding.verdict, p=round(finding.p, 5), effect=round(effect, 4))


def _feature(finding: FeatureFinding) -> FeatureReading:
    return FeatureReading(feature=finding.name, effect=_number(finding.effect), p_value=_number(finding.p))


def _skill(performance: Performance, period: Period) -> PerformanceReading:
    skill = period.judgement.skill
    assert skill is not None
    promised = performance.standard.reference.estimate if performance.standard else float("-inf")
    return PerformanceReading(
        skill=_number(skill.estimate),
        lower=_number(skill.lower),
        upper=_number(skill.upper),
        reference=_number(promised),
        line=_number(performance.line),
        labels=period.labels,
        matured=f"{period.matured:.3f}",
    )


def _number(value: float | None) -> str:
    """Four digits; empty where there is no such number."""
    return "" if value is None or abs(value) == float("inf") or value != value else f"{value:.4g}"  # noqa: PLR0124 (NaN)
