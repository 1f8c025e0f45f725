"""The example of a CI workflow says nothing that the command would not understand."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from trimtab.cli.main import build

WORKFLOW = yaml.safe_load((Path(__file__).parents[3] / "examples" / "ci" / "train-a-pull-request.yaml").read_text())
STEPS = [step["run"] for step in WORKFLOW["jobs"]["train"]["steps"] if "run" in step]
COMMANDS = re.findall(r"^\s*trimtab (.+)$", "\n".join(STEPS), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_verb_exists_with_these_options(command, tmp_path, monkeypatch):
    (tmp_path / "models" / "flights").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    group, words = get_command(build()), shlex.split(command)
    context = group.make_context("trimtab", list(words))
    while hasattr(group, "commands"):
        name, group, words = group.resolve_command(context, words)
        context = group.make_context(name, list(words), parent=context)
    assert context.command is group


def test_it_waits_for_the_gates_and_cleans_up_whatever_came_of_it():
    assert any(command.startswith("wait tj/flights --for ready") for command in COMMANDS)
    assert WORKFLOW["jobs"]["train"]["steps"][-1]["if"] == "always() && env.TRUSTED"
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_a_fork_has_no_secrets_and_a_newer_push_takes_over():
    """What needs the cluster is left out for a fork; that its manifests are right is checked all the same."""
    job = WORKFLOW["jobs"]["train"]
    needing = [step for step in job["steps"] if "kubectl" in step.get("run", "") or '-n "$NAMESPACE"' in step.get("run", "")]
    assert len(needing) == 4
    assert all("env.TRUSTED" in step["if"] for step in needing)
    assert "head.repo.full_name == github.repository" in job["env"]["TRUSTED"]
    assert WORKFLOW["concurrency"] == {"group": "train-${{ github.event.number }}", "cancel-in-progress": True}
