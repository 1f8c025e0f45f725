"""What a person sees of a DriftMonitor while windows pass, skill falls, runs end and versions come and go."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.builders import dataset, feature_set
from support.conditions import verified
from support.monitoring import (
    DAY,
    DRIFT,
    FEBRUARY,
    LOST,
    RETRAIN,
    answers,
    clock_at,
    document,
    evaluated,
    judged,
    monitor,
    run,
    serving,
    trainer,
    version,
)
from support.tale import Tale
from trimtab.api.evaluation import FaultReading, Parity, Replay
from trimtab.controllers import driftmonitor
from trimtab.manifests.labels import REQUEST
from trimtab.plans.monitored import Answer

KIND = "DriftMonitor"
BLOCK = "blocked.trimtab.dev/flights"


class Watch(Tale):
    """A monitor on the requests' clock."""

    def __init__(self, *given: Any, **spec: Any) -> None:
        super().__init__(driftmonitor, given=given or (monitor(**spec), serving(1), verified(version(1)), verified(version(2)), trainer(), dataset()))
        self.day = FEBRUARY
        self.next(timedelta(hours=1))

    def next(self, span: timedelta = DAY) -> None:
        self.day += span
        clock_at(self.api, self.day)

    async def look(self, **said: Any) -> None:
        """A day passes, and its window reads like this."""
        self.next()
        await self.settle()
        await self.say(**said)

    async def say(self, **said: Any) -> None:
        """What the running look answers; one that follows it says the same."""
        for _ in range(3):
            if not self.running("evaluate"):
                return
            answers(self.api, self.job("evaluate"), evaluated(self.day.replace(hour=0), **said))
            await self.settle()

    @property
    def state(self) -> str:
        return self.status(KIND)["state"]

    @property
    def incident(self) -> Any:
        return self.status(KIND).get("incident")

    async def taken_over(self) -> None:
        """Version 2 serves where version 1 did, and the first look at it found nothing."""
        await self.settle()
        await self.say()
        await self.serves(1, 2)
        await self.say()

    async def lifted(self) -> None:
        """A person takes the block off version 2."""
        found = self.api.one("modelversions", "flights-v2")
        self.api.given(found | {"metadata": found["metadata"] | {"annotations": {}}})
        await self.settle()

    async def serves(self, *history: int) -> None:
        self.api.given(serving(*history))
        await self.settle()

    async def runs(self, *runs: Any) -> None:
        self.api.given(trainer(*runs))
        await self.settle()

    async def opened(self) -> str:
        """Skill is lost, and an incident is open."""
        await self.settle()
        await self.say()
        await self.look(**LOST)
        return str(self.incident["id"])

    def annotations(self, name: str) -> Any:
        return self.api.one("modelversions", name)["metadata"].get("annotations") or {}


@contextmanager
def prometheus_says(*values: float) -> Iterator[None]:
    """Every query is answered so; the real thing stands in the integration tests."""

    async def ask(_url: str, queries: dict[str, str]) -> tuple[Answer, ...]:
        return tuple(Answer(trigger, values) for trigger in queries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trimtab.controllers.prometheus.ask", ask)
        yield


async def test_it_begins_with_a_look_at_the_version_that_serves():
    tale = Watch()
    await tale.settle()
    told = document(tale.job("evaluate"))
    assert (told["watching"]["name"], told["now"], told["spec"]["deployment"]) == ("flights-v1", "2013-02-01T01:00:00Z", "flights")
    assert tale.ready(KIND) == ("False", "Progressing")


async def test_calm_windows_make_a_healthy_monitor_that_says_what_it_saw():
    tale = Watch()
    await tale.settle()
    await tale.say()
    assert (tale.state, tale.ready(KIND)) == ("Healthy", ("True", "Watching"))
    assert tale.condition(KIND, "Drifted")["status"] == "False"
    assert "nothing that a retraining would bring back" in tale.condition(KIND, "PerformanceDegraded")["message"]
    assert tale.status(KIND)["lastWindow"]["rows"] == 900


async def test_a_window_that_closes_is_looked_at_and_time_alone_is_not():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.next(timedelta(hours=5))
    await tale.settle()
    assert not tale.running("evaluate")
    tale.next()
    await tale.settle()
    assert document(tale.job("evaluate"))["now"] == "2013-02-02T06:00:00Z"


async def test_a_clock_that_ticks_writes_nothing():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.api.forget()
    for _ in range(5):
        tale.next(timedelta(hours=1))
        await tale.reconcile(KIND)
    assert not tale.api.writes


async def test_one_look_covers_all_windows_that_closed_while_nobody_looked():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.next(9 * DAY)
    await tale.settle()
    await tale.say()
    assert len(tale.jobs("evaluate")) == 2


async def test_lost_skill_opens_an_incident_that_names_the_training_job():
    tale = Watch()
    await tale.opened()
    assert tale.state == "Retraining"
    assert (tale.incident["cause"], tale.incident["trainingJob"], tale.incident["labelledRows"]) == ("Performance", "flights", 1500)
    assert tale.condition(KIND, "PerformanceDegraded")["reason"] == "LostSkill"
    assert {"IncidentOpened", "LostSkill"} <= set(tale.events())


async def test_the_same_cause_in_the_same_window_has_the_same_id_in_a_restored_cluster():
    one, other = Watch(), Watch()
    other.api._uids = iter(range(5000, 9000))
    assert await one.opened() == await other.opened()


async def test_an_incident_is_reported_on_and_its_report_is_named():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.next()
    await tale.settle()
    answers(tale.api, tale.job("evaluate"), evaluated(tale.day, **LOST))
    await tale.settle()
    assert document(tale.job("evaluate"))["incident"] == tale.incident["id"]
    answers(tale.api, tale.job("evaluate"), evaluated(tale.day, **LOST, report_uri="s3://trimtab/reports/flights/1/"))
    await tale.settle()
    assert tale.incident["reportURI"] == "s3://trimtab/reports/flights/1/"


async def test_a_run_whose_version_serves_is_validated_against_the_one_before_it():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    assert tale.state == "Retraining"
    await tale.serves(1, 2)
    assert (tale.state, tale.incident["modelVersion"]) == ("Validating", "flights-v2")
    told = document(tale.job("evaluate"))
    assert (told["watching"]["name"], told["predecessor"]["name"]) == ("flights-v2", "flights-v1")


async def test_a_better_version_closes_the_incident_as_improved_and_rests():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    await tale.serves(1, 2)
    await tale.say()
    await tale.look(judged=judged("Improved"))
    last = tale.status(KIND)["lastIncidents"][0]
    assert (tale.state, last["outcome"]) == ("Cooldown", "Improved")
    assert "flights-v2 is better than flights-v1" in last["message"]
    await tale.look()
    await tale.look()
    assert (tale.state, tale.incident) == ("Healthy", None)


async def test_a_worse_version_is_blocked_and_nothing_is_retrained_while_it_serves():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    await tale.serves(1, 2)
    await tale.say()
    await tale.look(judged=judged("Worse", -0.3))
    assert "flights-v2 is worse than flights-v1" in tale.annotations("flights-v2")[BLOCK]
    assert tale.status(KIND)["lastIncidents"][0]["outcome"] == "Worse"
    assert "TakenBack" in tale.events()


async def test_a_version_that_a_person_named_is_taken_back_when_its_own_labels_say_so():
    tale = Watch()
    await tale.settle()
    await tale.say()
    await tale.serves(1, 2)
    assert document(tale.job("evaluate"))["predecessor"]["name"] == "flights-v1"
    await tale.say()
    assert BLOCK not in tale.annotations("flights-v2")
    await tale.look(judged=judged("Worse", -0.3), performance="Alarm")
    assert "flights-v2 is worse than flights-v1" in tale.annotations("flights-v2")[BLOCK]
    assert tale.incident is None
    assert any("rolled back instead" in sentence for sentence in tale.status(KIND)["held"])


async def test_a_version_is_provisional_until_it_was_judged_once():
    tale = Watch()
    await tale.settle()
    await tale.say()
    await tale.serves(1, 2)
    await tale.say(judged=judged("NoGain"))
    tale.next()
    await tale.settle()
    assert "predecessor" not in document(tale.job("evaluate")) or document(tale.job("evaluate"))["predecessor"] is None


async def test_what_was_served_before_is_not_provisional_again():
    tale = Watch()
    await tale.serves(1, 2, 1)
    assert document(tale.job("evaluate"))["predecessor"] is None


async def test_a_version_whose_block_a_person_lifts_is_judged_again():
    tale = Watch()
    await tale.taken_over()
    await tale.look(judged=judged("Worse", -0.3))
    await tale.serves(1, 2, 1)
    await tale.say()
    await tale.lifted()
    await tale.serves(1, 2, 1, 2)
    assert document(tale.job("evaluate"))["predecessor"]["name"] == "flights-v1"
    await tale.say()
    assert BLOCK not in tale.annotations("flights-v2")
    assert tale.status(KIND)["held"] == []
    await tale.look(judged=judged("Worse", -0.2))
    assert "flights-v2 is worse than flights-v1" in tale.annotations("flights-v2")[BLOCK]


async def test_a_worse_version_that_nothing_can_take_the_place_of_is_retrained():
    for one in (version(1, deprecated={"reason": "It never was any good."}), version(1, approval="Rejected", approvedBy="eva")):
        tale = Watch(monitor(), serving(1), verified(one), verified(version(2)), trainer(), dataset())
        await tale.taken_over()
        await tale.look(judged=judged("Worse", -0.3))
        assert BLOCK in tale.annotations("flights-v2")
        await tale.look(**LOST)
        assert (tale.state, tale.incident["cause"]) == ("Retraining", "Performance")


async def test_an_outage_after_the_promotion_does_not_end_the_time_in_which_a_version_is_provisional():
    """While all its pods were away, those of the version before stood in."""
    tale = Watch()
    await tale.taken_over()
    await tale.serves(1, 2, 1)
    await tale.serves(1, 2, 1, 2)
    tale.next()
    await tale.settle()
    assert document(tale.job("evaluate"))["predecessor"]["name"] == "flights-v1"
    await tale.say(judged=judged("Worse", -0.3))
    assert "flights-v2 is worse than flights-v1" in tale.annotations("flights-v2")[BLOCK]


async def test_what_a_look_found_while_the_monitor_was_paused_is_heard_afterwards():
    tale = Watch()
    await tale.taken_over()
    tale.next()
    await tale.settle()
    await tale.annotated(KIND, {"trimtab.dev/paused": "true"})
    answers(tale.api, tale.job("evaluate"), evaluated(tale.day, judged=judged("Worse", -0.3)))
    await tale.settle()
    assert BLOCK not in tale.annotations("flights-v2")
    await tale.annotated(KIND, {"trimtab.dev/paused": "false"})
    assert "flights-v2 is worse than flights-v1" in tale.annotations("flights-v2")[BLOCK]


async def test_versions_that_can_never_be_compared_close_their_incident_and_say_why():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    await tale.serves(1, 2)
    await tale.look(incomparable="dep_delay is hashed in the prediction log, so the versions cannot be asked again.")
    last = tale.status(KIND)["lastIncidents"][0]
    assert (tale.state, last["outcome"]) == ("Cooldown", "NoGain")
    assert last["message"] == (
        "flights-v2 cannot be compared with what served before it. dep_delay is hashed in the prediction log, so the versions cannot be asked again."
    )


async def test_a_run_that_found_nothing_new_is_not_told_as_a_comparison():
    tale = Watch()
    await tale.settle()
    await tale.serves(1, 2)
    await tale.say(incomparable="dep_delay is hashed in the prediction log, so the versions cannot be asked again.")
    await tale.look(**LOST, incomparable="dep_delay is hashed in the prediction log, so the versions cannot be asked again.")
    await tale.runs(run(tale.incident["id"], "Unchanged", message="Nothing is new."))
    last = tale.status(KIND)["lastIncidents"][0]
    assert (last["outcome"], last["message"]) == ("NoGain", "Nothing is new.")


async def test_an_incident_stays_with_the_training_job_that_it_asked():
    tale = Watch()
    request = await tale.opened()
    tale.api.given(trainer() | {"metadata": {"name": "boosted", "namespace": "default"}})
    await tale.edited(KIND, onTrigger={"action": "Retrain", "trainingJob": "boosted"})
    await tale.runs(run(request, "Rejected", message="It did not pass."))
    assert (tale.state, tale.status(KIND)["lastIncidents"][0]["outcome"]) == ("Cooldown", "Rejected")


async def test_an_incident_whose_training_job_was_replaced_by_one_of_another_name_is_over():
    tale = Watch()
    await tale.opened()
    tale.api.given(trainer() | {"metadata": {"name": "boosted", "namespace": "default"}})
    tale.api.remove("trimtab.dev/v1alpha1", "trainingjobs", "default", "flights")
    await tale.edited(KIND, onTrigger={"action": "Retrain", "trainingJob": "boosted"})
    assert (tale.state, tale.status(KIND)["lastIncidents"][0]["outcome"]) == ("Cooldown", "Failed")


async def test_a_wall_clock_that_was_wrong_for_a_minute_is_right_again():
    tale = Watch(clock="Wall", onTrigger={"action": "Alert"})
    right = tale.api.now
    await tale.settle()
    await tale.say()
    await tale.after(days=30)
    await tale.say()
    tale.api.now = right + timedelta(minutes=2)
    await tale.settle()
    await tale.say()
    assert tale.status(KIND)["clock"]["now"] == tale.status(KIND)["evaluation"]["upto"] == "2026-01-05T08:02:00Z"
    await tale.after(days=1)
    assert document(tale.job("evaluate"))["now"].startswith("2026-01-06")


async def test_a_paused_deployment_is_looked_at_and_neither_retrained_nor_rolled_back():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.api.given(serving(1, 2) | {"metadata": {"name": "flights", "annotations": {"trimtab.dev/paused": "true"}}})
    await tale.settle()
    await tale.say()
    await tale.look(judged=judged("Worse", -0.3), **LOST)
    assert (tale.incident, BLOCK in tale.annotations("flights-v2")) == (None, False)
    assert "Retraining is paused." in tale.status(KIND)["held"]
    tale.api.given(serving(1, 2) | {"metadata": {"name": "flights", "annotations": {}}})
    await tale.look(judged=judged("Worse", -0.3), **LOST)
    assert BLOCK in tale.annotations("flights-v2")


async def test_the_charts_pause_holds_every_retraining():
    tale = Watch()
    tale.settings = tale.settings.model_copy(update={"pause_automatic_retraining": True})
    await tale.settle()
    await tale.say()
    await tale.look(**LOST)
    assert (tale.state, tale.incident) == ("Degraded", None)
    assert "Retraining is paused." in tale.status(KIND)["held"]


async def test_drift_without_a_trigger_is_told_and_opens_nothing():
    tale = Watch()
    await tale.settle()
    await tale.say()
    await tale.look(**DRIFT)
    assert (tale.state, tale.incident) == ("Drifted", None)
    assert "dep_delay (effect 0.31, p 0.004)" in tale.condition(KIND, "Drifted")["message"]
    assert "Drifted" in tale.events()


async def test_drift_is_not_forgotten_while_a_window_is_in_between():
    tale = Watch()
    await tale.settle()
    await tale.look(**DRIFT)
    await tale.look(drift="Unclear")
    assert tale.condition(KIND, "Drifted")["status"] == "True"
    await tale.look()
    assert tale.condition(KIND, "Drifted")["status"] == "False"


PARITY = Parity(feature_set="weather", compared=1000, mismatched=30, detail="a/0 was sent with temp 3; FeatureSet weather version 2 says 4 of 12:00 UTC.")

FAULTS = {
    "NullFlood": ({"faults": [FaultReading(name="NullFlood", column="dep_delay", detail="97% of it is missing.")]}, "mend what feeds it"),
    "SchemaChanged": ({"faults": [FaultReading(name="SchemaChanged", column="carrier", detail="it is gone.")]}, "has another type"),
    "skew": ({"replay": Replay(replayed=200, mismatched=3, detail="Request a/0 was answered 0.2 and is 0.9.")}, "Serving and offline differ"),
    "features": ({"parity": PARITY}, "Serving and offline differ"),
    "clock jump": ({"clock_jump": True}, "Event times jumped"),
    "few labels": ({"new_rows": 10}, "Too few labels"),
}


async def test_what_is_broken_is_named_and_never_retrained_on():
    for said, sentence in FAULTS.values():
        tale = Watch()
        await tale.settle()
        await tale.say()
        await tale.look(**LOST | said)
        assert (tale.state, tale.incident) == ("Degraded", None), sentence
        assert any(sentence in held for held in tale.status(KIND)["held"]), tale.status(KIND)["held"]


async def test_answers_that_differ_offline_are_skew():
    tale = Watch()
    await tale.settle()
    await tale.say(replay=Replay(replayed=200, mismatched=3, detail="Request a/0 was answered 0.2 and is 0.9."))
    assert tale.condition(KIND, "SkewDetected")["status"] == "True"
    assert "Request a/0" in tale.condition(KIND, "SkewDetected")["message"]


async def test_an_artifact_that_is_not_the_registered_one_is_skew():
    tale = Watch()
    await tale.settle()
    await tale.say(replay=Replay(replayed=0, mismatched=200, detail="model.onnx has another digest."))
    assert "200 of 200 answers are others" in tale.condition(KIND, "SkewDetected")["message"]


async def test_features_that_were_sent_otherwise_than_their_feature_set_has_them_are_skew():
    tale = Watch()
    await tale.settle()
    await tale.say(replay=Replay(replayed=200, mismatched=0), parity=PARITY)
    told = tale.condition(KIND, "SkewDetected")
    assert (told["status"], told["reason"]) == ("True", "SkewDetected")
    assert "30 of 1000 rows were sent with other features than FeatureSet weather has. a/0 was sent with temp 3" in told["message"]


@pytest.mark.parametrize(("percent", "status"), [(0, "True"), (2, "True"), (3, "False")])
async def test_so_many_percent_of_the_rows_may_be_sent_otherwise(percent: int, status: str):
    tale = Watch(skew={"featureMismatchPercent": percent})
    await tale.settle()
    await tale.say(replay=Replay(replayed=200, mismatched=0), parity=PARITY)
    assert tale.condition(KIND, "SkewDetected")["status"] == status


async def test_features_that_match_are_told_too():
    tale = Watch()
    await tale.settle()
    await tale.say(replay=Replay(replayed=200, mismatched=0), parity=Parity(feature_set="weather", compared=1000, mismatched=0))
    assert tale.condition(KIND, "SkewDetected")["message"] == (
        "200 logged predictions were computed again and match, and the features of 1000 rows are those of their FeatureSets."
    )


def featured(*versions: tuple[int, str, str]) -> Any:
    """FeatureSet weather with versions (number, digest, definition)."""
    listed = [
        {"version": number, "digest": digest, "definitionDigest": definition, "manifestDigest": f"m{number}", "uri": f"s3://a/{number}"}
        | {"createdAt": f"2013-01-{number:02d}T00:00:00Z", "latestEventAt": f"2013-01-{number:02d}T00:00:00Z"}
        for number, digest, definition in versions
    ]
    return feature_set("weather") | {"status": {"versions": listed}}


LEARNED = {"lineage": {"dataset": {"name": "flights", "version": 3, "digest": "d3"}, "featureVersions": [{"name": "weather", "version": 2, "digest": "b"}]}}


@pytest.mark.parametrize(
    ("there", "pointed"),
    [
        ([featured((4, "d", "old"), (3, "c", "new"), (2, "b", "old"), (1, "a", "old"))], [("weather", 4)]),
        ([featured((3, "c", "new"), (2, "b", "old"))], [("weather", 2)]),
        ([featured((3, "c", "old"))], []),
        ([], []),
    ],
    ids=["the newest of the same definition", "what it learned from", "what it learned from is not listed", "the FeatureSet is gone"],
)
async def test_a_look_compares_with_the_newest_version_of_the_features_that_the_model_learned(there: list[Any], pointed: list[tuple[str, int]]):
    learned = version(1)
    learned["spec"] |= LEARNED
    tale = Watch(monitor(), serving(1), learned, trainer(), dataset(), *there)
    await tale.settle()
    told = document(tale.job("evaluate"))
    assert told["dataset"] == "flights"
    assert [(each["name"], each["version"]) for each in told.get("features", [])] == pointed


async def test_a_rollout_in_flight_is_waited_for():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.api.given(serving(1, candidate={"version": 2, "name": "flights-v2"}))
    await tale.look(**LOST)
    assert tale.incident is None
    await tale.serves(1)
    assert tale.state == "Retraining"


async def test_a_dataset_that_fails_its_validation_is_not_learned_from():
    tale = Watch()
    invalid = [{"type": "Valid", "status": "False", "reason": "RuleViolated", "message": "", "lastTransitionTime": "2026-01-05T08:00:00Z"}]
    tale.api.given(dataset() | {"status": {"conditions": invalid}})
    await tale.settle()
    await tale.say()
    await tale.look(**LOST)
    assert tale.incident is None
    assert "The Dataset does not pass its validation." in tale.status(KIND)["held"]


async def test_without_the_training_job_it_is_not_ready_and_opens_when_that_comes():
    tale = Watch(monitor(), serving(1), version(1))
    await tale.settle()
    await tale.say()
    await tale.look(**LOST)
    assert tale.incident is None
    assert tale.ready(KIND) == ("False", "TrainingJobMissing")
    assert "there is no TrainingJob flights" in tale.condition(KIND, "Ready")["message"]
    await tale.runs()
    assert tale.state == "Retraining"


async def test_without_its_deployment_it_says_so_and_heals():
    tale = Watch()
    tale.api.remove("trimtab.dev/v1alpha1", "modeldeployments", "default", "flights")
    await tale.settle()
    assert tale.ready(KIND) == ("False", "DeploymentMissing")
    assert tale.condition(KIND, "Ready")["message"] == ("spec.deployment: there is no Deployment flights in this namespace; create it, or correct the name.")
    await tale.serves()
    assert tale.ready(KIND) == ("False", "NothingServed")
    clock_at(tale.api, tale.day)
    await tale.serves(1)
    await tale.say()
    assert tale.ready(KIND) == ("True", "Watching")


async def test_a_feature_that_the_model_does_not_have_is_named_before_any_job():
    tale = Watch(features=["dep_dely"])
    await tale.settle()
    assert tale.ready(KIND) == ("False", "ColumnMissing")
    assert tale.condition(KIND, "Ready")["message"] == "spec.features: there is no column dep_dely; the columns are dep_delay, carrier."
    assert not tale.jobs()


async def test_a_version_whose_object_is_gone_cannot_be_looked_at():
    tale = Watch(monitor(), serving(3), version(1), version(2), trainer())
    await tale.settle()
    assert tale.ready(KIND) == ("False", "VersionMissing")
    assert tale.condition(KIND, "Ready")["message"] == "Deployment flights: there is no version 3; the versions are 1, 2."
    assert not tale.jobs()


async def test_an_event_time_from_the_future_does_not_stop_the_clock():
    tale = Watch()
    await tale.settle()
    await tale.say()
    clock_at(tale.api, FEBRUARY.replace(year=2113))
    await tale.settle()
    assert tale.ready(KIND) == ("False", "ClockJump")
    assert tale.condition(KIND, "Ready")["message"] == (
        "A request has the event time 2113-02-01T00:00:00Z, which is more than an hour ahead; the clock stays at 2013-02-01T01:00:00Z. "
        "Correct what sends it and restart the serving pods."
    )
    tale.next()
    await tale.settle()
    await tale.say()
    assert tale.ready(KIND) == ("True", "Watching")


async def test_a_look_that_fails_is_tried_again_and_nothing_is_decided_meanwhile():
    tale = Watch()
    await tale.settle()
    await tale.say()
    tale.next()
    await tale.settle()
    await tale.failed("evaluate", "StoreUnreachable", "The object store does not answer.", code=3)
    assert tale.ready(KIND) == ("False", "StoreUnreachable")
    assert tale.state == "Healthy"
    await tale.after(minutes=2)
    await tale.say(**LOST)
    assert tale.state == "Retraining"


RUNS = {
    "Rejected": ("Rejected", {}),
    "Unchanged": ("NoGain", {}),
    "Failed": ("Failed", {"reason": "TrainingFailed", "message": "ValueError: no."}),
    "Superseded": ("Failed", {}),
}


async def test_a_run_that_brings_nothing_closes_its_incident():
    for outcome, (closed, more) in RUNS.items():
        tale = Watch()
        request = await tale.opened()
        await tale.runs(run(request, outcome, **more))
        assert (tale.state, tale.status(KIND)["lastIncidents"][0]["outcome"]) == ("Cooldown", closed), outcome


async def test_a_run_that_the_training_job_tries_again_is_waited_for():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Failed", reason="StoreUnreachable"))
    assert tale.state == "Retraining"


async def test_a_candidate_that_was_rolled_back_closes_its_incident_and_backs_off():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    tale.api.given(version(2) | {"metadata": {"name": "flights-v2", "annotations": {BLOCK: "Canary: 8% errors."}}})
    await tale.settle()
    last = tale.status(KIND)["lastIncidents"][0]
    assert (tale.state, last["outcome"]) == ("Cooldown", "Rejected")
    assert "Canary: 8% errors." in last["message"]
    assert tale.status(KIND)["standing"]["backOff"] == {"outcome": "Rejected", "labelledRows": 1500}


async def test_an_incident_whose_version_waits_for_approval_says_so_until_it_is_given():
    tale = Watch()
    request = await tale.opened()
    tale.api.given(serving(1) | {"spec": serving(1)["spec"] | {"follow": "Approved"}})
    await tale.runs(run(request, "Registered", modelVersion="flights-v2"))
    tale.api.given(version(2))
    await tale.settle()
    assert "trimtab approve mv/flights-v2" in tale.incident["message"]
    tale.api.given(version(2, approval="Approved", approvedBy="eva"))
    await tale.settle()
    assert "trimtab approve" not in tale.incident.get("message", "")


async def test_after_no_gain_the_next_incident_waits_for_a_fifth_more_rows():
    tale = Watch()
    request = await tale.opened()
    await tale.runs(run(request, "Unchanged"))
    for _ in range(3):
        await tale.look(**LOST)
    assert (tale.state, tale.incident) == ("Degraded", None)
    assert any("from 1800 labelled rows on" in sentence for sentence in tale.status(KIND)["held"])
    await tale.look(**LOST, labelled_rows=1800)
    assert tale.state == "Retraining"
    assert tale.incident["id"] != request


async def test_a_status_that_was_lost_finds_the_run_of_its_incident_by_its_version():
    tale = Watch()
    request = await tale.opened()
    await tale.runs()
    tale.api.given(version(2) | {"metadata": {"name": "flights-v2", "annotations": {REQUEST: request}}})
    await tale.serves(1, 2)
    assert tale.state == "Validating"


async def test_a_suspended_monitor_looks_at_nothing():
    tale = Watch(suspend=True)
    await tale.settle()
    assert (tale.jobs(), tale.ready(KIND)[1]) == ([], "Suspended")


async def test_a_paused_monitor_keeps_its_incident():
    tale = Watch()
    await tale.opened()
    await tale.annotated(KIND, {"trimtab.dev/paused": "true"})
    await tale.look()
    assert (tale.ready(KIND)[1], tale.incident["cause"]) == ("Paused", "Performance")


async def test_a_person_asks_for_a_look():
    tale = Watch()
    await tale.settle()
    await tale.say()
    await tale.annotated(KIND, {"trimtab.dev/run-requested": "now"})
    await tale.say()
    assert tale.status(KIND)["lastHandledRequest"] == "now"
    assert len(tale.jobs("evaluate")) == 2


async def test_what_changes_no_finding_starts_no_look_and_what_does_starts_one():
    tale = Watch()
    await tale.settle()
    await tale.say()
    await tale.edited(KIND, onTrigger={"action": "Alert"})
    assert not tale.running("evaluate")
    await tale.edited(KIND, tests={"alpha": 0.05})
    assert document(tale.job("evaluate"))["spec"]["tests"]["alpha"] == 0.05


async def test_rollback_goes_back_where_skill_is_lost():
    tale = Watch(monitor(onTrigger={"action": "Rollback"}), serving(1, 2), version(1), version(2))
    await tale.settle()
    await tale.say(judged=judged("NoGain"))
    await tale.look(**LOST)
    assert "below 0.02" in tale.annotations("flights-v2")[BLOCK]
    assert tale.incident is None


@pytest.mark.parametrize("against", ["a rollout", "a pause of the Deployment", "a Dataset that is bad"])
async def test_a_rollback_that_something_spoke_against_follows_when_nothing_does_any_more(against: str):
    invalid = [{"type": "Valid", "status": "False", "reason": "RuleViolated", "message": "", "lastTransitionTime": "2026-01-05T08:00:00Z"}]
    bad = dataset() | {"status": {"conditions": invalid}}
    tale = Watch(monitor(onTrigger={"action": "Rollback", "trainingJob": "flights"}), serving(1, 2), version(1), version(2), trainer(), dataset())
    await tale.settle()
    await tale.say(judged=judged("NoGain"))
    if against == "a rollout":
        tale.api.given(serving(1, 2, candidate={"version": 3, "name": "flights-v3"}))
    elif against == "a pause of the Deployment":
        tale.api.given(serving(1, 2) | {"metadata": {"name": "flights", "annotations": {"trimtab.dev/paused": "true"}}})
    else:
        tale.api.given(bad)
    await tale.look(**LOST)
    if against == "a Dataset that is bad":
        assert "below 0.02" in tale.annotations("flights-v2")[BLOCK], "going back needs no data"
        return
    assert (tale.state, BLOCK in tale.annotations("flights-v2")) == ("Degraded", False)
    assert len(tale.status(KIND)["held"]) == 1
    tale.api.given(serving(1, 2) | {"metadata": {"name": "flights", "annotations": {}}})
    await tale.settle()
    assert "below 0.02" in tale.annotations("flights-v2")[BLOCK]
    await tale.serves(1, 2, 1)
    await tale.say(**LOST)
    await tale.look(**LOST)
    assert tale.annotations("flights-v1") == {}, "from there is no further way back"


async def test_a_person_who_lifts_the_block_of_what_still_serves_is_not_overruled():
    tale = Watch(monitor(onTrigger={"action": "Rollback"}), serving(1, 2), verified(version(1)), verified(version(2)))
    await tale.settle()
    await tale.say(judged=judged("NoGain"))
    await tale.look(**LOST)
    assert BLOCK in tale.annotations("flights-v2")
    await tale.lifted()
    await tale.look(**LOST)
    assert BLOCK not in tale.annotations("flights-v2")
    await tale.look()
    await tale.look(**LOST)
    assert BLOCK in tale.annotations("flights-v2"), "skill was well in between, and is lost again"


async def test_a_look_that_fails_takes_nothing_back():
    """What spoke against it, a column that is empty, was known from the look before."""
    tale = Watch(monitor(onTrigger={"action": "Rollback"}), serving(1, 2), verified(version(1)), verified(version(2)))
    await tale.settle()
    await tale.say(judged=judged("NoGain"))
    await tale.look(**LOST, faults=[FaultReading(name="NullFlood", column="dep_delay", detail="97% of it is missing.")])
    assert any("mend what feeds it" in sentence for sentence in tale.status(KIND)["held"])
    tale.next()
    await tale.settle()
    await tale.failed("evaluate", "Evicted", "The node ran out of memory.", code=3)
    assert BLOCK not in tale.annotations("flights-v2")


async def test_there_is_no_way_back_from_the_first_version():
    tale = Watch(onTrigger={"action": "Rollback"})
    await tale.settle()
    await tale.say()
    await tale.look(**LOST)
    assert (tale.state, tale.annotations("flights-v1")) == ("Degraded", {})


async def test_a_trigger_that_fires_goes_back_where_that_is_what_follows():
    query = {"name": "errors", "type": "Prometheus", "query": "up", "below": 1}
    tale = Watch(monitor(onTrigger={"action": "Rollback"}, triggers=[query]), serving(1, 2), version(1), version(2))
    with prometheus_says(0.0):
        await tale.settle()
        assert "Trigger errors fires." in tale.annotations("flights-v2")[BLOCK]
        assert tale.condition(KIND, "Triggered")["message"] == "errors fires; onTrigger.action is Rollback."
        await tale.serves(1, 2, 1)
        await tale.look()
    assert tale.annotations("flights-v1") == {}


async def test_a_trigger_that_fires_is_told_where_nothing_follows():
    tale = Watch(monitor(onTrigger={"action": "Alert"}, triggers=[{"name": "fresh", "type": "NewData", "percent": 10}]), serving(1), version(1))
    await tale.settle()
    await tale.say()
    assert tale.condition(KIND, "Triggered")["status"] == "True"
    assert "fresh fires" in tale.condition(KIND, "Triggered")["message"]
    assert "Triggered" in tale.events()


async def test_an_alert_opens_nothing():
    tale = Watch(onTrigger={"action": "Alert"})
    await tale.settle()
    await tale.say()
    await tale.look(**LOST)
    assert (tale.state, tale.incident, tale.annotations("flights-v1")) == ("Degraded", None, {})


async def test_a_version_that_two_runs_could_not_lift_is_deprecated_where_that_is_asked():
    tale = Watch(performance={"floor": 0.0}, onTrigger={"action": "Retrain", "trainingJob": "flights", "onNoGain": "Deprecate"})
    request = await tale.opened()
    for _ in range(2):
        await tale.runs(run(request, "Unchanged"))
        for _ in range(3):
            await tale.look(**LOST)
        request = (tale.incident or {}).get("id", "")
    assert "below 0" in tale.annotations("flights-v1")["trimtab.dev/deprecated"]


async def test_new_data_are_a_reason_where_they_are_a_trigger():
    tale = Watch(triggers=[{"name": "fresh", "type": "NewData", "percent": 60}])
    await tale.settle()
    await tale.say(labelled_rows=1500, new_rows=500)
    assert tale.incident is None
    await tale.look(labelled_rows=1600, new_rows=600)
    assert tale.incident["cause"] == "fresh"


async def test_a_schedule_fires_on_the_monitors_clock_and_once():
    tale = Watch(triggers=[{"name": "monday", "type": "Schedule", "schedule": "0 3 * * 1"}])
    await tale.settle()
    await tale.say()
    for _ in range(3):
        await tale.look()
    assert tale.incident is None
    await tale.look()
    assert (tale.incident["cause"], tale.incident["openedAt"]) == ("monday", "2013-02-05T01:00:00Z")
    await tale.runs(run(tale.incident["id"], "Failed"))
    for _ in range(5):
        await tale.look()
    assert tale.incident is None
    await tale.look()
    await tale.look()
    assert tale.incident["cause"] == "monday"


async def test_jobs_of_old_looks_are_swept_up():
    tale = Watch()
    for _ in range(6):
        await tale.look()
    assert len(tale.jobs("evaluate")) == 3


class TestOnTheWallsClock:
    """The same, where the clock is ours: in January 2026."""

    def watch(self, **spec: Any) -> Watch:
        return Watch(clock="Wall", **spec)

    async def test_windows_close_at_midnight_and_it_is_woken_for_them(self):
        tale = self.watch()
        await tale.settle()
        await tale.say()
        outcome = await tale.reconcile(KIND)
        assert tale.api.now + outcome.requeue_after == datetime(2026, 1, 6, tzinfo=UTC)
        await tale.after(hours=16)
        assert document(tale.job("evaluate"))["now"] == "2026-01-06T00:00:00Z"

    async def test_a_version_that_served_before_the_monitor_came_is_watched_from_its_beginning(self):
        tale = self.watch()
        await tale.after(hours=50)
        assert document(tale.job("evaluate"))["since"] == "2026-01-05T08:00:00Z"

    @pytest.mark.parametrize(("field", "rest"), [({"onTrigger": RETRAIN | {"cooldown": "72h"}}, 72), ({"performance": {"labelMaturity": "48h"}}, 48)])
    async def test_cooldown_and_maturity_are_rested_whichever_is_longer(self, field, rest):
        tale = self.watch(**field)
        await tale.settle()
        await tale.say(**LOST)
        await tale.runs(run(tale.incident["id"], "Failed"))
        assert tale.state == "Cooldown"
        await tale.after(hours=rest - 1)
        await tale.say()
        assert tale.state == "Cooldown"
        await tale.after(hours=2)
        await tale.say()
        assert tale.state == "Healthy"

    @pytest.mark.parametrize(("labels", "open_"), [(500, True), (501, False)])
    async def test_fewer_labels_than_asked_for_retrain_nothing(self, labels, open_):
        tale = self.watch(performance={"minLabels": labels})
        await tale.settle()
        await tale.say(**LOST)
        assert (tale.incident is not None) == open_

    async def test_the_template_shapes_the_pod(self):
        tale = self.watch(template={"spec": {"nodeSelector": {"disk": "fast"}}})
        await tale.settle()
        assert tale.job("evaluate")["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "fast"}

    async def test_a_query_is_asked_again_and_a_server_that_is_not_named_is_said_so(self):
        tale = self.watch(triggers=[{"name": "down", "type": "Prometheus", "query": "up", "below": 1}])
        outcome = await tale.reconcile(KIND)
        assert outcome.requeue_after == timedelta(seconds=30)
        assert tale.ready(KIND) == ("False", "BadTrigger")
        assert "set the chart's value prometheus.url" in tale.condition(KIND, "Ready")["message"]


async def test_a_status_that_lost_its_word_to_a_refusal_keeps_its_memory():
    """What stalls the object writes its own word into `state`; an open incident stays."""
    tale = Watch()
    request = await tale.opened()
    own = tale.api.one("driftmonitors", "flights")
    tale.api.set_status(own, state="Stalled")
    await tale.settle()
    assert (tale.state, tale.incident["id"]) == ("Retraining", request)


async def test_a_window_with_too_few_rows_is_said_to_be_so():
    tale = Watch()
    await tale.settle()
    await tale.say(verdict="DataInsufficient", drift="Unknown")
    assert tale.condition(KIND, "DataInsufficient")["status"] == "True"
    assert "fewer than spec.window.minRows, 200" in tale.condition(KIND, "DataInsufficient")["message"]


async def test_a_query_that_has_been_true_for_long_enough_opens_an_incident_and_one_that_was_interrupted_does_not():
    query = {"name": "errors", "type": "Prometheus", "query": "up", "below": 1, "for": "5m"}
    tale = Watch(clock="Wall", triggers=[query])
    with prometheus_says(0.0):
        await tale.settle()
        await tale.say()
        await tale.after(minutes=4)
        assert tale.incident is None
    with prometheus_says(1.0):
        await tale.after(minutes=2)
    with prometheus_says(0.0):
        await tale.after(minutes=1)
        await tale.after(minutes=4)
        assert tale.incident is None
        await tale.after(minutes=1)
    assert tale.incident["cause"] == "errors"
