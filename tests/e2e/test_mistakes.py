"""What people get wrong: each ends in a condition whose sentence says what, where and what to do, and heals without deleting anything.

All mistakes are made at once, so that their Jobs run while the first is looked at; then each is put right and comes to be Ready.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from support.installed import SYSTEM, Installed, Resource, condition, resource

HEADER = "id,when,size,colour,late"


def table(rows: int = 400, header: str = HEADER, last: str = "") -> str:
    """A small learnable table: late where size is large."""
    lines = [
        f"{n},2024-01-{1 + n * 28 // rows:02d}T{n % 24:02d}:00:00Z,{n * 37 % 100},{'red' if n % 3 else 'blue'},{'true' if n * 37 % 100 > 60 else 'false'}"
        for n in range(rows)
    ]
    return "\n".join([header, *lines, *([last] if last else [])]) + "\n"


def dataset(name: str, folder: str, **spec: object) -> Resource:
    return resource("Dataset", name, {"source": {"uri": f"s3://trimtab/mistakes/{folder}/"}, "label": "late", "timestamp": "when", "id": "id"} | spec)


def training(name: str, data: str = "good", **spec: object) -> Resource:
    return resource("TrainingJob", name, {"dataset": data} | spec)


@dataclass(frozen=True)
class Mistake:
    """`wrong` is applied; `reason` and every word of `says` must come; `right` heals it. `files` are put first, `cure` later."""

    wrong: Resource
    reason: str
    says: tuple[str, ...]
    right: Resource | None = None
    cure: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.wrong["metadata"]["name"]

    @property
    def plural(self) -> str:
        return f"{self.wrong['kind'].lower()}s"


PATIENT = {"template": {"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "3Gi"}}}]}}}

MISTAKES = [
    Mistake(dataset("nothing-there", "nothing"), "NoObjects", ("s3://trimtab/mistakes/nothing/", "put files there"), cure={"nothing/a.csv": table()}),
    Mistake(dataset("no-bucket", "x", source={"uri": "s3://no-such-bucket/x/"}), "BucketMissing", ("no-such-bucket",), right=dataset("no-bucket", "good")),
    Mistake(
        dataset("broken-row", "broken"),
        "SourceUnreadable",
        ("a.csv", "row 401", "many"),
        files={"broken/a.csv": table(last="400,2024-01-28T00:00:00Z,many,red,true")},
        cure={"broken/a.csv": table()},
    ),
    Mistake(dataset("no-label", "good", label="lat"), "ColumnMissing", ("spec.label", "lat", "late"), right=dataset("no-label", "good")),
    Mistake(
        dataset("constant", "constant"),
        "LabelConstant",
        ("late",),
        files={"constant/a.csv": table().replace(",true", ",false")},
        cure={"constant/a.csv": table()},
    ),
    Mistake(dataset("too-small", "small"), "TooFewRows", ("rows",), files={"small/a.csv": table(8)}, cure={"small/a.csv": table()}),
    Mistake(
        dataset("rule-broken", "good", validation=[{"name": "sizes", "column": "size", "max": 50}]),
        "RuleViolated",
        ("sizes", "rows"),
        right=dataset("rule-broken", "good", validation=[{"name": "sizes", "column": "size", "max": 100}]),
    ),
    Mistake(training("no-dataset", "goood"), "DatasetMissing", ("goood", "create it, or correct the name"), right=training("no-dataset")),
    Mistake(
        training("no-estimator", trainer={"estimator": "sklearn.ensemble.RandomForestClasifier"}),
        "UnknownEstimator",
        ("RandomForestClassifier",),
        right=training("no-estimator", trainer={"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 10}}),
    ),
    Mistake(
        training("no-parameter", trainer={"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimator": 10}}),
        "UnknownParameter",
        ("n_estimators",),
        right=training("no-parameter", trainer={"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 11}}),
    ),
    Mistake(
        training(
            "no-memory", template={"spec": {"containers": [{"name": "main", "resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "48Mi"}}}]}}
        ),
        "OutOfMemory",
        ("its limit of 48Mi (", "Mi when last noted)", "resources.limits.memory"),
        right=training("no-memory", **PATIENT),
    ),
]


@pytest.fixture(scope="module")
def mistakes(trimtab: Installed) -> Installed:
    it = Installed(trimtab.cluster, "mistakes")
    it.upload_pod()
    it.put("good/a.csv", table())
    for mistake in MISTAKES:
        for path, text in mistake.files.items():
            it.put(path, text)
    it.apply(dataset("good", "good"), *(mistake.wrong for mistake in MISTAKES))
    it.wait("datasets", "good")
    return it


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_a_sentence_and_heals(mistakes: Installed, mistake: Mistake) -> None:
    seen = mistakes.wait(mistake.plural, mistake.name, mistake.reason, status="False")
    message = condition(seen, "Ready")["message"]
    print(f"{mistake.reason}: {message}")
    assert all(word in message for word in mistake.says), message
    for path, text in mistake.cure.items():
        mistakes.put(path, text)
    if mistake.cure:
        mistakes.kubectl("annotate", "--overwrite", mistake.plural, mistake.name, "trimtab.dev/run-requested=after-the-cure")
    if mistake.right:
        mistakes.apply(mistake.right)
    mistakes.wait(mistake.plural, mistake.name)


def test_an_artifact_that_was_tampered_with_is_not_served(mistakes: Installed) -> None:
    uri = mistakes.put("brought/model.onnx", "this is no model")
    brought = {"model": "brought", "version": 1, "artifact": {"uri": uri, "sha256": "0" * 64, "format": "onnx"}}
    mistakes.apply(resource("ModelVersion", "brought-v1", brought))
    seen = mistakes.wait("modelversions", "brought-v1", "DigestMismatch", status="False")
    print(condition(seen, "Ready")["message"])


def test_a_namespace_without_a_store_says_how_to_make_one_and_heals(mistakes: Installed) -> None:
    """The Secret is taken away and given back: nothing else is touched."""
    secret = json.loads(mistakes.kubectl("get", "secret", "trimtab-store", "-o", "json"))
    mistakes.kubectl("delete", "secret", "trimtab-store")
    try:
        mistakes.apply(dataset("without-store", "good"))
        seen = mistakes.wait("datasets", "without-store", "StoreNotConfigured", status="False")
        assert "AWS_ACCESS_KEY_ID" in condition(seen, "Ready")["message"]
    finally:
        _restore(mistakes, secret)
    mistakes.wait("datasets", "without-store")


def test_wrong_credentials_are_named_and_heal(mistakes: Installed) -> None:
    secret = json.loads(mistakes.kubectl("get", "secret", "trimtab-store", "-o", "json"))
    mistakes.kubectl("patch", "secret", "trimtab-store", "--type=merge", "-p", '{"stringData":{"AWS_SECRET_ACCESS_KEY":"wrong"}}')
    try:
        mistakes.apply(dataset("wrong-key", "good"))
        seen = mistakes.wait("datasets", "wrong-key", "StoreDenied", status="False")
        assert "trimtab-store" in condition(seen, "Ready")["message"]
    finally:
        _restore(mistakes, secret)
    mistakes.wait("datasets", "wrong-key")


def test_a_child_of_the_same_name_owned_by_someone_else_is_refused(mistakes: Installed) -> None:
    mistakes.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "taken"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "theirs"}}})
    version = mistakes.wait("trainingjobs", "no-dataset")["status"]["modelVersion"]
    model = mistakes.get("modelversions", version)["spec"]["model"]
    mistakes.apply(resource("Deployment", "taken", {"model": model, "replicas": 1}))
    seen = mistakes.wait("modeldeployments", "taken", "NameTaken", status="False")
    assert "Service taken" in condition(seen, "Ready")["message"]
    assert json.loads(mistakes.kubectl("get", "service", "taken", "-o", "json"))["spec"]["selector"] == {"app": "theirs"}
    mistakes.kubectl("delete", "service", "taken")
    mistakes.wait("modeldeployments", "taken")


def test_an_image_that_cannot_be_pulled_is_named_and_heals(mistakes: Installed) -> None:
    with_image = _worker_image(mistakes)
    with_image("trimtab/worker:no-such-tag")
    try:
        mistakes.apply(dataset("no-image", "good"))
        seen = mistakes.wait("datasets", "no-image", "ImagePullFailed", status="False")
        assert "trimtab/worker:no-such-tag" in condition(seen, "Ready")["message"]
    finally:
        with_image("trimtab/worker:dev")
    mistakes.wait("datasets", "no-image")


def _restore(it: Installed, secret: Resource) -> None:
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trimtab-store"}, "data": secret["data"]}
    it.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(kept))


def _worker_image(it: Installed) -> Callable[[str], None]:
    def use(image: str) -> None:
        it.cluster.kubectl("-n", SYSTEM, "set", "env", "deployment/trimtab-operator", f"TRIMTAB_WORKER_IMAGE={image}")
        it.cluster.kubectl("-n", SYSTEM, "rollout", "status", "deployment/trimtab-operator", "--timeout=90s")

    return use
