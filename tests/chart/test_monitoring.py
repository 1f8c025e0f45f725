"""What the chart gives to Prometheus and Grafana: scraping by objects or annotations, the alerts, the dashboards, and who may read."""

import json
import sys
from typing import Any

import pytest
import yaml

from support.helm import CHART, REPOSITORY, RefusedError, named, of_kind, render
from trimtab.api.base import seconds
from trimtab.manifests.jobs import METRICS_PORT
from trimtab.manifests.labels import Owner, labels
from trimtab.manifests.serving import INTERNAL_PORT, SCRAPED

sys.path.append(str(REPOSITORY / "dev"))

from dashboards import boards, grafana

ALL = (
    "monitoring.serviceMonitor.enabled=true",
    "monitoring.serviceMonitor.labels.release=kps",
    "monitoring.podMonitor.enabled=true",
    "monitoring.rules.enabled=true",
    "monitoring.rules.runbooks=https://wiki.example.org/trimtab/",
    "monitoring.dashboards.enabled=true",
    "networkPolicy.enabled=true",
    "networkPolicy.scrapeFrom={monitoring}",
)
Rendered = list[dict[str, Any]]


@pytest.fixture(scope="module")
def all_of_it() -> Rendered:
    return render(*ALL)


@pytest.fixture(scope="module")
def plain() -> Rendered:
    return render()


def test_without_the_prometheus_operator_nothing_of_its_kinds_is_made(plain: Rendered) -> None:
    assert not [each["kind"] for each in plain if each["apiVersion"].startswith("monitoring.coreos.com")]
    assert of_kind(plain, "ConfigMap") == []


def test_the_operators_pod_says_where_to_scrape_it_unless_a_service_monitor_does(plain: Rendered, all_of_it: Rendered) -> None:
    said = [
        {name: value for name, value in pod(rendered)["metadata"]["annotations"].items() if name.startswith("prometheus.io/")}
        for rendered in (plain, all_of_it)
    ]
    assert said == [{"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}, {}]


def test_serving_pods_say_where_to_scrape_them() -> None:
    assert {"prometheus.io/scrape": "true", "prometheus.io/port": str(INTERNAL_PORT)} == SCRAPED


def test_the_service_monitor_finds_the_operators_service_and_no_other(all_of_it: Rendered) -> None:
    monitor = named(all_of_it, "ServiceMonitor", "trimtab-operator")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    rendered = [*all_of_it, *of_kind(render("objectStore.embedded.enabled=true"), "Service")]
    assert {each["metadata"]["name"] for each in of_kind(rendered, "Service") if wanted <= each["metadata"]["labels"].items()} == {"trimtab-operator-metrics"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] == named(all_of_it, "Service", "trimtab-operator-metrics")["spec"]["ports"][0]["name"]
    assert monitor["metadata"]["labels"]["release"] == "kps"


def test_the_pod_monitor_finds_the_pods_that_the_operator_makes(all_of_it: Rendered) -> None:
    spec = named(all_of_it, "PodMonitor", "trimtab")["spec"]
    assert spec["selector"]["matchLabels"].items() <= labels(Owner("Deployment", "team-a", "flights", "u")).items()
    assert spec["namespaceSelector"] == {"any": True}
    assert [each["port"] for each in spec["podMetricsEndpoints"]] == ["metrics"]
    assert METRICS_PORT == INTERNAL_PORT


def test_with_namespaces_only_those_are_scraped() -> None:
    spec = named(render(*ALL, "namespaces={team-a,team-b}"), "PodMonitor", "trimtab")["spec"]
    assert spec["namespaceSelector"] == {"matchNames": ["team-a", "team-b"]}


def test_the_rule_is_the_plain_file_with_the_address_of_the_runbooks(all_of_it: Rendered) -> None:
    found = named(all_of_it, "PrometheusRule", "trimtab")["spec"]
    urls = {rule["alert"]: rule["annotations"].pop("runbook_url") for group in found["groups"] for rule in group["rules"]}
    assert found == plain_rules(), "Helm must not have taken Prometheus' braces for its own"
    assert urls["TrimtabServingDown"] == "https://wiki.example.org/trimtab/TrimtabServingDown.md"
    assert all(url == f"https://wiki.example.org/trimtab/{alert}.md" for alert, url in urls.items())


def test_an_alert_links_nothing_where_nobody_has_published_the_runbooks() -> None:
    found = named(render("monitoring.rules.enabled=true"), "PrometheusRule", "trimtab")["spec"]
    assert found == plain_rules()
    assert "http" not in json.dumps([rule["annotations"] for group in found["groups"] for rule in group["rules"]])


def plain_rules() -> dict[str, Any]:
    return dict(yaml.safe_load((CHART / "monitoring" / "rules.yaml").read_text()))


def test_every_dashboard_is_a_config_map_that_a_sidecar_finds(all_of_it: Rendered) -> None:
    maps = of_kind(all_of_it, "ConfigMap")
    assert len(maps) == len(boards.BOARDS) == 5
    for each in maps:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = each["data"].items()
        assert name.endswith(".json")
        assert json.loads(text) == json.loads((CHART / "dashboards" / name).read_text())


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_a_dashboard_is_whole(board: boards.Board) -> None:
    document = json.loads(grafana.document(board))
    assert len({panel["title"] for panel in document["panels"]}) == len(document["panels"])
    assert all(target["expr"] for panel in document["panels"] for target in panel["targets"])
    cells = [(x, y) for place in grafana.places(board) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(cells) == len(set(cells)), "panels lie on each other"
    assert max(x for x, _ in cells) < grafana.WIDTH


def test_metrics_of_the_operator_are_read_from_named_namespaces_only(all_of_it: Rendered) -> None:
    policy = named(all_of_it, "NetworkPolicy", "trimtab-operator")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= pod(all_of_it)["metadata"]["labels"].items()
    assert policy["ingress"] == [{"ports": [{"port": 8080}], "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}]
    assert named(render("networkPolicy.enabled=true"), "NetworkPolicy", "trimtab-operator")["spec"]["ingress"] == []


def test_an_interval_or_an_address_that_cannot_be_is_refused() -> None:
    for setting in ("monitoring.interval=often", "monitoring.rules.runbooks=docs"):
        with pytest.raises(RefusedError, match="does not match pattern"):
            render(setting)


def test_a_scrape_comes_often_enough_for_the_shortest_window_of_an_alert(all_of_it: Rendered) -> None:
    interval = named(all_of_it, "PodMonitor", "trimtab")["spec"]["podMetricsEndpoints"][0]["interval"]
    assert seconds(interval) * 4 <= seconds("5m")


def pod(rendered: Rendered) -> dict[str, Any]:
    return dict(named(rendered, "Deployment", "trimtab-operator")["spec"]["template"])
