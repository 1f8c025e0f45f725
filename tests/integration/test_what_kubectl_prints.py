"""What somebody on call reads first: `kubectl get ml` and `kubectl describe`, of a real operator's objects on a real API server, some well and some not."""

import re
from collections.abc import Iterator

import pytest

from support.answers import evaluate_answer
from support.builders import Object, dataset, drift_monitor, model_version, training_job
from support.control_plane import ControlPlane
from support.monitoring import DRIFT, LOST, evaluated
from support.operator_process import Operator
from support.played_namespace import Cluster
from support.served import serve
from trimtab.api.documents import Result
from trimtab.plans.conditions import parse

NO_COLUMN = "spec.label: there is no column lat; the columns are id, late. Did you mean late?"
WIDEST = 150
"""Characters of a line of `kubectl get ml -A`: two thirds of a wide screen."""
COLUMNS = {
    "dataset": ["READY", "STATE", "VERSION", "TASK", "SINCE", "AGE"],
    "driftmonitor": ["READY", "STATE", "DEPLOYMENT", "VERSION", "SKILL", "DRIFTED", "INCIDENT", "SINCE", "AGE"],
    "deployment": ["READY", "STATE", "MODEL", "STABLE", "CANDIDATE", "PERCENT", "REPLICAS", "SINCE", "AGE"],
    "modelversion": ["READY", "STATE", "GATES", "APPROVAL", "SERVED BY", "SINCE", "AGE"],
    "trainingjob": ["READY", "STATE", "MODEL", "PROGRESS", "SINCE", "AGE"],
}
Row = dict[str, str]


class Screen:
    """What kubectl printed of one namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self.tables = cluster.kubectl("get", "ml")
        self.stories = {what: story(cluster.kubectl("describe", *what.split("/"))) for what in ("mdep/flights", "dm/flights", "dset/wrong", "mv/flights-v1")}
        self.rows: dict[str, Row] = {}
        self.heads: dict[str, list[str]] = {}
        for table in self.tables.strip().split("\n\n"):
            head, *lines = table.splitlines()
            starts = [match.start() for match in re.finditer(r"\S+( \S+)*", head)]
            names = [head[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
            for line in lines:
                cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
                kind, _, name = cells[0].partition(".trimtab.dev/")
                self.rows[f"{kind}/{name}"] = dict(zip(names, cells, strict=True))
                self.heads[kind] = names[1:]


def story(described: str) -> list[tuple[str, str]]:
    """(type, reason) of each Event, from the top."""
    lines = described.partition("\nEvents:\n")[2].splitlines()[2:]
    return [(found[0], found[1]) for line in lines if len(found := line.split()) > 2]


@pytest.fixture(scope="module")
def screen(kinds: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    namespace = "on-call"
    kinds.kubectl("create", "namespace", namespace)
    cluster = Cluster(kinds, namespace)
    with Operator(kinds, namespace, tmp_path_factory.mktemp("operator")) as operator:
        serve(cluster, operator)
        cluster.apply(drift_monitor("flights", onTrigger={"trainingJob": "flights"}))
        look = operator.until(lambda: cluster.jobs("evaluate"), "a look")[0]
        cluster.end(look, evaluate_answer(evaluated(parse(now_of(look)), **DRIFT | LOST)))
        operator.until(lambda: cluster.read("driftmonitor", "flights")["status"].get("incident"), "an incident")
        for obj in (dataset("wrong"), training_job("later", dataset="nowhere"), drift_monitor("mistaken", deployment="nowhere"), model_version("brought", 1)):
            cluster.apply(obj)
        job = operator.until(lambda: [each for each in cluster.jobs("snapshot") if each["metadata"]["name"].startswith("wrong")], "a snapshot")[0]
        cluster.end(job, Result(outcome="Failed", reason="ColumnMissing", message=NO_COLUMN), code=2)
        operator.until(lambda: "Warning  ColumnMissing" in cluster.kubectl("describe", "dset", "wrong").partition("Events:")[2], "the bad news")
        cluster.kubectl("annotate", "dset", "wrong", "trimtab.dev/paused=true")
        operator.until(lambda: "Paused" in cluster.kubectl("describe", "dset", "wrong").partition("Events:")[2], "the pause")
        yield Screen(cluster)


def now_of(job: Object) -> str:
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(each["value"] for each in variables if each["name"] == "TRIMTAB_DOCUMENT").split('"now":"')[1].split('"')[0]


def test_the_tables_have_these_columns_and_fit_a_terminal(screen: Screen) -> None:
    assert screen.heads == COLUMNS
    assert max(len(line) for line in screen.tables.splitlines()) <= WIDEST


def test_an_incident_is_in_the_table(screen: Screen) -> None:
    row = screen.rows["driftmonitor/flights"]
    assert (row["INCIDENT"], row["SKILL"], row["DRIFTED"], row["DEPLOYMENT"]) == ("Performance", "-0.05", "1", "flights")


def test_what_serves_and_what_waits_is_in_the_table(screen: Screen) -> None:
    serving, served, waiting = (screen.rows[what] for what in ("deployment/flights", "modelversion/flights-v1", "trainingjob/later"))
    assert (serving["READY"], serving["STATE"], serving["STABLE"], serving["REPLICAS"]) == ("True", "Serving", "1", "1")
    assert (served["GATES"], served["SERVED BY"]) == ("True", "flights")
    mistaken = screen.rows["driftmonitor/mistaken"]
    assert (waiting["READY"], waiting["STATE"]) == (mistaken["READY"], mistaken["STATE"]) == ("False", "Waiting")


def test_each_row_says_since_when(screen: Screen) -> None:
    assert all(re.fullmatch(r"\d+[smh]\w*", row["SINCE"]) for row in screen.rows.values())


def test_describe_tells_the_story_from_its_beginning(screen: Screen) -> None:
    assert [reason for _, reason in screen.stories["mdep/flights"]] == ["NoVersion", "VersionNotReady", "RollingOut", "Serving"]
    reasons = [reason for _, reason in screen.stories["dm/flights"]]
    assert reasons.index("Progressing") < reasons.index("LostSkill")
    assert "IncidentOpened" in reasons


def test_bad_news_is_a_warning_and_a_persons_pause_is_not(screen: Screen) -> None:
    told = screen.stories["dset/wrong"]
    assert told[0] == ("Normal", "Progressing")
    assert told[-2:] == [("Warning", "ColumnMissing"), ("Normal", "Paused")]
    assert ("Warning", "LostSkill") in screen.stories["dm/flights"]


def test_nothing_is_told_of_what_is_not_the_matter(screen: Screen) -> None:
    told = {reason for found in screen.stories.values() for _, reason in found}
    assert not told & {"NotDeprecated", "NotTriggered", "Learning"}
