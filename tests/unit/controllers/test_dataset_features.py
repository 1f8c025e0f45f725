"""A Dataset that names FeatureSets: what its looks are told, what it waits for, and what a new version of one does not do."""

import json

import pytest

from support.answers import materialize_answer, snapshot_answer
from support.builders import dataset, feature_set
from support.conditions import Object
from support.tale import Tale
from trimtab.api.documents import Result
from trimtab.controllers import dataset as controller
from trimtab.controllers import featureset

ENTRY = {"featureSet": "weather", "columns": ["temp"]}
JOIN = {"rowsIn": 100, "rowsOut": 100, "nullPercent": "2.5", "stalePercent": "0.5"}


def told_of(*given: Object, **spec) -> Tale:
    return Tale(featureset, controller, given=(dataset(timestamp="when", features=[ENTRY], **spec), *given))


async def with_features(versions: int = 1, **spec) -> Tale:
    """The FeatureSet has that many versions."""
    tale = told_of(feature_set(), **spec)
    await tale.settle()
    await tale.answered("materialize", materialize_answer(1))
    for version in range(2, versions + 1):
        await another(tale, version)
    return tale


async def another(tale: Tale, version: int) -> None:
    await tale.annotated("FeatureSet", {"trimtab.dev/run-requested": f"r{version}"}, "weather")
    await tale.answered("materialize", materialize_answer(version))


def document(tale: Tale) -> Object:
    variables = tale.job("snapshot")["spec"]["template"]["spec"]["containers"][0]["env"]
    return json.loads(next(v["value"] for v in variables if v["name"] == "TRIMTAB_DOCUMENT"))


def joined(version: int = 1, features: int = 1) -> Result:
    cited = [{"name": "weather", "version": features, "digest": f"{features:064x}"}]
    answer = snapshot_answer(version)
    return answer.model_copy(update={"facts": answer.facts | {"join": json.dumps(JOIN), "featureVersions": json.dumps(cited)}})


async def test_the_look_is_told_the_active_version_by_its_manifest():
    tale = await with_features(2)
    pointer = document(tale)["features"]
    assert pointer[0]["version"] in {1, 2}
    assert pointer[0]["manifestDigest"] == f"{pointer[0]['version'] + 100:064x}"
    assert document(tale)["newest"] == ""


async def test_versions_and_quality_of_the_join_stand_in_the_status():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    version = tale.status("Dataset")["versions"][0]
    assert version["join"] == JOIN
    assert version["featureVersions"] == [{"name": "weather", "version": 1, "digest": f"{1:064x}"}]
    assert tale.status("FeatureSet", "weather")["consumers"] == ["flights"]


async def test_a_pinned_version_is_the_one_that_is_joined():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    await another(tale, 2)
    await tale.edited("Dataset", features=[ENTRY | {"version": 1}])
    assert document(tale)["features"][0]["version"] == 1
    await tale.answered("snapshot", joined())
    await tale.edited("Dataset", features=[{"featureSet": "weather"}])
    assert document(tale)["features"][0]["version"] == 2


# what is waited for


@pytest.mark.parametrize(("given", "reason"), [((), "FeatureSetMissing"), ((feature_set(),), "FeatureSetNotReady")])
async def test_a_feature_set_that_is_not_there_yet_is_waited_for_and_named(given, reason):
    tale = told_of(*given)
    await tale.settle()
    assert not tale.jobs("snapshot")
    found = tale.condition("Dataset", "Ready")
    assert (found["status"], found["reason"]) == ("False", reason)
    assert found["message"].startswith("spec.features[0]: ")
    if not given:
        tale.api.given(feature_set())
        await tale.settle()
    await tale.answered("materialize", materialize_answer(1))
    assert tale.job("snapshot")


async def test_a_version_that_is_not_listed_is_named_with_those_that_are():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    await tale.edited("Dataset", features=[ENTRY | {"version": 7}])
    assert tale.ready("Dataset") == ("True", "VersionMissing"), "the version that was there still serves"
    assert "spec.features[0].version: there is no version 7; the versions are 1" in tale.condition("Dataset", "Ready")["message"]
    await tale.edited("Dataset", features=[ENTRY])
    assert tale.ready("Dataset") == ("True", "Ready")


async def test_a_feature_set_that_goes_leaves_the_version_that_serves():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    tale.api.objects = {key: obj for key, obj in tale.api.objects.items() if obj["kind"] != "FeatureSet"}
    await tale.settle()
    assert tale.ready("Dataset") == ("True", "Ready")


# what a new version does not do


async def test_a_new_version_of_a_feature_set_alone_is_no_new_look():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    await another(tale, 2)
    await tale.after(days=2)
    assert len(tale.jobs("snapshot")) == 1


async def test_a_look_by_schedule_is_told_the_version_that_stays_when_only_features_moved_on():
    tale = await with_features(refresh={"schedule": "0 0 * * *"})
    await tale.answered("snapshot", joined())
    await another(tale, 2)
    await tale.after(days=1)
    assert (document(tale)["features"][0]["version"], document(tale)["newest"]) == (2, f"{1:064x}")


async def test_a_look_that_a_person_asked_for_takes_the_new_version_up():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    await another(tale, 2)
    await tale.annotated("Dataset", {"trimtab.dev/run-requested": "now"})
    assert (document(tale)["features"][0]["version"], document(tale)["newest"]) == (2, "")


async def test_a_version_that_a_dataset_was_made_of_is_never_collected():
    tale = await with_features()
    await tale.answered("snapshot", joined())
    await tale.edited("FeatureSet", "weather", retain={"versions": 1, "reclaimPolicy": "Delete"})
    for version in (2, 3):
        await another(tale, version)
    assert [version["version"] for version in tale.status("FeatureSet", "weather")["versions"]] == [3, 1]
