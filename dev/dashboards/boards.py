"""The five dashboards: what an on-call engineer looks at first, a model, its data, its training, and the operator."""

from dashboards.panels import Board, Query, line, lines, number, table
from dashboards.queries import (
    BUDGET,
    BY_MODEL,
    HERE,
    OWN,
    dropped,
    failing_or_none,
    latency,
    operators,
    pods,
    ready_pods,
    requests,
    rows,
    split_failing,
    split_latency,
)

MODEL = "{{namespace}}/{{model_deployment}}"
NAMESPACE = 'namespace=~"$namespace"'


def _all(expr: str, aggregate: str = "sum") -> str:
    return f"{aggregate}({expr})"


LEFT = f"clamp_min(1 - ({failing_or_none('30d', HERE)}) / {BUDGET}, -1)"
NOT_READY = f'trimtab_condition{{type="Ready",{NAMESPACE}}} == 0'

OVERVIEW = Board(
    "Overview",
    "Whether users get answers, whether the answers are any good, and what is in the way.",
    (
        number("Models that answer", f"count({ready_pods('stable', HERE)} > 0)"),
        number("Requests", _all(requests(OWN, HERE)), "reqps"),
        number("Failing, worst model", _all(failing_or_none(OWN, HERE), "max"), "percentunit", "Share of the clients' requests that got a 5xx."),
        number("Error budget left, worst model", _all(LEFT, "min"), "percentunit", "Of 0.1% in 30 days; below zero it is overdrawn."),
        line("Requests by model", requests(OWN, HERE), MODEL, "reqps"),
        line("Failing by model", failing_or_none(OWN, HERE), MODEL, "percentunit"),
        line("Time to an answer, 99%", latency(0.99, OWN, HERE), MODEL, "s", note="Of what stable pods answered, from the head of the request."),
        line("Error budget left", LEFT, MODEL, "percentunit"),
        table("Skill", f"trimtab_model_skill{{{HERE}}}", "namespace", "driftmonitor", "version", note="1 - loss / loss of the best constant."),
        table("Monitors", f"trimtab_driftmonitor_state{{{HERE}}} == 1", "namespace", "driftmonitor", "version", "state"),
        table("Not ready, and why", NOT_READY, "kind", "namespace", "name", "reason", event_only="all objects may be Ready"),
        table(
            "Alerts",
            'ALERTS{alertname=~"Trimtab.*",alertstate="firing"}',
            "alertname",
            "severity",
            "namespace",
            "model_deployment",
            event_only="there may be no alert",
        ),
    ),
)

INFO = f"trimtab_requests_total{{{HERE}}}"
MODEL_BOARD = Board(
    "Model",
    "One Deployment: what it is asked, how it answers, and how a version comes in.",
    (
        lines("Requests by who answered", "reqps", Query(f"sum by (version, role) (rate({INFO}[{OWN}]))", "v{{version}} {{role}}")),
        lines("Answers by status code", "reqps", Query(f"sum by (role, code) (rate({INFO}[{OWN}]))", "{{role}} {{code}}")),
        lines("Time to an answer", "s", *(Query(latency(q, OWN, HERE), f"{q:.0%} {MODEL}") for q in (0.5, 0.9, 0.99))),
        line("Under way", f"sum by ({BY_MODEL}, version) (trimtab_inference_inflight{{{HERE}}})", "v{{version}}"),
        lines("Ready pods", "short", Query(f"trimtab_deployment_ready_pods{{{HERE}}}", "v{{version}} {{place}}")),
        lines(
            "Candidate's share",
            "percent",
            Query(f"max by ({BY_MODEL}) (trimtab_split_weight_percent{{{HERE}}})", f"as pods say {MODEL}"),
            Query(f"trimtab_rollout_weight_percent{{{HERE}}}", "as the operator says v{{version}}", "there may be no rollout"),
            note="Both agree once all stable pods follow.",
        ),
        lines(
            "Failing, by arm",
            "percentunit",
            Query(split_failing("candidate", OWN), "candidate", "no candidate has failed yet"),
            Query(split_failing("stable", OWN), "stable", "no stable answer has failed yet"),
            note="The candidate's failures are answered by stable: clients do not see them.",
        ),
        lines("Time inside the pod, 99%, by arm", "s", Query(split_latency("candidate", OWN), "candidate"), Query(split_latency("stable", OWN), "stable")),
        line(
            "Requests that stable took over from the candidate",
            f"sum by ({BY_MODEL}, candidate) (rate(trimtab_candidate_fallbacks_total{{{HERE}}}[{OWN}]))",
            "v{{candidate}}",
            "reqps",
        ),
        line(
            "Shadow: rows answered otherwise",
            f"sum by ({BY_MODEL}, candidate) (rate(trimtab_shadow_disagreed_total{{{HERE}}}[{OWN}]))"
            f" / sum by ({BY_MODEL}, candidate) (rate(trimtab_shadow_compared_total{{{HERE}}}[{OWN}]))",
            "v{{candidate}}",
            "percentunit",
        ),
        lines(
            "Shadow: requests not compared",
            "reqps",
            Query(f"sum by (candidate) (rate(trimtab_shadow_dropped_total{{{HERE}}}[{OWN}]))", "dropped v{{candidate}}"),
            Query(f"sum by (candidate) (rate(trimtab_shadow_failed_total{{{HERE}}}[{OWN}]))", "failed v{{candidate}}"),
        ),
        lines(
            "Skill, its lower bound, and the line",
            "short",
            Query(f"trimtab_model_skill{{{HERE}}}", "skill v{{version}}"),
            Query(f"trimtab_model_skill_lower{{{HERE}}}", "lower bound v{{version}}"),
            Query(f"trimtab_model_skill_line{{{HERE}}}", "line v{{version}}"),
            note="Lost when the whole interval is below the line in two windows.",
        ),
        lines("Memory of serving pods", "bytes", Query(pods("process_resident_memory_bytes"), "{{instance}}")),
        lines("CPU of serving pods", "short", Query(pods("process_cpu_seconds_total", OWN), "{{instance}}"), note="Cores."),
        table("Rollout's verdict", f"trimtab_rollout_verdict{{{HERE}}}", "model_deployment", "version", "verdict", event_only="there may be no rollout"),
    ),
)

DATA = Board(
    "Data",
    "What the model is asked, whether it looks like what it learned from, and whether labels come.",
    (
        line(
            "Inputs that have drifted",
            f"trimtab_drift_features_drifted{{{HERE}}}",
            "{{driftmonitor}} v{{version}}",
            note="In the last window. Drift alone is nobody's alert.",
        ),
        line("Inputs looked at", f"trimtab_drift_features_tested{{{HERE}}}", "{{driftmonitor}} v{{version}}"),
        line("Effect, worst inputs", f"trimtab_drift_effect{{{HERE}}}", "{{feature}}", note="Jensen-Shannon distance from the reference, 0 to 1."),
        line("p, worst inputs", f"trimtab_drift_pvalue{{{HERE}}}", "{{feature}}", note="Corrected for all inputs looked at."),
        line("Broken inputs", f"sum by (driftmonitor, fault) (trimtab_data_faults{{{HERE}}})", "{{driftmonitor}} {{fault}}"),
        line("Predictions in the last window", f"trimtab_window_rows{{{HERE}}}", "{{driftmonitor}}"),
        line("Share of labels that have come", f"trimtab_labels_matured_ratio{{{HERE}}}", "{{driftmonitor}} v{{version}}", "percentunit"),
        line("Windows without labels", f"trimtab_labels_overdue_windows{{{HERE}}}", "{{driftmonitor}}", note="Two are an alert."),
        lines(
            "Prediction log",
            "rowsps",
            *(Query(rows(state, OWN, HERE), state) for state in ("taken", "spooled", "uploaded", "sampled_out", "dropped")),
        ),
        line("Share of the log that is lost", dropped(OWN, HERE), MODEL, "percentunit", note="1% is an alert."),
        line(
            "Newest event time in the store, ago",
            f"time() - max by ({BY_MODEL}) (trimtab_event_time_uploaded_seconds{{{HERE}}})",
            MODEL,
            "s",
            note="Of requests that bring an event time.",
            event_only="requests may bring no event time",
        ),
        line(
            "Monitor has looked up to, ago",
            f'time() - trimtab_driftmonitor_looked_upto_timestamp_seconds{{{HERE},clock="Wall"}}',
            "{{driftmonitor}}",
            "s",
            note="Of monitors on the wall's clock.",
        ),
        line(
            "Last look, ago",
            f"time() - trimtab_driftmonitor_last_evaluation_timestamp_seconds{{{HERE}}}",
            "{{driftmonitor}}",
            "s",
            note="On the wall's clock.",
            event_only="there is no such moment while a look is under way",
        ),
    ),
)

TRAINING = Board(
    "Training",
    "Runs, what began them and what came of them, and the data they learn from.",
    (
        table("Newest run", f"trimtab_run_outcome{{{NAMESPACE}}}", "namespace", "trainingjob", "model", "outcome", "cause"),
        table(
            "Datasets, FeatureSets and versions",
            f'trimtab_condition{{kind=~"Dataset|FeatureSet|ModelVersion",type="Ready",{NAMESPACE}}}',
            "kind",
            "namespace",
            "name",
            "reason",
            note="1: Ready.",
        ),
        line("Progress", f"trimtab_run_progress_percent{{{NAMESPACE}}}", "{{trainingjob}}", "percent", event_only="no run may be under way"),
        line("Duration of the newest run", f"trimtab_run_duration_seconds{{{NAMESPACE}}}", "{{trainingjob}}", "s"),
        line(
            "Incidents closed",
            f"sum by (driftmonitor, outcome) (trimtab_incidents_total{{{HERE}}})",
            "{{driftmonitor}} {{outcome}}",
            note="Since the operator started.",
        ),
        line("Skill by version", f"trimtab_model_skill{{{HERE}}}", "{{model}} v{{version}}"),
        table("Gates", f'trimtab_condition{{kind="ModelVersion",type="GatesPassed",{NAMESPACE}}}', "namespace", "name", "reason", note="1: passed."),
        table(
            "Fresh",
            f'trimtab_condition{{kind="FeatureSet",type="Fresh",{NAMESPACE}}}',
            "namespace",
            "name",
            "reason",
            event_only="freshness is watched where spec.maxAge is given",
        ),
    ),
)

OPERATOR = Board(
    "Operator",
    "Whether the operator does its work.",
    (
        number("Objects looked after", 'count(trimtab_condition{type="Ready"})'),
        number("Not ready", 'count(trimtab_condition{type="Ready"} == 0) or vector(0)'),
        number("Oldest object has waited", "max(trimtab_queue_oldest_seconds)", "s", "600 is an alert."),
        number(
            "Reconciles that fail",
            '(sum(rate(trimtab_reconcile_total{outcome="error"}[15m])) or vector(0)) / sum(rate(trimtab_reconcile_total[15m]))',
            "percentunit",
        ),
        line("Reconciles", f"sum by (outcome) (rate(trimtab_reconcile_total[{OWN}]))", "{{outcome}}", "reqps"),
        line(
            "Time of a reconcile, 99%", f"histogram_quantile(0.99, sum by (kind, le) (rate(trimtab_reconcile_duration_seconds_bucket[{OWN}])))", "{{kind}}", "s"
        ),
        line(
            "Requests to the API server and pods",
            f"sum by (verb) (rate(trimtab_api_requests_total[{OWN}]))",
            "{{verb}}",
            "reqps",
            note="Quiet means none but scrapes and the Lease.",
        ),
        line(
            "Requests that fail",
            f'sum by (code) (rate(trimtab_api_requests_total{{code=~"0|4..|5.."}}[{OWN}]))',
            "{{code}}",
            "reqps",
            note="0: no answer. A few 409 are normal: somebody was faster.",
            event_only="no request may have failed",
        ),
        line("Waiting objects", "trimtab_queue_depth", "{{instance}}"),
        line("Memory", operators("process_resident_memory_bytes"), "{{instance}}", "bytes"),
        line("CPU", operators("process_cpu_seconds_total", OWN), "{{instance}}", note="Cores."),
        table("Not ready, and why", 'trimtab_condition{type="Ready"} == 0', "kind", "namespace", "name", "reason", event_only="all objects may be Ready"),
    ),
    narrowed=False,
)

BOARDS: tuple[Board, ...] = (OVERVIEW, MODEL_BOARD, DATA, TRAINING, OPERATOR)
