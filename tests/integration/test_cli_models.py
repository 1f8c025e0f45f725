"""A model asked, pulled and traced with the command, as a person does it: real server, real store; only the pods are played."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import models
from support.builders import dataset, deployment, model_version
from support.command import Command, environment
from support.pods_played import PlayedPods
from support.server_process import Committed, serving
from support.told import ready
from trimtab.jobs.training import run_index
from trimtab.jobs.training.compaction import REST, compact
from trimtab.jobs.training.record import RunRecord
from trimtab.store.layout import Layout

JOB = {
    "metadata": {"name": "flights-1", "creationTimestamp": "2026-01-05T12:00:00Z"},
    "spec": {"template": {"spec": {"containers": [{"name": "worker", "image": "worker:7"}]}}},
}
POD = {"metadata": {"name": "flights-v7-abc"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
SERVICE = {"metadata": {"name": "flights"}, "spec": {"selector": {"app": "flights"}}}
HOUR = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return models.flights(tmp_path_factory.mktemp("made") / "flights")


@pytest.fixture(scope="module")
def committed(object_store, made):
    return Committed.of(object_store, made)


@pytest.fixture
def version(committed):
    lineage = {"trainingJob": "flights", "runKey": "13cc0633", "dataset": {"name": "flights", "version": 1, "digest": "set1"}}
    return ready(model_version(version=7, artifact=committed.document["artifact"], lineage=lineage))


@pytest.fixture
def pods(committed, version):
    lists = {
        "jobs": [JOB], "pods": [POD], "services": [SERVICE], "modelversions": [version],
        "modeldeployments": [ready(deployment(), stable={"version": 7})],
        "datasets": [ready(dataset(), versions=[{"version": 1, "digest": "set1", "uri": f"s3://{committed.bucket}/team/datasets/flights/set1"}])],
    }  # fmt: skip
    with PlayedPods(environment() | committed.environment, lists=lists) as it:
        yield it


@pytest.fixture
def trimtab(pods, tmp_path):
    return Command(pods.kubeconfig(tmp_path), "default", XDG_CACHE_HOME=str(tmp_path / "cache"))


def test_a_pulled_model_runs_without_kubernetes_and_gives_its_golden_answers(trimtab, pods, made, tmp_path):
    done = trimtab("models", "pull", "flights-v7", str(tmp_path / "here"))
    assert done.code == 0, done.err
    assert pods.pods == {}
    runner = [sys.executable, str(tmp_path / "here" / "predict.py")]
    checked = subprocess.run([*runner, "--check"], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin"}, cwd="/")
    assert checked.stdout == "32 golden examples come out again.\n"
    answer = json.loads(subprocess.run([*runner, str(tmp_path / "here" / "row.json")], capture_output=True, text=True, check=True, cwd="/").stdout)
    golden = json.loads((made.folder / "golden.json").read_text())
    assert answer["label"][0] == golden["outputs"]["label"][0]


def test_a_pulled_model_can_be_served(trimtab, tmp_path):
    trimtab("models", "pull", "flights-v7", str(tmp_path / "here"))
    with serving(tmp_path / "log", "--model", str(tmp_path / "here")) as server:
        server.wait_until_ready()
        assert server.inference.get("/v2").json()["name"] == "trimtab"


def test_a_file_that_was_changed_after_registration_is_not_kept(trimtab, pods, version, tmp_path):
    pods.lists["modelversions"] = [version | {"spec": version["spec"] | {"artifact": version["spec"]["artifact"] | {"manifestDigest": "0" * 64}}}]
    done = trimtab("models", "pull", "flights-v7", str(tmp_path / "here"))
    assert done.code == 1
    assert "was changed after registration. Nothing was kept." in done.err
    assert not (tmp_path / "here").exists()


def test_a_folder_that_holds_something_is_left_alone(trimtab, tmp_path):
    (tmp_path / "mine").write_text("mine")
    assert "is not empty" in trimtab("models", "pull", "flights-v7", str(tmp_path)).err


def test_models_are_listed_shown_and_compared(trimtab, pods, version):
    other = ready(model_version(version=8, summary={"metrics": [{"name": "skill", "value": "0.07"}]}))
    pods.lists["modelversions"] = [version, other]
    assert trimtab("models", "list", "-o", "name").out == "mv/flights-v8\nmv/flights-v7\n"
    assert "run" in trimtab("models", "show", "flights-v7").out
    compared = trimtab("models", "compare", "flights-v7", "flights-v8").out
    assert "metrics.skill" in compared
    assert "model " not in compared


@pytest.fixture
def served(made, pods, tmp_path):
    with serving(tmp_path / "log", "--model", str(made.folder), "--name", "flights") as server:
        server.wait_until_ready()
        pods.ports[8080] = server.port
        yield server


def test_an_example_is_asked_over_a_pods_port_and_the_curl_is_printed(trimtab, served):
    done = trimtab("predict", "flights", "--example")
    assert done.code == 0, done.err
    assert "ROW  LABEL" in done.out
    assert "$ kubectl port-forward service/flights 8080:80 -n default &" in done.err
    assert "$ curl -s http://localhost:8080/v2/models/flights/infer" in done.err


def test_the_printed_curl_gives_the_same_answer(trimtab, served):
    done = trimtab("predict", "flights", "--example", "-o", "json")
    command = next(line for line in done.err.splitlines() if line.startswith("$ curl"))[2:].replace("localhost:8080", f"127.0.0.1:{served.port}")
    again = json.loads(subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout)
    assert again["outputs"] == done.json()["outputs"]


def test_rows_of_a_csv_are_asked(trimtab, served, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("distance,temperature,carrier,origin,weekend\n900,10,UA,JFK,true\n800,,AA,LGA,false\n")
    assert len(trimtab("predict", "flights", "-f", str(file)).out.splitlines()) == 4


def test_what_the_model_refuses_is_told_in_its_own_sentence(trimtab, served, tmp_path):
    file = tmp_path / "row.json"
    file.write_text('{"distance": "far", "temperature": 1, "carrier": "UA", "origin": "JFK", "weekend": "true"}')
    done = trimtab("predict", "flights", "-f", str(file))
    assert done.code == 1
    assert "The model refuses (400): " in done.err
    assert "distance" in done.err


def test_the_past_is_asked_again_and_labels_that_are_not_taken_are_told(trimtab, served, tmp_path):
    """Many at once, over a connection each. A model that is served from a folder keeps no labels: it says so, and that is no success."""
    file = tmp_path / "past.csv"
    rows = [f"2013-01-01T00:{n % 2:02d}:00Z,900,10,UA,JFK,true,late" for n in range(40)]
    file.write_text("\n".join(["at,distance,temperature,carrier,origin,weekend,label", *rows]))
    asked = ["replay", "flights", "--data", str(file), "--time", "at", "--label", "label", "--speed", "14400"]
    done = trimtab(*asked, "--delay", "9h", "--until", "2013-01-01T04:00", "-o", "json")
    assert done.code == 0, done.err
    assert (done.json()["asked"], done.json()["answered"], done.json()["labels"], done.json()["failed"]) == (40, 40, 0, {})
    refused = trimtab(*asked)
    assert (refused.code, "The last labels were not taken:" in refused.err) == (1, True), refused.err
    assert "asked about 40 rows, 40 answered by v" in refused.out
    file.write_text("at,distance,temperature,carrier,origin,weekend,label\n2013-01-01,far,10,UA,JFK,true,late\n")
    wrong = trimtab(*asked)
    assert wrong.code == 1
    assert "1 of 1 requests were not answered." in wrong.err
    assert "distance" in wrong.out


def test_without_a_ready_pod_the_next_command_is_named(trimtab, pods):
    pods.lists["pods"] = []
    assert "Next: trimtab why mdep/flights" in trimtab("predict", "flights", "--example").err


def learned_from(committed, name: str) -> str:
    """The dataset of version 7 was made of this one file; its address."""
    store, source = committed.store, f"s3://{committed.bucket}/lake/{name}"
    store.put(source, b"rows")
    (info,) = store.list(source)
    inputs = {"objects": [{"uri": source, "etag": info.etag, "size": 4}]}
    store.put(f"{Layout(committed.bucket, 'team').dataset('flights', 'set1')}/manifest.json", json.dumps({"inputs": inputs}).encode())
    return source


def test_an_answer_is_traced_to_the_files_it_was_made_of(trimtab, committed):
    store, layout = committed.store, Layout(committed.bucket, "team")
    source = learned_from(committed, "jan.csv")
    row = {"request_id": "mine", "row": 0, "model": "flights", "version": 7, "in_carrier": "UA", "out_label": "late", "role": "Stable"}
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), buffer)
    store.put(layout.prediction_file("flights", HOUR, "pod", 1), buffer.getvalue())
    done = trimtab("prediction", "mine")
    assert done.code == 0, done.err
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in done.out.splitlines()}
    assert told["asked.carrier"] == "UA"
    assert told["answered.label"] == "late"
    assert told["version.name"] == "flights-v7"
    assert told["dataset.version"] == "1"
    assert told[f"files.{source}"] == f"sha256 {hashlib.sha256(b'rows').hexdigest()}"
    assert trimtab("prediction", "other").code == 3


def test_an_audit_holds_the_whole_chain_down_to_the_source_files_and_the_same_state_gives_the_same_bytes(trimtab, pods, committed, version, tmp_path):
    learned_from(committed, "feb.csv")
    history = [{"version": 6, "since": "2026-01-01T00:00:00Z"}, {"version": 7, "since": "2026-01-02T00:00:00Z"}]
    pods.lists["modeldeployments"] = [ready(deployment(), stable={"version": 7}, history=history)]
    first, again = tmp_path / "a.zip", tmp_path / "b.zip"
    done = trimtab("audit", "mv/flights-v7", "--to", str(first))
    assert done.code == 0, done.err
    assert trimtab("audit", "mv/flights-v7", "--to", str(again)).code == 0
    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert {"README.txt", "modelversion.yaml", "lineage.json", "model/manifest.json", "model/signature.json", "dataset/manifest.json"} <= set(found)
    assert all(name in found["README.txt"].decode() for name in found if name != "README.txt"), "each file is explained"
    assert json.loads(found["sources.json"])[0]["sha256"] == hashlib.sha256(b"rows").hexdigest()
    assert json.loads(found["serving.json"])["history"] == {"mdep/flights": [{"since": "2026-01-02T00:00:00Z", "until": None}]}
    assert hashlib.sha256(found["model/manifest.json"]).hexdigest() in found["README.txt"].decode()
    assert all(hashlib.sha256(found[line.split()[1]]).hexdigest() == line.split()[0] for line in found["SHA256SUMS"].decode().splitlines())


def test_an_audit_of_a_broken_chain_is_written_names_what_is_missing_and_ends_with_1(trimtab, pods, committed, tmp_path):
    """First a source file that is not what it was, then a version that its Dataset no longer lists."""
    source = learned_from(committed, "mar.csv")
    committed.store.put(source, b"other rows")
    changed = trimtab("audit", "mv/flights-v7", "--to", str(tmp_path / "changed.zip"))
    assert (changed.code, f"sources.json: {source} is gone, or is not what was learned from." in changed.err) == (1, True), changed.err
    pods.lists["datasets"] = [ready(dataset(), versions=[])]
    unlisted = trimtab("audit", "mv/flights-v7", "--to", str(tmp_path / "unlisted.zip"))
    sentence = "dataset/manifest.json: Dataset flights no longer lists version 1, digest set1, and no run record says where it is."
    assert (unlisted.code, sentence in unlisted.err) == (1, True), unlisted.err
    with zipfile.ZipFile(tmp_path / "unlisted.zip") as archive:
        assert sentence in archive.read("README.txt").decode()


def record(key: str, **changes) -> RunRecord:
    facts = {"run_key": key, "training_job": "flights", "namespace": "default", "model": "flights", "recipe": {}, "outcome": "Succeeded"}
    return RunRecord.model_validate({**facts, "started_at": "2026-01-05T12:00:00Z", **changes})


def test_runs_are_found_by_typed_filters_compared_and_drawn(trimtab, committed):
    store, layout = committed.store, Layout(committed.bucket, "team")
    deep = record("aa11" * 8, trainer={"parameters": {"max_depth": 7}, "given": {"max_depth": 7}}, metrics={"test": {"roc_auc": 0.7}})
    flat = record("bb22" * 8, trainer={"parameters": {"max_depth": 3}, "given": {"max_depth": 3}}, metrics={"test": {"roc_auc": 0.9}})
    for each in (deep, flat):
        store.put(f"{layout.run_index()}/flights-{each.run_key}.parquet", run_index.file(each))
    found = trimtab("runs", "list", "params.max_depth > 5 or metrics.roc_auc > 0.95", "-o", "name")
    assert (found.code, found.out) == (0, f"{deep.run_key}\n"), found.err
    offline = trimtab("runs", "list", "--offline", "--sort", "metrics.roc_auc", "-o", "name")
    assert offline.out.splitlines() == [flat.run_key, deep.run_key]
    pivot = trimtab("runs", "by", "params.max_depth", "--metric", "roc_auc").out.splitlines()
    assert pivot[0].split() == ["PARAMS.MAX_DEPTH", "RUNS", "BEST", "ROC_AUC", "MEDIAN", "BEST", "RUN"]
    assert [line.split()[0] for line in pivot[1:]] == ["3", "7"], "the better one first"
    compared = trimtab("runs", "compare", "aa11", "bb22").out
    assert "parameters.max_depth" in compared
    assert "training_job" not in compared
    wrong = trimtab("runs", "list", "--offline", "params.maxdepth > 5")
    assert (wrong.code, "Did you mean params.max_depth?" in wrong.err) == (2, True)


def test_runs_whose_files_were_put_together_in_the_store_are_found_as_before(trimtab, committed):
    store, layout = committed.store, Layout(committed.bucket, "team")
    for number in range(12):
        each = record(f"{number:02d}" * 16, metrics={"test": {"roc_auc": number / 100}})
        store.put(f"{layout.run_index()}/flights-{each.run_key}.parquet", run_index.file(each))
    before = trimtab("runs", "list", "metrics.roc_auc > 0.05", "-o", "json").json()
    assert compact(store, layout.run_index(), least=10, now=datetime.now(UTC) + 2 * REST) >= 12
    assert len(store.list(f"{layout.run_index()}/")) == 1
    found = trimtab("runs", "list", "metrics.roc_auc > 0.05", "-o", "json")
    assert (found.json(), len(before) >= 6) == (before, True), found.err


def left(store, layout, key: str, files: dict[str, list[dict] | bytes], **facts) -> RunRecord:
    """A run with these files beside its record."""
    run = record(key, uri=layout.run("flights", key), **facts)
    store.put(f"{layout.run_index()}/flights-{key}.parquet", run_index.file(run))
    store.put(f"{run.uri}/record.json", run.model_dump_json().encode())
    for name, content in files.items():
        buffer = io.BytesIO()
        if isinstance(content, list):
            pq.write_table(pa.Table.from_pylist(content), buffer)
        store.put(f"{run.uri}/{name}", buffer.getvalue() or content)
    return run


def test_the_curves_of_a_run_are_drawn(trimtab, committed, tmp_path):
    points = [{"iteration": n, "split": split, "metric": "log_loss", "value": 1 / n} for n in range(1, 9) for split in ("train", "validation")]
    left(committed.store, Layout(committed.bucket, "team"), "cc33" * 8, {"curves.parquet": points})
    done = trimtab("runs", "curves", "cc33")
    assert done.code == 0, done.err
    assert "train   ○ validation" in done.out
    picture = tmp_path / "curves.svg"
    done = trimtab("runs", "curves", "cc33", "--svg", str(picture), "--png", str(tmp_path / "curves.png"))
    assert (done.code, done.out) == (0, f"{picture} and {tmp_path / 'curves.png'} written.\n"), done.err
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    drawn = ET.parse(picture)
    assert len(drawn.findall(".//{*}polyline")) == 2
    assert drawn.find("{*}title").text == "Run cc33cc33"


def test_what_a_run_cost_the_machine_is_drawn(trimtab, committed):
    samples = [
        {"seconds": n / 2, "cpu_percent": 90.0 + n, "memory_bytes": 2**27, "threads": 4, "machine_cpu_percent": 50.0, "machine_memory_percent": 20.0}
        for n in range(8)
    ]
    left(committed.store, Layout(committed.bucket, "team"), "dd44" * 8, {"hardware.parquet": samples})
    done = trimtab("runs", "hardware", "dd44")
    assert done.code == 0, done.err
    assert "memory, MiB" in done.out
    assert trimtab("runs", "hardware", "dd44", "-o", "json").json()[-1]["cpuPercent"] == 97.0


def test_the_code_of_a_run_is_shown_as_it_ran(trimtab, committed):
    buffer, text = io.BytesIO(), b"def train(context):\n    return context\n"
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    layout = Layout(committed.bucket, "team")
    facts = {"code": {"digest": "ab12", "key": "train.py", "archive": f"{layout.run('flights', 'ee55' * 8)}/code.tar.gz"}, "git": {"commit": "f00d"}}
    left(committed.store, layout, "ee55" * 8, {"code.tar.gz": buffer.getvalue()}, **facts)
    told = {line.split()[0]: line.split()[-1] for line in trimtab("runs", "code", "ee55").out.splitlines()}
    assert (told["code.digest"], told["git.commit"]) == ("ab12", "f00d")
    assert "def train(context):" in trimtab("runs", "code", "ee55", "--source").out
    left(committed.store, layout, "ff66" * 8, {})
    none = trimtab("runs", "code", "ff66", "--source")
    assert (none.code, "brought no code of its own" in none.err) == (3, True)


def version_of(store, layout, number: int, **facts) -> dict:
    uri = layout.dataset("flights", f"set{number}")
    inputs = {"objects": [{"uri": f"s3://lake/{number}.csv", "etag": "e", "size": 4}]}
    store.put(f"{uri}/manifest.json", json.dumps({"inputs": inputs, "facts": facts}).encode())
    return {"version": number, "digest": f"set{number}", "uri": uri}


def test_two_versions_of_data_are_compared_and_a_file_is_followed_to_the_models(trimtab, pods, committed):
    layout = Layout(committed.bucket, "team")
    column = {"name": "distance", "dtype": "float", "nulls": 0}
    one = version_of(committed.store, layout, 1, rows={"train": 70}, columns=[column], label="late")
    two = version_of(committed.store, layout, 2, rows={"train": 90}, columns=[column | {"nulls": 3}], label="late")
    pods.lists["datasets"] = [ready(dataset(), versions=[one, two])]
    rows = {line.split()[0]: line.split()[1:] for line in trimtab("data", "diff", "flights:1", "flights:2").out.splitlines()[1:]}
    assert rows["rows.train"] == ["70", "90"]
    assert rows["columns.distance.nulls"] == ["0", "3"]
    assert "label" not in rows
    assert "s3://lake/1.csv" in " ".join(rows)
    followed = trimtab("lineage", "--from", "s3://lake/1.csv", "-o", "json").json()
    assert [(each["version"], each["models"]) for each in followed] == [("Dataset flights:1", "flights-v7")]
    assert trimtab("data", "diff", "flights:1", "flights:9").code == 3


def test_init_puts_a_file_into_the_store_and_names_it(trimtab, committed, tmp_path):
    file = tmp_path / "jan.csv"
    file.write_text("label,x\n" + "".join(f"{n % 2},{n}\n" for n in range(100)))
    done = trimtab("init", "birds", "--data", str(file), "--upload", "--to", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert committed.store.get(f"s3://{committed.bucket}/team/data/birds/jan.csv") == file.read_bytes()
    assert f"s3://{committed.bucket}/team/data/birds/" in (tmp_path / "out" / "dataset.yaml").read_text()
    again = trimtab("init", "birds", "--data", f"s3://{committed.bucket}/team/data/birds/", "--to", str(tmp_path / "there"))
    assert "100 rows, 2 columns" in again.out
