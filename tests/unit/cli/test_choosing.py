"""Which object a person means."""

import pytest

from support.builders import dataset, deployment, model_version, training_job
from trimtab.cli.errors import NotThere, Usage
from trimtab.cli.views.choosing import choose, split
from trimtab.cli.views.listed import Listed, ref

ALL = Listed.of_all(dataset(), training_job(), model_version(version=1), model_version(version=2), deployment())


@pytest.mark.parametrize("text", ["mv/x", "modelversion/x", "modelversions/x", "ModelVersion/x", "modelversions.trimtab.dev/x"])
def test_a_kind_may_be_spelled_as_kubectl_spells_it(text):
    assert split(text) == ("ModelVersion", "x")


def test_deployment_means_ours():
    assert split("deployment/flights")[0] == "Deployment"


def test_a_monitor_is_known_by_its_short_name():
    assert split("dm/flights") == ("DriftMonitor", "flights")


def test_an_unknown_kind_lists_those_there_are():
    with pytest.raises(Usage, match=r"pod is no kind of Trimtab's; write one of .*Dataset.*TrainingJob"):
        split("pod/x")


def test_a_bare_name_means_the_object_furthest_down_the_loop():
    assert str(ref(choose(ALL, "flights"))) == "mdep/flights"


def test_a_models_name_means_its_newest_version_where_a_version_is_wanted():
    assert choose(ALL, "flights", ("ModelVersion",))["metadata"]["name"] == "flights-v2"


def test_a_name_that_is_nearly_one_is_suggested():
    with pytest.raises(NotThere, match="Did you mean flights"):
        choose(ALL, "fligths")


def test_the_error_names_the_next_command():
    with pytest.raises(NotThere) as error:
        choose(Listed("team"), "flights")
    assert error.value.hint == "trimtab status -n team"
