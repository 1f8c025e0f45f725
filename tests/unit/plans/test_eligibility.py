"""Which version a Deployment is to serve."""

import pytest

from support.builders import annotated, model_version
from support.conditions import with_conditions
from trimtab.api.reasons import Reason
from trimtab.plans.eligibility import Wish, choose, number, signature_conflict


def version(n, *, ready="True", gates=("True", "Passed"), **spec):
    return with_conditions(
        model_version("flights", n, **spec), Ready=(ready, "Verified" if ready == "True" else "Verifying", "It is being looked at."), GatesPassed=gates
    )


def wish(**more):
    return Wish("production", "flights", **more)


def blocked(obj):
    return annotated(obj, **{"blocked.trimtab.dev/production": "error rate, 2026-01-05"})


def target(versions, **more):
    chosen = choose(versions, wish(**more)).version
    return number(chosen) if chosen else None


def refused(versions, **more):
    objection = choose(versions, wish(**more)).objection
    return objection and (objection.reason, objection.message)


def test_the_highest_number_that_passed_is_served():
    assert target([version(9), version(10), version(2)]) == 10


def test_without_any_version_the_sentence_says_who_makes_one():
    reason, message = refused([])
    assert reason == Reason.NO_VERSION
    assert "TrainingJob whose model is flights" in message


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (version(2, ready="False"), Reason.VERSION_NOT_READY),
        (model_version("flights", 2), Reason.VERSION_NOT_READY),
        (version(2, gates=("False", "GatesFailed", "auc 0.5 is below 0.7")), Reason.GATES_FAILED),
        (version(2, gates=("Unknown", "NoGates")), Reason.NO_GATES),
        (version(2, approval="Rejected", approvedBy="eva"), Reason.REJECTED),
        (version(2, deprecated={"reason": "leaks the label"}), Reason.DEPRECATED),
        (annotated(version(2), **{"trimtab.dev/deprecated": "worse than its predecessor"}), Reason.DEPRECATED),
        (blocked(version(2)), Reason.BLOCKED),
    ],
    ids=["not ready", "never looked at", "gates failed", "no gates", "rejected", "deprecated", "deprecated by annotation", "blocked"],
)
def test_a_version_with_something_against_it_is_passed_over_and_the_reason_told(newest, reason):
    assert target([version(1), newest]) == 1
    said, message = refused([version(1), newest])
    assert said == reason
    assert "flights-v2" in message


def test_the_first_version_says_why_it_is_not_served():
    reason, message = refused([version(1, gates=("False", "GatesFailed", "flights-v1 did not pass: auc"))])
    assert reason == Reason.GATES_FAILED
    assert message.startswith("Model flights has no version to serve: flights-v1 did not pass")


def test_a_model_that_somebody_brought_is_served_once_it_is_approved():
    assert target([version(1, gates=("Unknown", "NoGates"), approval="Approved", approvedBy="eva")]) == 1


def test_an_approval_does_not_make_up_for_a_failed_gate():
    assert target([version(1, gates=("False", "GatesFailed", "auc"), approval="Approved", approvedBy="eva")]) is None


def test_who_follows_approved_waits_for_a_person():
    versions = [version(1, approval="Approved", approvedBy="eva"), version(2)]
    assert target(versions, follow="Approved") == 1
    assert refused(versions, follow="Approved")[0] == Reason.APPROVAL_PENDING


def test_a_block_here_says_nothing_about_other_deployments():
    elsewhere = annotated(version(2), **{"blocked.trimtab.dev/staging": "slow"})
    assert target([version(1), elsewhere]) == 2


def test_approval_does_not_lift_a_block():
    assert target([version(1), blocked(version(2, approval="Approved", approvedBy="eva"))]) == 1


def test_a_version_that_is_being_deleted_is_nobodys_target():
    going = version(2)
    going["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"
    assert target([version(1), going]) == 1


class TestNeverBelowStable:
    def test_stable_stays_when_it_is_deprecated(self):
        versions = [version(1), version(2, deprecated={"reason": "old"})]
        assert target(versions, stable=2) is None

    def test_stable_stays_when_its_model_version_is_gone(self):
        assert target([version(1)], stable=2) is None

    def test_a_higher_one_takes_over_from_a_deprecated_stable(self):
        assert target([version(2, deprecated={"reason": "old"}), version(3)], stable=2) == 3

    def test_nothing_is_said_against_versions_below(self):
        assert refused([version(1, ready="False"), version(2)], stable=2) is None


class TestBlockedStable:
    def test_what_was_served_last_comes_back(self):
        versions = [version(1), version(2), blocked(version(3))]
        assert target(versions, stable=3, served=(3, 1)) == 1

    def test_where_the_history_is_lost_the_highest_that_may_be_served_comes(self):
        assert target([version(1), version(2), blocked(version(3))], stable=3) == 2

    def test_what_served_before_comes_first_and_a_newer_one_takes_its_steps_from_there(self):
        versions = [version(1), blocked(version(2)), version(3)]
        assert target(versions, stable=2, served=(2, 1)) == 1
        assert target(versions, stable=1, served=(1, 2, 1)) == 3

    def test_a_newer_one_where_nothing_that_served_is_left(self):
        assert target([blocked(version(2)), version(3)], stable=2, served=(2, 1)) == 3

    def test_it_is_served_on_while_there_is_nothing_else(self):
        assert target([blocked(version(1))], stable=1) is None


class TestPinned:
    def test_gates_and_approval_are_the_persons_business(self):
        rejected = version(1, gates=("False", "GatesFailed", "auc"), approval="Rejected", approvedBy="eva")
        assert target([rejected, version(2)], pinned=1) == 1

    def test_a_pin_goes_below_stable(self):
        assert target([version(1), version(2)], pinned=1, stable=2) == 1

    def test_a_version_that_is_not_ready_cannot_be_pinned(self):
        assert target([version(1, ready="False")], pinned=1) is None
        assert refused([version(1, ready="False")], pinned=1)[0] == Reason.VERSION_NOT_READY

    def test_a_block_counts_for_a_pin_too(self):
        assert refused([blocked(version(1))], pinned=1)[0] == Reason.BLOCKED

    def test_a_pinned_version_that_serves_and_is_blocked_makes_room_for_what_served_before(self):
        versions = [version(1), version(2), blocked(version(3))]
        assert target(versions, pinned=3, stable=3, served=(3, 1)) == 1
        assert target(versions, pinned=3, stable=1, served=(1, 3, 1)) is None
        assert refused(versions, pinned=3, stable=3, served=(3, 1))[0] == Reason.BLOCKED

    def test_a_pinned_version_is_served_on_while_nothing_served_before_it(self):
        assert target([blocked(version(3))], pinned=3, stable=3, served=(3,)) is None

    def test_a_version_that_does_not_exist_is_named(self):
        assert refused([version(1)], pinned=7) == (
            Reason.NO_VERSION,
            "Model flights has no version to serve: spec.version is 7, and there is no ModelVersion flights-v7.",
        )


def tensors(**types):
    return [{"name": column, "datatype": datatype} for column, datatype in types.items()]


def summary(inputs, outputs=None, **more):
    return {"inputs": inputs, "outputs": outputs or tensors(label="BYTES"), **more}


class TestSignature:
    def test_fewer_inputs_fit(self):
        assert signature_conflict(summary(tensors(a="FP32", b="FP32")), summary(tensors(a="FP32"))) is None

    def test_a_new_required_input_does_not_fit(self):
        assert signature_conflict(summary(tensors(a="FP32")), summary(tensors(a="FP32", wind="FP32"))) == "needs the input wind (FP32)"

    def test_a_new_optional_input_fits(self):
        optional = [*tensors(a="FP32"), {"name": "wind", "datatype": "FP32", "optional": True}]
        assert signature_conflict(summary(tensors(a="FP32")), summary(optional)) is None

    def test_another_type_does_not_fit(self):
        assert signature_conflict(summary(tensors(a="FP32")), summary(tensors(a="BYTES"))) == "needs the input a (BYTES)"

    def test_an_output_that_clients_read_must_stay(self):
        new = summary(tensors(a="FP32"), tensors(prediction="FP64"))
        assert signature_conflict(summary(tensors(a="FP32")), new) == "no longer has the output label (BYTES)"

    def test_a_signature_that_nobody_wrote_down_is_no_obstacle(self):
        assert signature_conflict({}, summary(tensors(a="FP32"))) is None
        assert signature_conflict(summary(tensors(a="FP32")), {}) is None

    def test_beyond_what_a_summary_holds_only_equality_counts(self):
        served = summary(tensors(a="FP32"), inputCount=100, signatureDigest="x")
        assert signature_conflict(served, served) is None
        assert "too long" in signature_conflict(served, summary(tensors(a="FP32"), inputCount=100, signatureDigest="y"))

    def test_a_version_that_clients_cannot_talk_to_is_not_followed_but_can_be_pinned(self):
        versions = [version(1, summary=summary(tensors(a="FP32"))), version(2, summary=summary(tensors(a="FP32", wind="FP32")))]
        assert target(versions, stable=1) == 1
        assert refused(versions, stable=1) == (
            Reason.SIGNATURE_INCOMPATIBLE,
            "flights-v2 needs the input wind (FP32), unlike flights-v1, which clients use now; name it in spec.version to serve it all the same.",
        )
        assert target(versions, stable=1, pinned=2) == 2

    def test_a_blocked_stable_holds_nobody_to_its_signature(self):
        old = version(1, summary=summary(tensors(a="FP32", wind="FP32")))
        assert target([old, blocked(version(2, summary=summary(tensors(a="FP32"))))], stable=2, served=(2, 1)) == 1
