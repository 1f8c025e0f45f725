"""The story's manifests say what they promise: durations and the cap are shortened, every threshold stands at its default."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from trimtab.api.kinds import BY_KIND

ROOT = Path(__file__).parents[3]
STORY = ROOT / "examples" / "flights" / "story"
MANIFESTS = [path for path in sorted(STORY.rglob("*.yaml")) if yaml.safe_load(path.read_text()).get("apiVersion") == "trimtab.dev/v1alpha1"]

SHORTENED = {
    "TrainingJob": {"runPolicy.maxAutomaticRunsPerDay"},
    "Deployment": {"rollout.analysis.interval", "rollout.rollbackWindow", "rollout.steps", "logging.uploadSeconds"},
    "DriftMonitor": {"performance.window"},
}
NAMED = {"model", "version", "replicas", "dataset", "deployment", "clock", "triggers", "onTrigger.trainingJob", "source.uri", "source.predictions"} | {
    "timestamp", "id", "label", "artifact.uri", "artifact.sha256", "artifact.format", "description",
}  # fmt: skip
"""What says which model, which data, which reasons: no threshold among them."""


def fields(spec: dict, at: str = "") -> set[str]:
    found = set()
    for name, value in spec.items():
        found |= fields(value, f"{at}{name}.") if isinstance(value, dict) else {at + name}
    return found


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(STORY)))
def test_nothing_but_durations_and_the_cap_is_set(path):
    manifest = yaml.safe_load(path.read_text())
    assert fields(manifest["spec"]) <= NAMED | SHORTENED.get(manifest["kind"], set())
    assert all(set(step) == {"weight", "duration"} for step in manifest["spec"].get("rollout", {}).get("steps", []))
    assert all(set(trigger) == {"name", "type"} for trigger in manifest["spec"].get("triggers", []))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(STORY)))
def test_the_models_take_them(path):
    manifest = yaml.safe_load(path.read_text())
    BY_KIND[manifest["kind"]].spec.model_validate(manifest["spec"])


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "dev" / "demo"))
    yield
    sys.modules.pop("chart", None)


def test_the_picture_is_a_png_with_a_dot_for_each_week(demo, tmp_path):
    import chart

    weeks = [{"from": f"2013-03-{day:02d}", "served": [0.05, 0.0, 0.1], "first": [-0.3, -0.4, -0.2]} for day in (1, 8, 15, 22)]
    chart.draw(weeks, [("2013-03-10", "v2", False)], tmp_path / "chart.png")
    content = (tmp_path / "chart.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    pixels = np.asarray(Image.open(tmp_path / "chart.png"))
    assert pixels.shape == (chart.HEIGHT, chart.WIDTH, 3)
    assert (pixels == chart.BLUE).all(axis=2).sum() > 4 * 50, "four dots, and one beside the words"


def test_a_year_without_labels_has_no_picture(demo, tmp_path):
    import chart

    chart.draw([], [], tmp_path / "chart.png")
    assert not (tmp_path / "chart.png").exists()
