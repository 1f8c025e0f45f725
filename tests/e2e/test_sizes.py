"""No object in the API server grows with the data: a table of a thousand columns becomes a model that is served, in objects of less than 32 KB."""

import json

import pytest

from support.installed import Installed, Resource, resource

MOST_BYTES = 32 * 1024
COLUMNS, ROWS = 1000, 300
OURS = ("datasets", "trainingjobs", "modelversions", "modeldeployments")
CHILDREN = ("jobs", "pods", "services", "deployments.apps", "replicasets.apps", "poddisruptionbudgets", "events")


def wide_table() -> str:
    """Every column follows the label a little; each has a name as long as people give them."""
    header = ["id", "when", "late", *(f"a_rather_long_column_name_{c}" for c in range(COLUMNS))]
    return "\n".join([",".join(header), *(_row(n) for n in range(ROWS))]) + "\n"


def _row(n: int) -> str:
    late = n * 37 % 100 > 50
    values = (str(n * (31 + c) % 97 + 40 * late) for c in range(COLUMNS))
    return ",".join([str(n), f"2024-01-{1 + n * 28 // ROWS:02d}T{n % 24:02d}:00:00Z", str(late).lower(), *values])


@pytest.fixture(scope="module")
def wide(trimtab: Installed) -> Installed:
    it = Installed(trimtab.cluster, "chaos")
    it.upload_pod()
    it.put("wide/a.csv", wide_table())
    source = {"uri": "s3://trimtab/chaos/wide/"}
    it.apply(
        resource("Dataset", "wide", {"source": source, "label": "late", "timestamp": "when", "id": "id"}),
        resource("TrainingJob", "wide", {"dataset": "wide"}),
        resource("Deployment", "wide", {"model": "wide", "replicas": 1}),
    )
    it.wait("modeldeployments", "wide")
    return it


def test_no_object_is_above_32_kb_with_a_thousand_columns(wide: Installed) -> None:
    sizes = {f"{each['apiVersion']} {each['kind']} {each['metadata']['name']}": _size(each) for plural in OURS + CHILDREN for each in _of_it(wide, plural)}
    for name, size in sorted(sizes.items(), key=lambda pair: -pair[1]):
        print(f"{size:6} {name}")
    assert {f"trimtab.dev/v1alpha1 {each}" for each in ("Dataset wide", "TrainingJob wide", "ModelVersion wide-v1", "Deployment wide")} <= set(sizes)
    assert max(sizes.values()) < MOST_BYTES


def test_the_model_of_a_thousand_columns_says_how_many_it_has(wide: Installed) -> None:
    version = wide.wait("modelversions", "wide-v1")
    assert version["spec"]["summary"]["inputCount"] == COLUMNS


def _of_it(wide: Installed, plural: str) -> list[Resource]:
    listed = json.loads(wide.kubectl("get", plural, "-o", "json", "--show-managed-fields"))["items"]
    return [each for each in listed if each["metadata"]["name"].startswith("wide")]


def _size(obj: Resource) -> int:
    """As `kubectl get -o json` prints it, with managedFields."""
    return len(json.dumps(obj, indent=4).encode())
