"""A FeatureSet from its first look at the source to the versions it keeps, and what it says of itself."""

import json

import pytest

from support.answers import materialize_answer
from support.builders import config_map, feature_set, model_version
from support.conditions import Object
from support.tale import Tale
from trimtab.controllers import featureset as controller

PYTHON = {"python": {"configMap": {"name": "code", "key": "features.py"}}}


def story(*given: Object, **spec) -> Tale:
    return Tale(controller, given=(feature_set(**spec), *given))


async def made(*given: Object, versions: int = 1, latest: str = "2026-01-05T08:00:00Z", **spec) -> Tale:
    told = story(*given, **spec)
    await told.settle()
    await told.answered("materialize", materialize_answer(1, latest=latest))
    for version in range(2, versions + 1):
        await told.annotated("FeatureSet", {"trimtab.dev/run-requested": f"r{version}"}, "weather")
        await told.answered("materialize", materialize_answer(version, latest=latest))
    return told


def condition(told: Tale, type_: str) -> tuple[str, str]:
    found = told.condition("FeatureSet", type_, "weather")
    return found["status"], found["reason"]


def document(told: Tale, verb: str = "materialize") -> Object:
    variables = told.job(verb)["spec"]["template"]["spec"]["containers"][0]["env"]
    return json.loads(next(v["value"] for v in variables if v["name"] == "TRIMTAB_DOCUMENT"))


async def test_an_answer_becomes_a_version_that_serves():
    told = await made()
    status = told.status("FeatureSet", "weather")
    assert condition(told, "Ready") == ("True", "Ready")
    assert condition(told, "SchemaValid") == ("True", "SchemaValid")
    assert (status["activeVersion"], status["latestVersion"], status["versions"][0]["rows"]) == (1, 1, 1000)
    assert status["lastCheckedAt"]
    assert told.events().count("CreatedVersion") == 1


@pytest.mark.parametrize(
    "change", [{"ttl": "3h"}, {"transform": {"sql": "SELECT * FROM source"}}, {"schema": [{"name": "temp", "max": 130}]}, {"entities": ["a"]}]
)
async def test_a_changed_definition_is_a_new_look_and_the_old_version_serves_meanwhile(change):
    told = await made()
    await told.edited("FeatureSet", "weather", **change)
    assert all(document(told)["spec"][field] for field in change)
    assert condition(told, "Ready")[0] == "True"


@pytest.mark.parametrize("change", [{"retain": {"versions": 3}}, {"maxAge": "1h"}, {"activeVersion": 1}, {"refresh": {"schedule": "0 0 * * *"}}])
async def test_what_changes_no_version_is_no_new_look(change):
    told = await made()
    await told.edited("FeatureSet", "weather", **change)
    assert len(told.jobs("materialize")) == 1


async def test_rows_that_break_the_schema_leave_the_version_that_serves():
    told = await made()
    await told.annotated("FeatureSet", {"trimtab.dev/run-requested": "r2"}, "weather")
    told.api.one("featuresets", "weather")
    await told.failed("materialize", "SchemaViolated", "spec.schema: Column temp, rule max: 3 of 1000 rows break it.")
    assert condition(told, "Ready") == ("True", "SchemaViolated")
    assert condition(told, "SchemaValid") == ("False", "SchemaViolated")
    assert condition(told, "Stalled")[0] == "True"
    assert told.status("FeatureSet", "weather")["activeVersion"] == 1


# code


async def test_code_is_mounted_and_known_by_its_digest():
    told = story(config_map("code", **{"features.py": "x = 1"}), transform=PYTHON)
    await told.settle()
    assert len(document(told)["codeDigest"]) == 64
    assert told.job("materialize")["spec"]["template"]["spec"]["volumes"][1]["configMap"]["name"] == "code"


async def test_missing_code_is_waited_for_and_named():
    told = story(transform=PYTHON)
    await told.settle()
    assert not told.jobs()
    found = told.condition("FeatureSet", "Ready", "weather")
    assert (found["status"], found["reason"]) == ("False", "CodeMissing")
    assert found["message"].startswith("spec.transform.python.configMap: there is no ConfigMap code")
    told.api.given(config_map("code", **{"features.py": "x = 1"}))
    await told.settle()
    assert told.job("materialize")


async def test_changed_code_is_a_new_look():
    told = await made(config_map("code", **{"features.py": "x = 1"}), transform=PYTHON)
    told.api.given(config_map("code", **{"features.py": "x = 2"}))
    await told.settle()
    assert told.job("materialize")


# freshness


async def test_a_promise_of_freshness_holds_until_the_newest_event_is_too_old():
    told = await made(maxAge="6h", latest="2099-01-01T00:00:00Z")
    assert condition(told, "Fresh") == ("True", "Fresh")
    other = await made(maxAge="6h", latest="2013-12-31T00:00:00Z")
    found = other.condition("FeatureSet", "Fresh", "weather")
    assert (found["status"], found["reason"]) == ("False", "Stale")
    assert "2013-12-31T00:00:00Z, more than 6h ago" in found["message"]


async def test_it_is_looked_at_again_when_the_promise_would_break():
    told = await made()
    now = told.api.now
    latest = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    other = await made(maxAge="1h", latest=latest)
    assert condition(other, "Fresh")[0] == "True"
    await other.after(hours=1, seconds=1)
    assert condition(other, "Fresh")[0] == "False"


async def test_nothing_is_said_of_freshness_where_nothing_is_promised():
    assert condition(await made(), "Fresh")[0] == "absent"


# consumers, and others like it


def user(name: str = "flights", **feature) -> Object:
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"features": [{"featureSet": "weather", **feature}]},
    }


async def test_datasets_that_cite_it_are_shown():
    told = await made(user("b"), user("a"))
    assert told.status("FeatureSet", "weather")["consumers"] == ["a", "b"]


async def test_versions_that_a_dataset_pins_or_a_model_learned_from_stay():
    learned = model_version(lineage={"featureVersions": [{"name": "weather", "version": 2, "digest": f"{2:064x}"}]})
    told = await made(user(version=1), learned, versions=4, retain={"versions": 1, "reclaimPolicy": "Delete"})
    assert [version["version"] for version in told.status("FeatureSet", "weather")["versions"]] == [4, 2, 1]
    assert document(told, "gc")["kind"] == "featuresets"
    assert f"{3:064x}" not in document(told, "gc")["keep"]


async def test_a_second_feature_set_of_one_definition_is_warned_of_once_by_the_younger():
    twin = feature_set("weather-too", source={"uri": "s3://lake/weather/"})
    told = story(twin)
    await told.settle()
    await told.after(minutes=10)
    warned = [event for event in told.api.all("events") if event["reason"] == "DuplicateOf"]
    assert [(event["involvedObject"]["name"], event["type"]) for event in warned] == [("weather-too", "Warning")]
    assert "FeatureSet weather has the same source" in warned[0]["message"]


async def test_a_definition_of_its_own_is_no_duplicate():
    told = story(feature_set("weather-too", source={"uri": "s3://lake/weather/"}, ttl="1h"))
    await told.settle()
    assert "DuplicateOf" not in told.events()


async def test_an_older_version_can_be_made_to_serve_again():
    told = await made(versions=2)
    await told.edited("FeatureSet", "weather", activeVersion=1)
    assert told.status("FeatureSet", "weather")["activeVersion"] == 1
    await told.edited("FeatureSet", "weather", activeVersion=7)
    await told.answered("materialize", materialize_answer(2))
    assert condition(told, "Ready") == ("False", "VersionMissing")
