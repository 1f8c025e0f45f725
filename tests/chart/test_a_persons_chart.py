"""People put our Deployment into charts of their own: `helm lint` and `helm template` take it for one of Kubernetes', and must be content."""

from pathlib import Path

import pytest
import yaml

from support.builders import Object, dataset, deployment, training_job
from support.helm import RefusedError, run_helm

SELECTOR: Object = {"selector": {"matchLabels": {"app.kubernetes.io/name": "flights"}}}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: flights\nversion: 0.1.0\nicon: https://example.org/icon.png\n")
    (tmp_path / "values.yaml").write_text("follow: Passed\n")
    return tmp_path


def holding(chart: Path, **spec: object) -> Path:
    """The chart with all that a model needs; a value of the chart is in the Deployment's spec."""
    objects = [dataset(), training_job(), deployment("flights", **spec)]
    for obj in objects:
        del obj["metadata"]["namespace"]
        text = yaml.safe_dump(obj).replace("follow: VALUE", "follow: {{ .Values.follow }}")
        (chart / "templates" / f"{obj['kind'].lower()}.yaml").write_text(text)
    return chart


def test_helm_lint_is_content_with_our_deployment_that_has_a_selector(chart: Path) -> None:
    said = run_helm("lint", "--strict", str(holding(chart, follow="VALUE", **SELECTOR)))
    assert "0 chart(s) failed" in said


def test_helm_lint_wants_the_selector_that_we_ignore(chart: Path) -> None:
    """Why spec.selector is in the schema at all; the day this fails it can go."""
    with pytest.raises(RefusedError, match="must contain matchLabels"):
        run_helm("lint", str(holding(chart)))


def test_helm_template_renders_it_as_it_stands(chart: Path) -> None:
    rendered = list(yaml.safe_load_all(run_helm("template", "release", str(holding(chart, follow="VALUE", **SELECTOR)), "--set", "follow=Approved")))
    (made,) = [each for each in rendered if each["kind"] == "Deployment"]
    assert made["apiVersion"] == "trimtab.dev/v1alpha1"
    assert made["spec"] == {"model": "flights", "follow": "Approved"} | SELECTOR
