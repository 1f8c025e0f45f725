"""The drift of the last closed windows of inputs: what each is compared with, what was found, how that reads together.

The reference is the profile that was frozen with the model, or what the version was asked before the window. What it takes to
alarm is `stats.drift`'s.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from trimtab.api.base import seconds
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault
from trimtab.jobs.evaluation.hours import Window, Windows
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.spans import DAY, HOUR, Span, before, whole_blocks
from trimtab.stats import blocked
from trimtab.stats.drift import Finding, Levels, Reading, examine, false_alarms_per_month, reading
from trimtab.stats.faults import Fault
from trimtab.stats.profiles import Profile
from trimtab.stats.reference import Feature, Reference, kind_of, slots, unfit
from trimtab.store.client import Store
from trimtab.store.errors import ObjectMissing
from trimtab.store.manifest import digest_of

USUAL = 0.99
"""Of the reference's own windows, this share has a smaller effect than what is called usual."""


@dataclass(frozen=True)
class Drift:
    """`findings` stand beside the spans of `windows`, oldest first; `reading` is `Unknown` where there is nothing to compare."""

    windows: Sequence[Window]
    findings: Sequence[Finding]
    reading: Reading
    levels: Levels
    reference: Reference | None
    blocks: int
    named: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = ()
    gone: tuple[Fault, ...] = ()

    @property
    def last(self) -> Finding | None:
        return self.findings[-1] if self.findings else None

    @property
    def left_out(self) -> dict[str, str]:
        """Inputs that are not looked at, with the reason."""
        logged = dict.fromkeys(self.unlogged, "it is not in the log as it was asked (spec.logging of the Deployment)")
        return logged if self.reference is None or self.named else logged | unfit(self.reference)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return (*self.gone, *(self.last.faults if self.last else ()))

    @cached_property
    def usual(self) -> dict[str, float]:
        """The effect of each input that the reference's own windows seldom exceed, had they as few rows as the last window."""
        if self.reference is None or not self.windows or self.levels.rows == "Independent":
            return {}
        windows = self.reference.windows(self.blocks)
        if len(windows.rows) < 2 or not windows.features:
            return {}
        effects = blocked.usual_effects(windows, max(1, self.windows[-1].rows))
        return dict(zip((each.name for each in windows.features), np.quantile(effects, USUAL, axis=0).tolist(), strict=True))


@dataclass
class Examiner:
    """Compares windows of one model as a monitor's spec says. `logged` counts the log's rows of a window, for a model whose windows nobody profiles."""

    spec: DriftMonitorSpec
    model: Model
    windows: Windows
    since: datetime
    logged: Callable[[Span], int]
    frozen: Reference | None = field(init=False)

    def __post_init__(self) -> None:
        self.frozen = _frozen(self.model)
        known = [each.name for each in self.model.inputs]
        if unknown := [name for name in self.spec.features if name not in known]:
            raise UserFault(Reason.COLUMN_MISSING, Reason.COLUMN_MISSING.say(field="spec.features", column=unknown[0], columns=", ".join(known[:20])))

    @property
    def length(self) -> timedelta:
        """Of a window: what was asked for, in whole blocks of what it is compared with."""
        return whole_blocks(seconds(self.spec.window.duration), HOUR if self._trailing else _block(self.frozen))

    @property
    def levels(self) -> Levels:
        tests, has_blocks = self.spec.tests, self._trailing or (self.frozen is not None and len(self.frozen.rows) > 1)
        rows = self.spec.rows or ("Blocked" if has_blocks else "Independent")
        return Levels(tests.alpha, tests.min_effect, tests.consecutive.k, tests.consecutive.of, self.spec.window.min_rows, rows)

    @property
    def blocks(self) -> int:
        """Of the reference, in a window."""
        return 1 if self._trailing or self.frozen is None or len(self.frozen.rows) < 2 else self.length // _block(self.frozen)

    @property
    def _trailing(self) -> bool:
        return self.spec.reference.type == "Trailing"

    def look(self, spans: Sequence[Span]) -> Drift:
        """Examine these windows; one without rows where the model has no profile to compare with."""
        live = [self._window(span) for span in spans]
        references = [self._reference(each) for each in live]
        findings = [self._examine(reference, each) for reference, each in zip(references, live, strict=True)]
        last = references[-1] if references else None
        told = reading(findings, self.levels) if findings else "Unknown"
        unlogged = _unlogged(self.frozen, live) if self.frozen else ()
        return Drift(live, findings, told, self.levels, last, self.blocks, tuple(self.spec.features), unlogged, _gone(live))

    def _window(self, span: Span) -> Window:
        return self.windows.of(span) if self.frozen else Window(span, Profile(self.logged(span), {}), Profile(0, {}))

    def _examine(self, reference: Reference | None, window: Window) -> Finding:
        if window.rows < self.spec.window.min_rows:
            return Finding("DataInsufficient", window.rows)
        if reference is None or not reference.features:
            return Finding("Learning", window.rows, missing_windows=blocked.windows_needed(self.spec.tests.alpha))
        start = np.datetime64(window.span.start.replace(tzinfo=None), "s")
        return examine(reference, window.inputs, start, blocks=self.blocks, levels=self.levels, named=self.spec.features)

    def _reference(self, window: Window) -> Reference | None:
        """Of the inputs that the window has: what is not logged is no change."""
        if not self._trailing:
            return self.frozen.only(list(window.inputs.parts)) if self.frozen else None
        earlier = [self._window(each) for each in before(window.span, seconds(self.spec.reference.window), self.since)]
        return _of_windows([each for each in earlier if each.rows], list(window.inputs.parts))


def false_alarms(store: Store, uri_of: Callable[[str], str], drift: Drift) -> float | None:
    """Alarms a month that the reference itself would have raised, computed once for one reference and levels; None: too few windows.

    `uri_of` gives the address under which the answer to a digest is kept.
    """
    if drift.reference is None:
        return None
    uri = uri_of(_digest(drift))
    try:
        kept: float | None = json.loads(store.get(uri))["perMonth"]
    except (ObjectMissing, ValueError, KeyError):
        found = false_alarms_per_month(drift.reference, drift.blocks, drift.levels, drift.named)
        kept = None if np.isnan(found) else round(found, 3)
        store.put(uri, json.dumps({"perMonth": kept}).encode())
    return kept


def _digest(drift: Drift) -> str:
    assert drift.reference is not None
    counts = hashlib.sha256(drift.reference.starts.tobytes())
    for each in drift.reference.features:
        counts.update(each.name.encode() + each.counts.tobytes())
    return digest_of({"counts": counts.hexdigest(), "levels": vars(drift.levels), "blocks": drift.blocks, "named": list(drift.named)})


def _frozen(model: Model) -> Reference | None:
    """The reference that was frozen with the model, of its inputs."""
    if not model.profile or "columns" not in model.profile:
        return None
    return Reference.decode(model.profile).only([each.name for each in model.inputs])


def _block(reference: Reference | None) -> timedelta:
    """How long a block of the reference is; an hour where it has none, as windows of live requests have."""
    if reference is None or len(reference.starts) < 2:
        return HOUR
    return max(1, round(int((reference.starts[1] - reference.starts[0]) / np.timedelta64(1, "D")))) * DAY


def _of_windows(windows: Sequence[Window], names: Sequence[str]) -> Reference:
    starts = np.array([each.span.start.replace(tzinfo=None) for each in windows], dtype="datetime64[s]")
    known = [name for name in names if all(name in each.inputs.parts for each in windows)]
    features = [
        Feature(name, kind_of(windows[0].inputs.parts[name]), np.stack([slots(each.inputs.parts[name]) for each in windows])) for name in known if windows
    ]
    return Reference(starts, np.array([each.rows for each in windows], dtype=np.int64), tuple(features))


def _unlogged(frozen: Reference, live: Sequence[Window]) -> tuple[str, ...]:
    logged = {name for each in live for name in each.inputs.parts}
    return tuple(each.name for each in frozen.features if each.name not in logged) if logged else ()


def _gone(live: Sequence[Window]) -> tuple[Fault, ...]:
    """Inputs that an earlier window has and the last one lacks."""
    if not live or not live[-1].rows:
        return ()
    earlier = dict.fromkeys(name for each in live[:-1] for name in each.inputs.parts)
    return tuple(Fault("SchemaChanged", name, f"{name} is not in the log any more.") for name in earlier if name not in live[-1].inputs.parts)
