"""What verbs write: annotations, spec or approval, never a status."""

from datetime import UTC, datetime

import pytest

from support.builders import annotated, deployment, model_version, training_job
from support.told import ready
from trimtab.cli import deeds
from trimtab.cli.errors import UserError
from trimtab.cli.views.listed import Listed

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HISTORY = [{"version": 1, "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, {"version": 2, "since": "2026-01-02T00:00:00Z"}]


def serving(**more):
    return ready(deployment(**more.pop("spec", {})), stable={"version": 2}, history=HISTORY, **more)


def annotations(deed):
    return deed.patch["metadata"]["annotations"]


def test_no_verb_writes_a_status():
    listed = Listed.of_all(ready(model_version(version=2)))
    candidate = serving(candidate={"version": 3})
    made = [
        deeds.pause(candidate), deeds.resume(annotated(candidate, **{"trimtab.dev/paused": "true"})), deeds.run(training_job(), "x"),
        deeds.approval(model_version(), "Approved", "alice"), deeds.promote(candidate), deeds.abort(candidate), deeds.undo(listed, serving(), "alice", NOW),
    ]  # fmt: skip
    assert {key for deed in made for key in deed.patch} <= {"metadata", "spec"}


def test_promote_and_abort_mean_one_version_so_that_they_do_nothing_to_a_later_one():
    obj = serving(candidate={"version": 3})
    assert annotations(deeds.promote(obj)) == {"trimtab.dev/promote": "3"}
    assert annotations(deeds.abort(obj)) == {"trimtab.dev/abort": "3"}


def test_without_a_candidate_there_is_nothing_to_promote():
    with pytest.raises(UserError, match="has no candidate; it serves version 2"):
        deeds.promote(serving())


def test_undo_blocks_the_stable_version_here_and_says_how_to_try_it_again():
    deed = deeds.undo(Listed.of_all(ready(model_version(version=2))), serving(), "alice", NOW)
    assert deed.target["metadata"]["name"] == "flights-v2"
    assert annotations(deed) == {"blocked.trimtab.dev/flights": "undone by alice at 2026-01-05T12:00:00Z"}
    assert "trimtab rollout retry flights 2" in deed.said


def test_undo_of_a_pinned_deployment_names_the_version_before():
    deed = deeds.undo(Listed.of_all(), serving(spec={"version": 2}), "alice", NOW)
    assert deed.patch == {"spec": {"version": 1}}


def test_there_is_no_way_back_from_the_first_version():
    with pytest.raises(UserError, match="served no version before"):
        deeds.undo(Listed.of_all(), ready(deployment(), stable={"version": 1}), "alice", NOW)


def test_retry_takes_away_the_block_of_this_deployment_alone():
    blocked = annotated(ready(model_version(version=3)), **{"blocked.trimtab.dev/flights": "why", "blocked.trimtab.dev/other": "why"})
    (deed,) = deeds.retry(Listed.of_all(blocked), serving(), 3)
    assert annotations(deed) == {"blocked.trimtab.dev/flights": None}


def test_retry_forgets_the_abort_that_would_take_it_back_at_once():
    blocked = annotated(ready(model_version(version=3)), **{"blocked.trimtab.dev/flights": "why"})
    told = annotated(serving(), **{"trimtab.dev/abort": "3", "trimtab.dev/promote": "2"})
    first, last = deeds.retry(Listed.of_all(blocked), told, 3)
    assert (first.target["kind"], annotations(first)) == ("Deployment", {"trimtab.dev/abort": None})
    assert last.target["kind"] == "ModelVersion"


def test_retry_of_what_is_not_blocked_is_refused():
    with pytest.raises(UserError, match="is not blocked"):
        deeds.retry(Listed.of_all(ready(model_version(version=3))), serving(), 3)


def test_resume_of_what_goes_on_anyway_is_refused():
    with pytest.raises(UserError, match="is not paused"):
        deeds.resume(serving())


def test_an_approval_carries_the_name_of_who_gave_it():
    assert deeds.approval(model_version(), "Approved", "alice").patch == {"spec": {"approval": "Approved", "approvedBy": "alice"}}


def test_an_approval_that_stands_is_not_given_again():
    with pytest.raises(UserError, match="already"):
        deeds.approval(model_version(approval="Approved", approvedBy="alice"), "Approved", "alice")


@pytest.mark.parametrize(
    ("user", "who"), [("Alice@example.org", "alice"), ("system:serviceaccount:ci:builder", "builder"), ("", "cli"), ("o'brien", "o-brien")]
)
def test_a_request_is_named_by_who_asked_and_when(user, who):
    assert deeds.request_id(user, NOW) == f"{who}-20260105-120000"


def test_a_patch_for_git_holds_the_version_and_nothing_else():
    assert deeds.pinned(serving(), model_version(version=7)) == {
        "apiVersion": "trimtab.dev/v1alpha1", "kind": "Deployment", "metadata": {"name": "flights", "namespace": "default"}, "spec": {"version": 7},
    }  # fmt: skip


def test_a_deployment_that_follows_no_longer_does():
    following = serving()
    following["spec"]["follow"] = "Approved"
    assert deeds.pinned(following, model_version(version=7))["spec"] == {"version": 7, "follow": None}


def test_a_version_of_another_model_cannot_be_served():
    with pytest.raises(UserError, match="is of model birds"):
        deeds.pinned(serving(), model_version("birds"))


def test_a_copy_leaves_approval_and_annotations_behind():
    version = annotated(ready(model_version(approval="Approved", approvedBy="alice")), **{"blocked.trimtab.dev/flights": "why"})
    copy = deeds.copied(version, "production")
    assert copy["metadata"] == {"name": "flights-v1", "namespace": "production"}
    assert set(copy["spec"]) == {"model", "version", "artifact"}
