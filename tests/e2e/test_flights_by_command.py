"""The example as the `trimtab` command tells it and takes part in it: looking, asking, pulling, tracing, over the real API server's own streams.

Stands on the example in namespace `flights`, whoever has applied it before.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.command import Command
from support.installed import ROOT, Installed
from support.notebooks import executed

EXAMPLE = ROOT / "examples" / "flights"


@pytest.fixture(scope="module")
def flights(trimtab: Installed) -> Installed:
    it = Installed(trimtab.cluster, "flights")
    if it.get("modeldeployments", "flights") is None:
        it.upload_pod()
        table = subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), "2013-01"], capture_output=True, text=True, check=True).stdout
        it.put("data/2013-01.csv", table)
        it.kubectl("apply", "-k", str(EXAMPLE))
    return it


@pytest.fixture(scope="module")
def command(flights: Installed, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(flights.cluster.kubeconfig, "flights", XDG_CACHE_HOME=str(tmp_path_factory.mktemp("cache")))


def test_waiting_ends_when_the_model_is_served(command: Command) -> None:
    done = command("wait", "mdep/flights", "--for", "ready", "--timeout", "100s")
    assert done.code == 0, done.err


def test_the_tree_tells_the_whole_model(command: Command) -> None:
    done = command("status", "flights")
    assert done.code == 0, done.err
    assert all(word in done.out for word in ("dset/flights", "tj/flights", "mv/flights-v1", "mdep/flights", "stable v"))


def test_the_doctor_finds_nothing_that_failed(command: Command) -> None:
    done = command("doctor")
    assert done.code == 0, done.out + done.err


def test_an_example_is_asked_through_the_api_server(command: Command) -> None:
    answer = command("predict", "flights", "--example", "-o", "json").json()
    assert {output["name"] for output in answer["outputs"]} == {"label", "probability"}


def test_the_first_flights_of_february_are_asked_about_and_their_labels_told(command: Command, tmp_path: Path) -> None:
    """Columns by the Dataset that the model learned from; over a pod's port, labels into the store."""
    month = subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), "2013-02", "--replay"], capture_output=True, text=True, check=True).stdout
    flights = [line for line in month.splitlines()[:61] if not line.endswith(",")]
    (tmp_path / "february.csv").write_text("\n".join(flights))
    done = command("replay", "flights", "--data", str(tmp_path / "february.csv"), "--known", "known", "--speed", "3600", "-o", "json")
    print(done.err)
    assert done.code == 0, done.err
    came = done.json()
    assert came["asked"] == came["answered"] == len(flights) - 1
    assert came["labels"] == sum(line.split(",")[-2] != "" for line in flights[1:])


def test_a_version_is_pulled_and_gives_its_golden_answers_here(command: Command, tmp_path: Path) -> None:
    done = command("models", "pull", "flights-v1", str(tmp_path / "here"))
    assert done.code == 0, done.err
    checked = subprocess.run([sys.executable, str(tmp_path / "here" / "predict.py"), "--check"], capture_output=True, text=True, check=True)
    assert "32 golden examples come out again." in checked.stdout


def test_runs_are_found_by_a_filter(command: Command) -> None:
    found = command("runs", "list", "job = 'flights' and metrics.roc_auc > 0.5", "-o", "json")
    assert found.code == 0, found.err
    assert found.json()[0]["training_job"] == "flights"


def test_a_file_is_followed_to_the_models_it_went_into(command: Command) -> None:
    rows = json.loads(command("lineage", "--from", "s3://trimtab/flights/data/2013-01.csv", "-o", "json").out)
    assert any("flights-v1" in row["models"] for row in rows)


def test_no_transfer_pod_is_left(flights: Installed, command: Command) -> None:
    assert command.namespace == "flights"
    assert flights.every("pods", "trimtab.dev/transfer") == []


def test_a_notebook_asks_the_served_model_and_leaves_a_run(flights: Installed, command: Command, tmp_path: Path) -> None:
    config = yaml.safe_load(flights.cluster.kubeconfig.read_text())
    for each in config["contexts"]:
        each["context"]["namespace"] = "flights"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    print(executed("ask-a-served-model.ipynb", tmp_path, KUBECONFIG=str(tmp_path / "kubeconfig")))
    found = command("runs", "list", "training_job = 'what-if'", "-o", "name")
    assert len(found.out.split()) == 1, found.err
