"""What the pages show works: manifests pass the checks of `trimtab lint`, links lead somewhere, and the training code trains."""

import re
from pathlib import Path

import pytest
import yaml

from support.tables import learnable, table
from trimtab.api.trainingjob import PythonTrainer
from trimtab.cli.checking import problems
from trimtab.jobs.training.usercode import context, run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def manifests() -> list[tuple[str, dict]]:
    found = [(page, each) for page in PAGES for block in blocks(page, "yaml") for each in yaml.safe_load_all(block) if "kind" in each]
    return [(f"{page.name}: {each['kind']} {each['metadata']['name']}", each) for page, each in found]


@pytest.mark.parametrize(("where", "manifest"), manifests())
def test_a_manifest_on_a_page_is_right(where, manifest):
    assert problems(manifest) == [], where


def test_there_are_manifests_of_most_kinds():
    assert {each["kind"] for _, each in manifests()} >= {"Dataset", "TrainingJob", "ModelVersion", "Deployment", "DriftMonitor"}


def test_the_training_code_trains():
    (code,) = blocks(ROOT / "docs" / "training.md", "python")
    roles, rows = learnable(table(300))
    points = []
    trainer = PythonTrainer.model_validate({"configMap": {"name": "flights-own", "key": "train.py"}})
    fitted = run(trainer, code, context(roles, rows["train"], rows["validation"], 5, points.append))
    assert sum(each.metric == "log_loss" for each in points) == 3
    assert fitted.best_iteration in (1, 2, 3)


def heading(text: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        there = page if not file else (page.parent / file).resolve()
        assert there.exists(), target
        if anchor:
            assert anchor in {heading(each) for each in re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)}, target
