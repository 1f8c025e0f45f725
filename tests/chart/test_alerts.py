"""Each alert fires on what it is for, and stays silent where all is well and where it nearly is not: played to promtool's own Prometheus.

A case is what Prometheus would have scraped, one value a minute, and for how long; the annotations that follow are not compared.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from support import promtool
from support.helm import REPOSITORY

RULES = REPOSITORY / "charts" / "trimtab" / "monitoring" / "rules.yaml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
sys.path.append(str(REPOSITORY / "dev"))

from dashboards import rules  # noqa: E402
from trimtab.api.reasons import Reason  # noqa: E402
from trimtab.cli.main import build  # noqa: E402
from trimtab.plans.retraining import Hindrance  # noqa: E402

MODEL = 'namespace="a",model_deployment="flights"'
WATCH = f'{MODEL},driftmonitor="flights",model="flights",version="3"'
DAY = 1440
"""Minutes."""


@dataclass(frozen=True)
class Case:
    """Series over time, and for each moment (in minutes) the severities that fire then."""

    series: dict[str, str]
    fires: dict[int, set[str]] = field(default_factory=dict)


def counter(name: str, labels: str, per_minute: float, minutes: int, *, after: float | None = None, more: int = 0) -> dict[str, str]:
    """So many a minute, and from then on another number."""
    text = f"0+{per_minute}x{minutes}"
    return {f"{name}{{{labels}}}": text + (f" {per_minute * minutes + after}+{after}x{more}" if after is not None else "")}


def answers(failing: float, minutes: int, a_minute: float = 1000.0, after: float = 0.0, more: int = 0) -> dict[str, str]:
    """A model under load, of which a share fails."""
    series = {}
    for code, before, later in (("200", 1 - failing, 1 - after), ("500", failing, after)):
        series |= counter("trimtab_requests_total", f'{MODEL},role="Stable",code="{code}"', a_minute * before, minutes, after=a_minute * later, more=more)
    return series


def condition(kind: str, type_: str, reason: str, values: str) -> dict[str, str]:
    return {f'trimtab_condition{{kind="{kind}",namespace="a",name="flights",type="{type_}",reason="{reason}"}}': values}


def states(*on: str, minutes: int = DAY) -> dict[str, str]:
    return {
        f'trimtab_driftmonitor_state{{{WATCH},state="{each}"}}': f"{int(each in on)}x{minutes}" for each in ("Healthy", "Degraded", "Retraining", "Validating")
    }


def looking(clock: str, upto: str, minutes: int, window: int = 86400) -> dict[str, str]:
    return {
        f'trimtab_driftmonitor_looked_upto_timestamp_seconds{{{WATCH},clock="{clock}"}}': upto,
        f'trimtab_driftmonitor_window_seconds{{{WATCH},clock="{clock}"}}': f"{window}x{minutes}",
    }


def log(taken: float, dropped: float, minutes: int) -> dict[str, str]:
    rows = {"taken": taken, "dropped": dropped, "sampled_out": 500.0}
    series = {}
    for state, number in rows.items():
        series |= counter("trimtab_prediction_log_rows_total", f'{MODEL},version="3",state="{state}"', number, minutes)
    return series


def run(outcome: str, cause: str, minutes: int = 180) -> dict[str, str]:
    return {f'trimtab_run_outcome{{namespace="a",trainingjob="flights",model="flights",outcome="{outcome}",cause="{cause}"}}': f"1x{minutes}"}


def pods(place: str, values: str) -> dict[str, str]:
    return {f'trimtab_deployment_ready_pods{{{MODEL},model="flights",version="3",place="{place}"}}': values}


def read(number: int, minutes: int, version: str = "3") -> dict[str, str]:
    """Serving pods that Prometheus scrapes."""
    return {
        f'trimtab_inference_inflight{{{MODEL},model="flights",version="{version}",instance="10.0.0.{each}:8081"}}': f"0x{minutes}" for each in range(number)
    }


def overdue(windows: float, insufficient: int = 0, minutes: int = 180) -> dict[str, str]:
    return {f"trimtab_labels_overdue_windows{{{WATCH}}}": f"{windows}x{minutes}"} | condition(
        "DriftMonitor", "DataInsufficient", "Why", f"{insufficient}x{minutes}"
    )


def faults(name: str, values: str) -> dict[str, str]:
    return {f'trimtab_data_faults{{{WATCH},fault="{name}"}}': values}


BURST = {
    f'trimtab_requests_total{{{MODEL},role="Stable",code="200"}}': "0+1000x120 120500 121500+1000x60",
    f'trimtab_requests_total{{{MODEL},role="Stable",code="500"}}': "0x120 500x61",
}
READY = condition("Deployment", "Ready", "Serving", "1x300")
QUIET = {"trimtab_queue_oldest_seconds": "0x300", "trimtab_queue_depth": "0x300"} | counter(
    "trimtab_reconcile_total", 'kind="Dataset",outcome="unchanged"', 10, 300
)
PAGE, TICKET = {"page"}, {"ticket"}

CASES: dict[str, dict[str, Case]] = {
    "TrimtabServingDown": {
        "fires when no pod is ready for 3 minutes": Case(pods("stable", "2x5 0x20"), {7: set(), 10: PAGE}),
        "does not when all is well": Case(pods("stable", "2x60"), {30: set()}),
        "does not when a single pod is back after two minutes": Case(pods("stable", "1x5 0x1 1x20"), {7: set(), 10: set(), 20: set()}),
        "does not when one of two pods is left": Case(pods("stable", "1x60"), {30: set()}),
        "does not when a candidate has no pods yet": Case(pods("stable", "2x60") | pods("candidate", "0x60"), {30: set()}),
    },
    "TrimtabErrorBudgetBurn": {
        "pages when 2% fail for an hour": Case(answers(0, 120, after=0.02, more=120), {120: set(), 200: PAGE}),
        "pages when everything fails for 10 minutes": Case(answers(0, 120, after=1.0, more=30), {135: PAGE}),
        "makes a ticket when 0.4% fail for a day, and wakes nobody": Case(answers(0.004, 2 * DAY), {2 * DAY: TICKET}),
        "makes a ticket when 0.15% fail for three days": Case(answers(0.0015, 4 * DAY), {4 * DAY: TICKET}),
        "does not when nothing fails": Case(answers(0, 4 * DAY), {4 * DAY: set()}),
        "does not when 0.09% fail for days": Case(answers(0.0009, 4 * DAY), {DAY: set(), 4 * DAY: set()}),
        "does not for a minute in which half of the requests fail": Case(BURST, {124: set(), 130: set(), 180: set()}),
        "does not when 5 of 100 requests at night fail": Case(answers(0.05, 60, a_minute=1.5), {60: set()}),
        "does not for a client that leaves": Case(
            answers(0, 240) | counter("trimtab_requests_total", f'{MODEL},role="Stable",code="499"', 500, 240), {240: set()}
        ),
        "does not for a candidate that fails and is answered for": Case(
            answers(0, 240) | counter("trimtab_requests_total", f'{MODEL},role="Candidate",code="500"', 500, 240), {240: set()}
        ),
    },
    "TrimtabOperatorStuck": {
        "fires when nobody tells of the objects any more": Case(
            condition("Deployment", "Ready", "Serving", "1x30 stale") | {"trimtab_queue_oldest_seconds": "0x30 stale"},
            {29: set(), 40: set(), 50: PAGE, 300: PAGE},
        ),
        "fires when an object waits for more than ten minutes": Case(READY | QUIET | {"trimtab_queue_oldest_seconds": "700x60"}, {10: set(), 20: PAGE}),
        "fires when most reconciles fail": Case(READY | QUIET | counter("trimtab_reconcile_total", 'kind="Dataset",outcome="error"', 15, 300), {100: PAGE}),
        "fires when serving pods are read and no operator ever was": Case(read(2, 90), {10: set(), 20: PAGE, 90: PAGE}),
        "still fires a day after the last one was read": Case(
            condition("Deployment", "Ready", "Serving", "1x30 stale") | {"trimtab_queue_depth": "0x30 stale"} | read(2, 2 * DAY), {60: PAGE, 2 * DAY: PAGE}
        ),
        "does not when all is well": Case(READY | QUIET | read(2, 300), {200: set()}),
        "does not in a cluster without objects": Case({"trimtab_queue_oldest_seconds": "0x300"}, {200: set()}),
        "does not when the operator is away for ten minutes": Case(
            condition("Deployment", "Ready", "Serving", "1x30 stale _x8 1x60"), {38: set(), 45: set(), 90: set()}
        ),
        "does not when an object waits for five minutes, or a few reconciles fail": Case(
            READY | QUIET | {"trimtab_queue_oldest_seconds": "300x300"} | counter("trimtab_reconcile_total", 'kind="Dataset",outcome="error"', 4, 300),
            {200: set()},
        ),
    },
    "TrimtabNotScraped": {
        "fires when one of two pods is not read": Case(pods("stable", "2x90") | QUIET | read(1, 90), {20: set(), 40: TICKET}),
        "fires when none is": Case(pods("stable", "2x90"), {40: TICKET}),
        "fires when a candidate is not read, though the pods of the version before are going away": Case(
            pods("candidate", "2x90") | read(5, 90, version="2"), {40: TICKET}
        ),
        "does not when all are read": Case(pods("stable", "2x90") | QUIET | read(2, 90), {40: set(), 90: set()}),
        "does not when more are read than are ready": Case(pods("stable", "2x90") | QUIET | read(4, 90), {90: set()}),
        "does not when no pod is ready": Case(pods("stable", "0x90") | QUIET, {90: set()}),
        "does not when a new pod is found after 20 minutes": Case(
            pods("stable", "1x30 2x60") | QUIET | read(1, 90) | {f'trimtab_inference_inflight{{{MODEL},version="3",instance="new"}}': "_x50 0x40"},
            {45: set(), 90: set()},
        ),
    },
    "TrimtabMonitorSilent": {
        "fires two windows and an hour after the last one on the wall's clock": Case(
            looking("Wall", f"0x{3 * DAY}", 3 * DAY), {2 * DAY + 50: set(), 2 * DAY + 120: TICKET}
        ),
        "fires when requests' time goes on without it": Case(
            looking("Event", "1000000x120", 120) | {f"trimtab_event_time_uploaded_seconds{{{MODEL}}}": f"{1000000 + 2 * 86400 + 3700}x120"},
            {20: set(), 60: TICKET},
        ),
        "does not while it looks each day": Case(
            looking("Wall", f"0x{DAY} 86400x{DAY} 172800x{DAY}", 3 * DAY), {DAY: set(), 2 * DAY: set(), 3 * DAY - 5: set()}
        ),
        "does not when a look is a window late": Case(looking("Wall", f"0x{3 * DAY}", 3 * DAY), {2 * DAY - 10: set(), 2 * DAY + 30: set()}),
        "does not while no requests come on their clock": Case(
            looking("Event", f"1000000x{3 * DAY}", 3 * DAY) | {f"trimtab_event_time_uploaded_seconds{{{MODEL}}}": f"1000000x{3 * DAY}"}, {3 * DAY: set()}
        ),
        "does not when a person paused it": Case(
            looking("Wall", f"0x{3 * DAY}", 3 * DAY) | condition("DriftMonitor", "Ready", "Paused", f"0x{3 * DAY}"), {3 * DAY: set()}
        ),
    },
    "TrimtabRolloutStuck": {
        "fires when the deadline has been over for an hour": Case(
            condition("Deployment", "Progressing", "ProgressDeadlineExceeded", "0x200"), {50: set(), 70: TICKET}
        ),
        "fires when a new version has had no pod for an hour": Case(pods("stable", "2x200") | pods("candidate", "0x200"), {50: set(), 70: TICKET}),
        "does not while steps are taken": Case(condition("Deployment", "Progressing", "StepRunning", "1x600") | pods("candidate", "1x600"), {600: set()}),
        "does not when a version was taken back": Case(condition("Deployment", "Progressing", "RolledBack", "0x600"), {600: set()}),
        "does not while a step waits for a person": Case(condition("Deployment", "Progressing", "StepPaused", "1x600"), {600: set()}),
        "does not when pods come after 50 minutes": Case(pods("candidate", "0x50 1x100"), {55: set(), 140: set()}),
    },
    "TrimtabPredictionLogDropping": {
        "fires when 5% are lost": Case(log(1000, 50, 120), {60: TICKET}),
        "does not when none are, though half are sampled out": Case(log(1000, 0, 120), {60: set(), 120: set()}),
        "does not when half a percent is lost": Case(log(1000, 5, 120), {60: set(), 120: set()}),
        "does not when nothing is asked": Case(log(0, 0, 120), {120: set()}),
    },
    "TrimtabNullFlood": {
        "fires when a column is suddenly empty": Case(faults("NullFlood", "0x5 1x60"), {10: set(), 30: TICKET}),
        "fires when a column is gone": Case(faults("SchemaChanged", "2x60"), {30: TICKET}),
        "does not when nothing is broken": Case(faults("NullFlood", "0x60"), {60: set()}),
        "does not for new categories or a frozen column": Case(faults("UnseenCategories", "3x60") | faults("FrozenColumn", "1x60"), {60: set()}),
        "does not when the next look takes it back within a quarter of an hour": Case(faults("NullFlood", "0x5 1x10 0x60"), {17: set(), 60: set()}),
    },
    "TrimtabLabelsOverdue": {
        "fires when two windows could not be judged": Case(overdue(2), {30: set(), 90: TICKET}),
        "does not when all labels are there": Case(overdue(0), {180: set()}),
        "does not when one window could not be judged": Case(overdue(1), {180: set()}),
        "does not for a model that is hardly asked": Case(overdue(5, insufficient=1), {180: set()}),
    },
    "TrimtabSkillLow": {
        "fires when skill is lost and nothing is done about it": Case(
            condition("DriftMonitor", "PerformanceDegraded", "LostSkill", f"1x{DAY}") | states("Degraded"), {300: set(), 400: TICKET}
        ),
        "does not when skill is kept": Case(condition("DriftMonitor", "PerformanceDegraded", "SkillKept", f"0x{DAY}") | states("Healthy"), {DAY: set()}),
        "does not when nothing is known": Case(condition("DriftMonitor", "PerformanceDegraded", "Learning", f"-1x{DAY}") | states(), {DAY: set()}),
        "does not while a retraining is under way": Case(
            condition("DriftMonitor", "PerformanceDegraded", "LostSkill", f"1x{DAY}") | states("Retraining"), {400: set(), DAY: set()}
        ),
        "does not when skill is back after five hours": Case(
            condition("DriftMonitor", "PerformanceDegraded", "LostSkill", f"1x300 0x{DAY}") | states("Degraded"), {299: set(), 400: set()}
        ),
        "does not for drift alone": Case(
            condition("DriftMonitor", "Drifted", "Drifted", f"1x{DAY}") | {f"trimtab_drift_features_drifted{{{WATCH}}}": f"9x{DAY}"}, {DAY: set()}
        ),
    },
    "TrimtabSkewDetected": {
        "fires when answers differ": Case(condition("DriftMonitor", "SkewDetected", "SkewDetected", "1x60"), {10: set(), 30: TICKET}),
        "does not when they match": Case(condition("DriftMonitor", "SkewDetected", "NoSkew", "0x60"), {60: set()}),
        "does not before anything was compared": Case(condition("DriftMonitor", "SkewDetected", "Learning", "-1x60"), {60: set()}),
    },
    "TrimtabRetrainFailed": {
        "fires when the run of an incident failed": Case(run("Failed", "Incident"), {50: set(), 90: TICKET}),
        "fires when a run on new data failed": Case(run("Failed", "NewData"), {90: TICKET}),
        "does not when a version came of it": Case(run("Registered", "Incident"), {180: set()}),
        "does not when a gate refused it": Case(run("Rejected", "Incident"), {180: set()}),
        "does not when a person's own change failed": Case(run("Failed", "Change"), {180: set()}),
    },
}


def coarse(values: str, step: int) -> str:
    """The same course with a value each `step` minutes.

    >>> coarse("1x100 0+3x60", 10), coarse("0 1x5", 1)
    ('1x10 0+30x6', '0 1x5')
    """

    def told(match: re.Match[str]) -> str:
        start, slope, count = match["start"], match["slope"], int(match["count"])
        return f"{start}{f'+{float(slope[1:]) * step:g}' if slope else ''}x{count // step}"

    return re.sub(r"(?P<start>\S+?)(?P<slope>\+[\d.]+)?x(?P<count>\d+)", told, values) if step > 1 else values


def step_of(case: Case) -> int:
    """Days are played in steps of ten minutes."""
    return 10 if max(int(count) for values in case.series.values() for count in re.findall(r"x(\d+)", values)) >= DAY else 1


def played(alert: str, case: Case, asked: Callable[[str, int, set[str]], Iterator[dict[str, Any]]]) -> dict[str, Any]:
    """As promtool wants it: a query for the alert's own series, so that labels and annotations need no copy here."""
    step = step_of(case)
    series = [{"series": name, "values": coarse(values, step)} for name, values in case.series.items()]
    return {"interval": f"{step}m", "input_series": series, "promql_expr_test": [each for at, words in case.fires.items() for each in asked(alert, at, words)]}


def alone(alert: str, folder: Path) -> Path:
    """A rules file of this alert: others have their own cases, and days are long."""
    document = rules.document()
    document["groups"][0]["rules"] = [rule for rule in document["groups"][0]["rules"] if rule["alert"] == alert]
    (folder / "rules.yml").write_text(json.dumps(document))
    return folder / "rules.yml"


def play(path: Path, cases: dict[str, tuple[str, Case]], asked: Callable[[str, int, set[str]], Iterator[dict[str, Any]]], folder: Path) -> None:
    for step in (1, 10):
        tests = [{"name": name} | played(alert, case, asked) for name, (alert, case) in cases.items() if step_of(case) == step]
        if tests:
            promtool.play(path, tests, folder, f"{step}m")


def severities(alert: str, minute: int, wanted: set[str]) -> Iterator[dict[str, Any]]:
    for severity in ("page", "ticket"):
        expr = f'count(ALERTS{{alertname="{alert}",alertstate="firing",severity="{severity}"}}) or vector(0)'
        yield {"expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": int(severity in wanted)}]}


def others(alert: str, minute: int, wanted: set[str]) -> Iterator[dict[str, Any]]:
    expr = f'count(ALERTS{{alertname!="{alert}",alertstate="firing"}}) or vector(0)'
    yield {"expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 0}]}


@pytest.mark.parametrize("alert", CASES)
def test_it_fires_on_what_it_is_for_and_on_nothing_else(alert: str, tmp_path: Path) -> None:
    play(alone(alert, tmp_path), {name: (alert, case) for name, case in CASES[alert].items()}, severities, tmp_path)


def test_no_other_alert_fires_when_one_does(tmp_path: Path) -> None:
    """One fault is one call: each alert's first case rings no other alert."""
    play(RULES, {alert: (alert, next(iter(cases.values()))) for alert, cases in CASES.items()}, others, tmp_path)


def test_every_alert_is_played_firing_healthy_and_nearly() -> None:
    assert set(CASES) == {rule.alert for rule in rules.RULES}
    for alert, cases in CASES.items():
        assert len(cases) >= 3, alert
        assert any(words for case in cases.values() for words in case.fires.values()), alert


def test_the_file_is_one_that_prometheus_takes() -> None:
    assert f"{len(rules.RULES)} rules found" in promtool.check(RULES)


def test_drift_alone_is_nobodys_alert() -> None:
    assert not re.search(r'trimtab_drift_|type="Drifted"|state="Drifted"', RULES.read_text())


def test_only_what_leaves_users_without_answers_or_everybody_blind_wakes_a_person() -> None:
    assert {rule.alert for rule in rules.RULES if rule.severity == "page"} == {"TrimtabServingDown", "TrimtabErrorBudgetBurn", "TrimtabOperatorStuck"}


def test_each_alert_says_what_to_read_and_how_its_budget_is_kept() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
            assert set(rule["annotations"]) == {"summary", "description", "runbook"}, "no address that is nobody's"
    assert all(rule.budget for rule in rules.RULES)


def test_an_alert_names_the_first_steps_itself() -> None:
    """Who is woken may have nothing but the alert: what to look at, and how to stop the machine."""
    for rule in rules.RULES:
        assert rule.first.startswith("First: "), rule.alert
        assert re.search(r"trimtab\.dev/paused=true|kubectl scale", rule.first), rule.alert
        labels = set(re.findall(r"\$labels\.(\w+)", rule.first + rule.summary))
        assert all(label in rule.expr for label in labels), f"{rule.alert}: {labels} must come out of its expression"


def test_every_verb_in_an_alert_is_one_that_trimtab_has() -> None:
    verbs = typer.main.get_command(build()).commands  # type: ignore[attr-defined]
    assert {verb for rule in rules.RULES for verb in re.findall(r"\btrimtab ([a-z]+)\b", rule.first)} <= set(verbs)


# runbooks

SECTIONS = ("What users feel", "Data, model or pod", "Stop the machine", "Go back")


@pytest.mark.parametrize("alert", CASES)
def test_each_alert_has_a_runbook_that_says_how_to_pause_and_how_to_go_back(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(SECTIONS)
    stop = text.split("## Stop the machine")[1].split("##")[0]
    assert "trimtab pause " in stop
    assert "trimtab.dev/paused=true" in stop


def test_no_runbook_is_about_an_alert_that_is_not_there() -> None:
    assert {path.stem for path in RUNBOOKS.glob("Trimtab*.md")} == set(CASES)


def test_every_command_in_a_runbook_is_one_that_trimtab_has() -> None:
    group = typer.main.get_command(build())
    for path in RUNBOOKS.glob("Trimtab*.md"):
        for verb, sub in re.findall(r"(?:^ +|`)trimtab ([a-z-]+) ([a-z-]+)?", path.read_text(), re.MULTILINE):
            below = getattr(group.commands[verb], "commands", {sub: None})  # type: ignore[attr-defined]
            assert sub in below, f"{path.name}: trimtab {verb} {sub}"


@pytest.mark.parametrize("alert", CASES)
def test_every_reason_in_a_runbook_is_one_that_is_told(alert: str) -> None:
    """What stands in backticks in the first column of its table: a reason, a hindrance, or what the log says."""
    words = {word for row in re.findall(r"^\| (`[^|]*)\|", (RUNBOOKS / f"{alert}.md").read_text(), re.MULTILINE) for word in re.findall(r"`([A-Z]\w+)`", row)}
    assert words <= set(Reason) | set(Hindrance) | {"Inconclusive", "NoGain"}
