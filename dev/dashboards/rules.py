"""The alerts, as a Prometheus rules file: what wakes a person, what makes a ticket, and why neither cries wolf.

A page says that users get no answers, or that nothing would say so any more. A ticket says that a model, its data or its log need a
person in the next days. At most one false page a quarter in a cluster and one false ticket a quarter for a model: `budget` says of
each alert how. Drift alone is nobody's alert: inputs change without harm, and where skill is lost, that is said.
"""

from dataclasses import dataclass
from typing import Any, Literal

from dashboards.queries import BUDGET, BY_MODEL, condition, dropped, expected_pods, failed, failing, ready_pods, scraped_pods

RUNBOOKS = "docs/runbooks"
"""Where the pages are in this repository; the chart adds `runbook_url` where the value monitoring.rules.runbooks says that they are published."""

LEAST_FAILED = 20
"""Failed requests below which a share says nothing: of ten requests at night one that fails is 10%."""


@dataclass(frozen=True)
class Rule:
    """One alert. `signals` are the parts of `expr` that have data whenever there is anything to watch; labels come out of `expr`."""

    alert: str
    severity: Literal["page", "ticket"]
    expr: str
    for_: str
    signals: tuple[str, ...]
    summary: str
    description: str
    first: str
    """The first steps, for a terminal: who is woken may have no link to follow."""
    budget: str
    """How the false-alarm budget is kept."""
    event_only: str = ""
    """Why its signals may have no data while all is well."""


def see(kind: str, label: str) -> str:
    return f"First: kubectl describe {kind} {_it(label)} (or trimtab why) tells what happened."


def hold(kind: str, label: str) -> str:
    return f"Stop the machine: kubectl annotate {kind} {_it(label)} trimtab.dev/paused=true."


def _it(label: str) -> str:
    """The object that the alert is about, filled in by Prometheus."""
    return f"{{{{ $labels.{label} }}}} -n {{{{ $labels.namespace }}}}"


SEE_DEPLOYMENT, HOLD_DEPLOYMENT = see("mdep", "model_deployment"), hold("mdep", "model_deployment")
SEE_MONITOR, HOLD_MONITOR = see("dm", "driftmonitor"), hold("dm", "driftmonitor")
UNDO = f"Go back: trimtab rollout undo {_it('model_deployment')}."
ABORT = f"Go back: trimtab rollout abort {_it('model_deployment')}."


def burn(pairs: tuple[tuple[str, str, float], ...]) -> str:
    """Long window and short one both burn: the long one says that it matters, the short one that it still goes on."""
    return "\nor\n".join(_burns(long, short, factor) for long, short, factor in pairs)


def _burns(long: str, short: str, factor: float) -> str:
    bound = f"{factor * BUDGET:.4g}"
    enough = f"{_failed_in(long)} > {LEAST_FAILED}"
    # Of a model of yesterday the last three days are hours; those are for the fast windows to judge.
    old_enough = f" and sum by ({BY_MODEL}) (trimtab_requests_total offset {long})" if long.endswith("d") else ""
    return f"(({failing(long)}) > {bound} and ({failing(short)}) > {bound} and {enough}{old_enough})"


def _failed_in(window: str) -> str:
    """How many, not how many a second."""
    return failed(window).replace("rate(", "increase(")


STABLE = ready_pods("stable")
SERVING_DOWN = Rule(
    "TrimtabServingDown",
    "page",
    f"{STABLE} == 0",
    "3m",
    (STABLE,),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: no pod answers.",
    "The Deployment has a stable version and none of its pods has been ready for 3 minutes. Clients get no answer.",
    f"{SEE_DEPLOYMENT} {HOLD_DEPLOYMENT} {UNDO}",
    "A rollout takes no pod before its successor is ready, and the pod of a drained node is back within a minute; replicas: 0 is no outage and gives no series.",
)

FAST = (("1h", "5m", 14.4), ("6h", "30m", 6.0))
SLOW = (("1d", "2h", 3.0), ("3d", "6h", 1.0))
BURN_FAST = Rule(
    "TrimtabErrorBudgetBurn",
    "page",
    burn(FAST),
    "2m",
    tuple(failing(window) for pair in FAST for window in pair[:2]),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: {{ $value | humanizePercentage }} of the requests fail.",
    "More than 2% of a month's error budget (0.1% of the requests) was spent within an hour, or 5% within six, and it goes on.",
    f"First: dashboard Model says which status code, since when, of which version. {HOLD_DEPLOYMENT} {UNDO}",
    f"Two windows must agree, and {LEAST_FAILED} requests must have failed: a single burst ends with its short window, and a quiet night has too few.",
    event_only="there is no series of a status code that was never answered",
)
BURN_SLOW = Rule(
    "TrimtabErrorBudgetBurn",
    "ticket",
    burn(SLOW),
    "15m",
    tuple(failing(window) for pair in SLOW for window in pair[:2]),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: the month's error budget will not last.",
    "Requests fail at a rate that spends the month's error budget (0.1% of the requests) before the month is over.",
    f"First: dashboard Model says which status code, since when, of which version. {HOLD_DEPLOYMENT} {UNDO}",
    "It takes hours of failing at 3 times what the budget allows, or days of just that: chance does not last that long. A model younger than the window is left to the page.",
    event_only="there is no series of a status code that was never answered",
)

TOLD = "count(trimtab_condition)"
SERVING = "count(trimtab_inference_inflight)"
QUEUE = "count(trimtab_queue_depth)"
"""Of every operator, whether it leads or not."""
OLDEST = "max(trimtab_queue_oldest_seconds)"
ERRORS = 'sum(rate(trimtab_reconcile_total{outcome="error"}[15m])) / sum(rate(trimtab_reconcile_total[15m]))'
OPERATOR_STUCK = Rule(
    "TrimtabOperatorStuck",
    "page",
    f"(count(last_over_time(trimtab_condition[1d])) unless on () {TOLD})\nor on () ({SERVING} unless on () {QUEUE})\nor on () ({OLDEST} > 600)\nor on () ({ERRORS} > 0.5)",
    "15m",
    (TOLD, SERVING, QUEUE, OLDEST, "sum(rate(trimtab_reconcile_total[15m]))"),
    "The operator does not do its work.",
    "No operator has told of its objects, or none is read by Prometheus while serving pods are, or one object has waited for 10 minutes, or half of all reconciles failed, for 15 minutes. "
    "Models go on answering; nothing is rolled out, taken back or retrained, and the other alerts of Trimtab are blind.",
    "First: kubectl get pods -A -l app.kubernetes.io/name=operator, and the log of that pod; if all is well there, Prometheus, Status > Targets. "
    "Clients are answered. Stop the machine: kubectl scale deployment of the operator to 0. Go back: helm rollback; a restart is always safe.",
    "An upgrade or a lost leader costs seconds, a restarted API server a few minutes; "
    "liveness restarts a hanging process after 5 minutes, so 15 minutes are two tries.",
)

EXPECTED, SCRAPED = expected_pods(), scraped_pods()
NOT_SCRAPED = Rule(
    "TrimtabNotScraped",
    "ticket",
    f"sum by ({BY_MODEL}) (clamp_min({EXPECTED} - ({SCRAPED} or 0 * {EXPECTED}), 0)) > 0",
    "30m",
    (EXPECTED, SCRAPED),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: Prometheus does not read {{ $value }} of its ready pods.",
    "The operator counts more ready pods than Prometheus scrapes, for half an hour. Clients are answered, but errors, latency and the "
    "prediction log of these pods are in no alert and on no dashboard.",
    "First: Prometheus, Status > Targets, then the labels of the PodMonitor, the pods' annotations, and networkPolicy.scrapeFrom. "
    f"Nothing needs to be stopped; to keep versions from changing meanwhile: kubectl annotate mdep {_it('model_deployment')} trimtab.dev/paused=true.",
    "A pod that has just come is found within minutes and one lost scrape is over with the next; half an hour is sixty scrapes. "
    "Counted by version, so that pods that are going away stand in for none. One Prometheus must read the operator and the pods.",
)
LOOKED = "trimtab_driftmonitor_looked_upto_timestamp_seconds"
WINDOW = "max by (namespace, driftmonitor) (trimtab_driftmonitor_window_seconds)"
BEHIND = f'max by (namespace, driftmonitor) (time() - {LOOKED}{{clock="Wall"}})'
EVENTS = (
    "max by (namespace, driftmonitor) (max by (namespace, model_deployment) (trimtab_event_time_uploaded_seconds)"
    f' - on (namespace, model_deployment) group_right () {LOOKED}{{clock="Event"}})'
)
ON_HOLD = (
    'max by (namespace, driftmonitor) (label_replace(trimtab_condition{kind="DriftMonitor",type="Ready",reason=~"Paused|Suspended"}, '
    '"driftmonitor", "$1", "name", "(.+)"))'
)
MONITOR_SILENT = Rule(
    "TrimtabMonitorSilent",
    "ticket",
    f"(({BEHIND} or {EVENTS}) > 2 * {WINDOW} + 3600)\nunless {ON_HOLD}",
    "30m",
    (f"{BEHIND} or {EVENTS}", WINDOW),
    "{{ $labels.namespace }}/{{ $labels.driftmonitor }} has stopped looking.",
    "Two windows and an hour have gone by on the monitor's clock since the end of the last one that was looked at: "
    "nobody would see the model lose its skill. Time is reckoned by Prometheus, not by the monitor.",
    f"{SEE_MONITOR} {HOLD_MONITOR} A look now: kubectl annotate dm {_it('driftmonitor')} trimtab.dev/run-requested=now --overwrite.",
    "A look takes minutes and begins when a window closes; one that failed is tried again within the hour, and there is a whole window of slack.",
)

LATE = (
    'max by (namespace, model_deployment) (label_replace(trimtab_condition{kind="Deployment",type="Progressing",reason="ProgressDeadlineExceeded"}, '
    '"model_deployment", "$1", "name", "(.+)")) == 0'
)
STARTING = ready_pods("candidate")
ROLLOUT_STUCK = Rule(
    "TrimtabRolloutStuck",
    "ticket",
    f"({LATE})\nor ({STARTING} == 0)",
    "1h",
    (condition("Deployment", "Ready", "model_deployment"),),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: a version is neither promoted nor taken back.",
    "The rollout is over spec.rollout.progressDeadlineSeconds, or the new version has had no ready pod for an hour. "
    "Clients are answered by the version before.",
    f"{SEE_DEPLOYMENT} {HOLD_DEPLOYMENT} {ABORT}",
    "The deadline is the owner's own; a step that waits for a person's word is not overdue. An hour is twelve times what a pod may take to start.",
)

DROPPED = dropped("30m")
LOG_DROPPING = Rule(
    "TrimtabPredictionLogDropping",
    "ticket",
    f"({DROPPED}) > 0.01",
    "15m",
    (DROPPED,),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: {{ $value | humanizePercentage }} of the prediction log is lost.",
    "More than 1% of the predictions of half an hour were dropped. Answers are not touched; monitoring and the next training lack these rows.",
    f"First: the log of its pods, event prediction_log.store_away (mend the store or Secret trimtab-store) or prediction_log.dropped (more replicas). {HOLD_DEPLOYMENT}",
    "Rows wait on the pod's disk while the store is away, so that a short outage drops none; "
    "what is sampled out on purpose is not counted, and a full disk of one pod for a minute stays below 1%.",
)

FAULTS = 'max by (namespace, driftmonitor, model_deployment, fault) (trimtab_data_faults{fault=~"NullFlood|SchemaChanged"})'
NULL_FLOOD = Rule(
    "TrimtabNullFlood",
    "ticket",
    f"{FAULTS} > 0",
    "15m",
    (FAULTS,),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: {{ $value }} input columns are broken ({{ $labels.fault }}).",
    "Input columns are suddenly empty, gone or of another type: the model answers from less than it learned with. "
    "Nothing is retrained meanwhile: a model that learned from it would be worse.",
    f"{SEE_MONITOR} Mend what fills the requests. {HOLD_MONITOR} {UNDO}",
    "A column counts only when it is emptier, by a margin, than in any day of the reference; one look must find it and no later look take it back.",
)

OVERDUE = "max by (namespace, driftmonitor, model_deployment) (trimtab_labels_overdue_windows)"
ENOUGH = condition("DriftMonitor", "DataInsufficient", "driftmonitor")
LABELS_OVERDUE = Rule(
    "TrimtabLabelsOverdue",
    "ticket",
    f"{OVERDUE} >= 2\nand on (namespace, driftmonitor) ({ENOUGH} == 0)",
    "1h",
    (OVERDUE, ENOUGH),
    "{{ $labels.namespace }}/{{ $labels.model_deployment }}: no labels for {{ $value }} windows.",
    "Two windows of skill in a row could not be judged although their labels should have come and there were predictions enough: lost skill would not be seen.",
    f"{SEE_MONITOR} Then ask whoever sends labels. {HOLD_MONITOR}",
    "spec.performance.labelMaturity has passed for both windows, a whole window of slack; a model that is hardly asked is left out.",
)

DEGRADED = condition("DriftMonitor", "PerformanceDegraded", "driftmonitor")
AT_WORK = 'max by (namespace, driftmonitor) (trimtab_driftmonitor_state{state=~"Retraining|Validating"})'
SKILL_LOW = Rule(
    "TrimtabSkillLow",
    "ticket",
    f"({DEGRADED} == 1)\nunless on (namespace, driftmonitor) ({AT_WORK} == 1)",
    "6h",
    (DEGRADED, AT_WORK),
    "{{ $labels.namespace }}/{{ $labels.driftmonitor }}: the model has lost its skill, and nothing is being done about it.",
    "Skill is below its line, by its whole interval, in two matured windows, and for six hours no run has been under way: "
    "a retraining is held back, brought nothing, or is not wanted here.",
    f"{SEE_MONITOR} Broken inputs: mend them; drift beside it: trimtab run the TrainingJob. {HOLD_MONITOR}",
    "Two windows below the line by the whole 95% interval are a chance of about 1 in 1600; a machine that mends it by itself makes no ticket.",
)

SKEW = condition("DriftMonitor", "SkewDetected", "driftmonitor")
SKEW_DETECTED = Rule(
    "TrimtabSkewDetected",
    "ticket",
    f"{SKEW} == 1",
    "15m",
    (SKEW,),
    "{{ $labels.namespace }}/{{ $labels.driftmonitor }}: serving answers otherwise than the model does offline.",
    "Logged predictions were computed again from their logged inputs and did not match: a bug in serving, in the model's file or in the log.",
    f"{SEE_MONITOR} Since a new image: helm rollback; since a new version: trimtab rollout undo. {HOLD_MONITOR}",
    "It is arithmetic, not a statistic: the same model and inputs give the same answer, up to a tolerance for rounding.",
)

NEWEST_RUN = 'max by (namespace, trainingjob, model) (trimtab_run_outcome{outcome="Failed",cause=~"Incident|NewData"})'
RETRAIN_FAILED = Rule(
    "TrimtabRetrainFailed",
    "ticket",
    f"{NEWEST_RUN} == 1",
    "1h",
    ("max by (namespace, trainingjob, model) (trimtab_run_outcome)",),
    "{{ $labels.namespace }}/{{ $labels.trainingjob }}: a retraining that nobody asked for has failed.",
    "The newest run was begun by an incident or by new data and ended without a version. What serves goes on serving, as old as it is.",
    f"{see('tj', 'trainingjob')} {hold('tj', 'trainingjob')} Nothing is to go back to: what served serves.",
    "Its pod was tried again (runPolicy.backoffLimit) before the run counts as failed, and it is the newest run for an hour; "
    "a gate that refuses a version is no failure, and neither is a run that a person began and sees.",
)

RULES: tuple[Rule, ...] = (
    SERVING_DOWN,
    BURN_FAST,
    BURN_SLOW,
    OPERATOR_STUCK,
    NOT_SCRAPED,
    MONITOR_SILENT,
    ROLLOUT_STUCK,
    LOG_DROPPING,
    NULL_FLOOD,
    LABELS_OVERDUE,
    SKILL_LOW,
    SKEW_DETECTED,
    RETRAIN_FAILED,
)


def document() -> dict[str, Any]:
    """The rules file, which is also the spec of a PrometheusRule."""
    return {"groups": [{"name": "trimtab", "rules": [_written(rule) for rule in RULES]}]}


def _written(rule: Rule) -> dict[str, Any]:
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.for_,
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "description": f"{rule.description} {rule.first}", "runbook": f"{RUNBOOKS}/{rule.alert}.md"},
    }


PAGE = """\
<!-- Written by dev/generate.py from dev/dashboards/rules.py; change it there. -->

# Alerts

`charts/trimtab/monitoring/rules.yaml` is a Prometheus rules file; the chart installs it as a PrometheusRule where
`monitoring.rules.enabled` is true. A page means that users get no answers, or that nothing would say so; a ticket, that a person is
needed in the next days. Drift alone is nobody's alert. Each alert's own description names the first steps, with the object filled in, so
that it is of use without a link; `runbook` names its page in this repository, and `runbook_url` is added where `monitoring.rules.runbooks`
says that the pages are published.

**The false-alarm budget** is one false page a quarter in a cluster, and one false ticket a quarter for a model. The last column says how each
keeps it; `tests/chart/test_alerts.py` plays each alert firing, healthy, and nearly firing. No number here was measured over a quarter of
production: these are arguments, each with its test, not a record.

| alert | severity | for | says | why it does not cry wolf |
|---|---|---|---|---|
"""


def page() -> str:
    """docs/reference/alerts.md."""
    rows = (f"| [{rule.alert}](../runbooks/{rule.alert}.md) | {rule.severity} | {rule.for_} | {rule.description} | {rule.budget} |\n" for rule in RULES)
    return PAGE + "".join(rows)
