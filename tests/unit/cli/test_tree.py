"""The tree of a model, and when it is at rest."""

from support.builders import annotated, dataset, deployment, model_version, training_job
from support.told import ready, stalled, working
from trimtab.cli.render.text import tree_lines
from trimtab.cli.views.health import Mark
from trimtab.cli.views.listed import Listed
from trimtab.cli.views.news import news
from trimtab.cli.views.overview import overview
from trimtab.cli.views.tree import tree

STABLE = {"version": 1, "ready": 2}


def loop(*more):
    return Listed.of_all(
        ready(dataset(), activeVersion=3, versions=[{"version": 3, "rows": {"train": 700, "test": 300}}]),
        ready(training_job(), modelVersion="flights-v1"),
        ready(model_version(), "verified", "Verified", ("GatesPassed", "True", "Passed", "3 gates passed."), servedBy=[{"deployment": "flights", "role": "Stable", "percent": 100}]),
        *(more or [ready(deployment(), stable=STABLE)]),
    )  # fmt: skip


def names(found):
    return [node.name for node in found.nodes]


def test_a_model_is_told_from_its_data_to_its_serving():
    found = tree(loop(), "flights")
    assert names(found) == ["dset/flights", "tj/flights", "mv/flights-v1", "mdep/flights"]
    assert found.nodes[0].facts == ("version 3", "1,000 rows")
    assert found.nodes[2].facts == ("gates passed", "stable of flights 100%")


def test_it_is_at_rest_when_all_is_ready():
    assert tree(loop(), "flights").at_rest


def test_a_candidate_on_its_way_in_is_no_rest_though_all_is_ready():
    found = tree(loop(ready(deployment(), stable=STABLE, candidate={"version": 2, "step": 1, "programmedPercent": 5, "verdict": "Inconclusive"})), "flights")
    assert not found.at_rest
    _, candidate = found.nodes[-1].children
    assert (candidate.name, candidate.facts, candidate.word) == ("candidate v2", ("step 1", "5% of requests"), "Inconclusive")


def test_work_under_way_is_no_rest():
    assert not tree(loop(working(deployment(), "is starting")), "flights").at_rest


def test_an_open_incident_is_shown_and_is_no_rest():
    monitor = ready({"apiVersion": "trimtab.dev/v1alpha1", "kind": "DriftMonitor", "metadata": {"name": "watch"}, "spec": {"deployment": "flights"}},
                    incident={"id": "0123456789abcdef", "cause": "performance", "trainingJob": "flights"})  # fmt: skip
    found = tree(loop(ready(deployment(), stable=STABLE), monitor), "flights")
    assert not found.at_rest
    assert found.nodes[-1].children[0].name == "incident 01234567"


def test_what_failed_is_at_rest_and_says_why():
    found = tree(loop(stalled(deployment(), "NoVersion", "nothing to serve")), "flights")
    assert found.at_rest
    assert (found.nodes[-1].mark, found.nodes[-1].message) == (Mark.FAILED, "nothing to serve")


def test_old_versions_are_told_by_number_unless_they_are_served():
    served = ready(model_version(version=1), servedBy=[{"deployment": "flights", "role": "Stable"}])
    versions = [served, *(ready(model_version(version=number)) for number in range(2, 10))]
    found = tree(Listed.of_all(*versions), "flights")
    assert names(found) == ["mv/flights-v9", "mv/flights-v8", "mv/flights-v7", "mv/flights-v6", "mv/flights-v5", "mv/flights-v1", "older versions"]
    assert found.nodes[-1].facts == ("4, 3, 2",)


def test_data_that_no_model_uses_stands_alone():
    found = tree(Listed.of_all(ready(dataset("birds"))), "birds")
    assert names(found) == ["dset/birds"]
    assert "no model uses" in found.title


def test_a_running_job_says_how_far_it_is():
    job = working(
        training_job(),
        "Run 13cc trains.",
        progress={"percent": 40, "message": "fits"},
        runs=[{"key": "13cc0633ff42", "outcome": "Running", "datasetVersion": 1}],
    )
    (_, found) = tree(Listed.of_all(ready(dataset()), job), "flights").nodes
    assert found.message == "40% fits"
    assert found.children[0].name == "run 13cc0633"


def test_a_paused_object_is_marked_so_whatever_else_it_is():
    assert tree(Listed.of_all(annotated(ready(dataset()), **{"trimtab.dev/paused": "true"})), "flights").nodes[0].mark == Mark.PAUSED


def test_lines_show_marks_branches_and_what_is_wrong():
    lines = [line.plain for line in tree_lines(tree(loop(stalled(deployment(), "NoVersion", "nothing to serve")), "flights"))]
    assert lines[0] == "model flights in namespace default"
    assert lines[1] == "├─ ✔ dset/flights  Ready · version 3 · 1,000 rows"
    assert lines[-2:] == ["└─ ✖ mdep/flights  NoVersion", "      nothing to serve"]


def test_news_are_told_once():
    told = {}
    assert len(list(news(tree(loop(), "flights"), told))) == 5
    assert list(news(tree(loop(), "flights"), told)) == []
    (line,) = news(tree(loop(ready(deployment(), "flights-v1 answers.", "Serving", stable=STABLE)), "flights"), told)
    assert line == "mdep/flights: Serving: flights-v1 answers."


def test_the_overview_has_a_line_a_model_and_names_what_is_worst():
    table = overview(loop(stalled(deployment(), "NoVersion", "nothing to serve")))
    (row,) = table.data()
    assert (row["model"], row["version"], row["serving"], row["mark"]) == ("flights", "flights-v1", "nothing", Mark.FAILED)
    assert row["message"] == "mdep/flights: nothing to serve"


def test_a_model_is_not_marked_by_what_became_of_an_older_version():
    gates = ("GatesPassed", "False", "GatesFailed", "flights-v2 did not pass.")
    old, newest = ready(model_version(version=2), "verified", "Verified", gates), ready(model_version(version=3))
    (row,) = overview(Listed.of_all(old, newest)).data()
    assert (row["version"], row["mark"], row["message"]) == ("flights-v3", Mark.OK, "")
    (row,) = overview(Listed.of_all(old)).data()
    assert (row["mark"], row["message"]) == (Mark.WARNING, "mv/flights-v2: flights-v2 did not pass.")


def test_a_long_message_is_cut_in_the_overview():
    (row,) = overview(loop(stalled(deployment(), "NoVersion", "long " * 100))).data()
    assert len(row["message"]) == 120
    assert row["message"].endswith("…")


def test_the_overview_shows_data_without_a_model_too():
    assert [row["model"] for row in overview(Listed.of_all(ready(dataset("birds")))).data()] == ["dset/birds"]
