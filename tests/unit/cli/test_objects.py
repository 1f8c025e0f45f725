"""The kinds as Python objects."""

import subprocess
import sys

import pytest

import trimtab
from support.command import environment
from trimtab import Dataset, Deployment, TrainingJob
from trimtab.cli.errors import NotThere, UserError


def test_only_what_was_written_is_written_out():
    assert Dataset("flights", label="late", source={"uri": "s3://lake/d/"}).to_dict()["spec"] == {"label": "late", "source": {"uri": "s3://lake/d/"}}


def test_fields_may_be_named_as_in_yaml_or_with_underscores():
    assert TrainingJob("a", dataset="b", run_policy={"backoffLimit": 1}) == TrainingJob("a", dataset="b", runPolicy={"backoff_limit": 1})


def test_an_object_goes_to_yaml_and_back():
    job = TrainingJob("flights", dataset="flights", namespace="team", labels={"a": "on"}, trainer={"estimator": "a.B", "parameters": {"x": "no", "y": None}})
    assert TrainingJob.from_yaml(job.to_yaml()) == job


def test_one_kind_is_taken_from_a_file_of_several(tmp_path):
    file = tmp_path / "all.yaml"
    file.write_text(f"{Dataset('d', label='x', source={'uri': 's3://lake/d/'}).to_yaml()}---\n{Deployment('m', model='m').to_yaml()}")
    assert Deployment.from_yaml(file).name == "m"
    with pytest.raises(NotThere, match="holds no TrainingJob"):
        TrainingJob.from_yaml(file)


def test_a_wrong_field_is_a_sentence():
    with pytest.raises(UserError, match=r"spec.modle: there is no such field. Did you mean model\?"):
        Deployment("flights", model="flights", modle="x")


def test_what_the_package_does_not_have_is_said_as_python_does():
    with pytest.raises(AttributeError, match="no attribute 'Datset'"):
        _ = trimtab.Datset


def test_importing_the_package_imports_nothing_else():
    code = "import sys, trimtab; print([name for name in ('pydantic', 'typer', 'aiohttp', 'duckdb') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()).stdout == "[]\n"


def test_the_objects_need_no_data_library():
    code = "import sys; from trimtab import TrainingJob; print([name for name in ('pandas', 'numpy', 'sklearn', 'boto3', 'pyarrow', 'kopf') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()).stdout == "[]\n"
