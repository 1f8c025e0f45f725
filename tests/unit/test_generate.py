"""What is generated is up to date, and a difference is found and named."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from trimtab.api.crd import crd
from trimtab.api.kinds import BY_KIND
from trimtab.api.reasons import Reason

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """dev/generate.py, which is a script and no package."""
    sys.path.insert(0, str(ROOT / "dev"))
    try:
        spec = importlib.util.spec_from_file_location("generate", ROOT / "dev" / "generate.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "dev"))
    return module


def test_what_is_committed_is_what_the_models_say():
    done = subprocess.run([sys.executable, str(ROOT / "dev" / "generate.py"), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_difference_is_named_and_fails(generate, tmp_path, monkeypatch, capsys):
    edited = tmp_path / "edited.yaml"
    edited.write_text("by hand")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "artefacts", lambda: {edited: "from the models", tmp_path / "missing.yaml": ""})
    assert generate.check() == 1
    said = capsys.readouterr().out
    assert "edited.yaml differs from what it is made from; run: python dev/generate.py" in said
    assert "missing.yaml" in said


def test_writing_makes_them_equal_and_a_second_time_writes_nothing(generate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "artefacts", lambda: {tmp_path / "new" / "a.yaml": "a\n"})
    generate.write()
    assert (tmp_path / "new" / "a.yaml").read_text() == "a\n"
    assert generate.check() == 0
    capsys.readouterr()
    generate.write()
    assert capsys.readouterr().out == ""


def test_braces_in_a_description_do_not_run_as_a_template(generate):
    document = crd(BY_KIND["Dataset"])
    document["spec"]["note"] = "{{ .Release.Name }}"
    assert "{{ `{{` }} .Release.Name }}" in generate.template(document)


def test_a_page_per_kind_shows_every_field(generate):
    pages = generate.reference.pages()
    assert "| `split.train` | integer, 1 to 98 | `70` | Percent of rows to train on. |" in pages["dataset.md"]
    assert "| `version` | integer, 1 to 999999 | required | Number of the version. |" in pages["modelversion.md"]
    assert "| `approval` | `Pending` \\| `Approved` \\| `Rejected` |" in pages["modelversion.md"]
    assert "| `evaluation.gates[].notWorseThan.tolerance` | number, from 0 | `0.0` |" in pages["trainingjob.md"]


def test_a_page_per_kind_lists_what_is_refused(generate):
    assert "- spec.split: train, validation and test must add up to 100" in generate.reference.pages()["dataset.md"]


def test_every_reason_is_on_its_page_with_its_sentence(generate):
    page = generate.reference.pages()["reasons.md"]
    assert all(f"| `{reason.value}` |" in page for reason in Reason)
    assert page.count("\n| `") == len(Reason)


VALUES = """\
# A group.
server:
  # How many.
  # schema: {minimum: 0}
  replicas: 1
  # What it may use.
  # schema: {additionalProperties: true}
  resources:
    limits: {memory: 1Gi}
  # A name.
  name: ""
# Any labels.
labels: {}
"""


def test_a_comment_describes_the_value_below_it(generate):
    values = generate.chart_values.read(VALUES)
    assert {".".join(value.path): value.description for value in values} == {
        "server": "A group.",
        "server.replicas": "How many.",
        "server.resources": "What it may use.",
        "server.name": "A name.",
        "labels": "Any labels.",
    }


def test_the_schema_follows_from_the_defaults_and_refuses_what_is_not_there(generate):
    found = json.loads(generate.chart_values.schema(generate.chart_values.read(VALUES)))
    server = found["properties"]["server"]
    assert found["additionalProperties"] is server["additionalProperties"] is False
    assert server["properties"]["replicas"] == {"description": "How many.", "type": "integer", "minimum": 0}
    assert server["properties"]["resources"]["additionalProperties"] is True
    assert "additionalProperties" not in found["properties"]["labels"]


def test_every_value_of_the_chart_is_described(generate):
    values = generate.chart_values.read((generate.CHART / "values.yaml").read_text())
    assert [value.path for value in values if not value.description] == []
    assert len(values) > 40


def test_generated_yaml_is_read_back_as_it_was(generate):
    for path, text in generate.definitions().items():
        if path.parent.name == "crds" and "templates" not in path.parts:
            assert yaml.safe_load(text)["kind"] == "CustomResourceDefinition"
