"""`why`: the chain from an object to its last cause, and what stands in a version's way."""

from support.builders import annotated, dataset, deployment, feature_set, model_version, training_job
from support.told import ready, stalled, told, working
from trimtab.cli.views.listed import Listed
from trimtab.cli.views.why import why

MISSING = ("ColumnMissing", "spec.label: there is no column lat.")


def test_the_last_cause_comes_first_and_what_was_asked_about_last():
    listed = Listed.of_all(
        stalled(dataset(), *MISSING),
        told(training_job(), ("Ready", "False", "DatasetNotReady", "Dataset flights has no version yet.")),
        told(deployment(), ("Ready", "False", "NoVersion", "Model flights has no version to serve.")),
    )
    answer = why(listed, "flights")
    assert [(link.object, link.reason) for link in answer.links] == [
        ("dset/flights", "ColumnMissing"),
        ("tj/flights", "DatasetNotReady"),
        ("mdep/flights", "NoVersion"),
    ]
    assert not answer.ready


def test_only_what_a_person_must_mend_is_told_as_such():
    listed = Listed.of_all(stalled(dataset(), *MISSING), working(training_job(), "waits"))
    assert [link.by_itself for link in why(listed, "tj/flights").links] == [False, True]


def test_what_is_named_and_not_there_is_a_cause():
    listed = Listed.of_all(told(training_job(), ("Ready", "False", "DatasetMissing", "spec.dataset: there is no Dataset flights.")))
    first = why(listed, "tj/flights").links[0]
    assert (first.object, first.reason) == ("Dataset flights", "DatasetMissing")


def test_a_feature_set_that_is_not_ready_is_followed_through_the_dataset():
    listed = Listed.of_all(
        working(feature_set("weather"), "reads"),
        told(dataset(features=[{"featureSet": "weather"}]), ("Ready", "False", "FeatureSetNotReady", "waits for weather")),
    )
    assert [link.object for link in why(listed, "dset/flights").links] == ["fset/weather", "dset/flights"]


def test_a_deployment_without_a_version_is_explained_by_the_gates_of_the_newest():
    gates = ("GatesPassed", "False", "GatesFailed", "flights-v1 did not pass: skill 0.01.")
    listed = Listed.of_all(
        ready(model_version(), "verified", "Verified", gates),
        told(deployment(), ("Ready", "False", "NoVersion", "Model flights has no version to serve.")),
        ready(training_job()),
    )
    first = why(listed, "mdep/flights").links[0]
    assert (first.object, first.reason, first.message) == ("mv/flights-v1", "GatesFailed", "flights-v1 did not pass: skill 0.01.")


def test_a_model_that_nobody_makes_is_said():
    listed = Listed.of_all(told(deployment(), ("Ready", "False", "NoVersion", "no version")))
    assert why(listed, "flights").links[0].reason == "NoTrainingJob"


def test_what_the_operator_has_not_seen_says_who_might_be_missing():
    listed = Listed.of_all(dataset() | {"metadata": {"name": "flights", "generation": 1}})
    (link,) = why(listed, "dset/flights").links
    assert link.reason == "Unseen"
    assert "trimtab doctor" in link.message


def test_a_changed_spec_is_not_judged_by_what_was_said_of_the_old_one():
    seen = ready(dataset())
    changed = seen | {"metadata": seen["metadata"] | {"generation": 2}}
    assert why(Listed.of_all(changed), "flights").links[0].reason == "Unseen"


def test_a_paused_object_says_how_to_go_on():
    obj = annotated(working(dataset(), "reads"), **{"trimtab.dev/paused": "true"})
    (link,) = why(Listed.of_all(obj), "flights").links
    assert (link.reason, link.by_itself) == ("Paused", False)


def test_a_newer_version_that_is_not_served_is_a_note_though_all_is_well():
    gates = ("GatesPassed", "False", "GatesFailed", "flights-v2 did not pass: skill 0.01.")
    listed = Listed.of_all(
        ready(model_version(version=1)), ready(model_version(version=2), "verified", "Verified", gates), ready(deployment(), stable={"version": 1})
    )
    answer = why(listed, "flights")
    assert answer.ready
    assert answer.notes == ("flights-v2 is not served: flights-v2 did not pass: skill 0.01.",)


def test_what_was_refused_before_the_candidate_came_is_history():
    gates = ("GatesPassed", "False", "GatesFailed", "flights-v2 did not pass: skill 0.01.")
    old, coming = ready(model_version(version=2), "verified", "Verified", gates), ready(model_version(version=3))
    listed = Listed.of_all(ready(model_version(version=1)), old, coming, ready(deployment(), stable={"version": 1}, candidate={"version": 3}))
    assert why(listed, "flights").notes == ()


def test_a_blocked_version_says_how_to_try_it_again():
    blocked = annotated(ready(model_version(version=2)), **{"blocked.trimtab.dev/flights": "errors 4% at 5%"})
    listed = Listed.of_all(blocked, ready(deployment(), stable={"version": 1}))
    assert "trimtab rollout retry flights 2" in why(listed, "flights").notes[0]


def test_a_version_that_waits_for_approval_names_the_command():
    listed = Listed.of_all(ready(model_version(version=2)), ready(deployment(follow="Approved"), stable={"version": 1}))
    assert "trimtab approve mv/flights-v2" in why(listed, "flights").notes[0]


def test_a_candidate_on_its_way_in_is_no_note():
    listed = Listed.of_all(ready(model_version(version=2)), ready(deployment(), stable={"version": 1}, candidate={"version": 2}))
    assert why(listed, "flights").notes == ()


def test_a_warning_beside_ready_is_told():
    obj = ready(dataset(), "Version 1 is ready.", "Ready", ("Valid", "False", "RuleViolated", "rule sizes is broken"))
    assert why(Listed.of_all(obj), "flights").notes == ("Valid: rule sizes is broken",)


def test_what_the_operator_says_of_a_version_is_not_said_twice():
    gates = ("GatesPassed", "False", "GatesFailed", "flights-v2 did not pass: skill 0.01.")
    version = ready(model_version(version=2), "verified", "Verified", gates)
    said = ready(deployment(), "flights-v1 answers. Not taken up: flights-v2 did not pass: skill 0.01.", stable={"version": 1})
    assert why(Listed.of_all(version, said), "flights").notes == ()


def test_an_open_incident_is_a_note_of_the_deployment():
    monitor = ready({"apiVersion": "trimtab.dev/v1alpha1", "kind": "DriftMonitor", "metadata": {"name": "watch"}, "spec": {"deployment": "flights"}},
                    incident={"id": "0123456789abcdef", "cause": "lost-skill"})  # fmt: skip
    listed = Listed.of_all(monitor, ready(deployment(), stable={"version": 1}))
    assert why(listed, "flights").notes == ("dm/watch: incident 01234567 is open, caused by lost-skill.",)
