"""The runs of a TrainingJob: which are known, how the newest stands, and which run is wanted now.

Known from three places, the next where the one before is silent: the status; Jobs, whose document says all about
their run; ModelVersions, which outlive both. So a process that dies anywhere, and a cluster restored from a dump,
find the same newest run again. Whether a wanted run may start is decided in `trainingjob.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from trimtab.api.documents import TrainDocument, Trained
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Run, TrainingJobSpec, TrainingJobStatus
from trimtab.manifests.labels import CAUSE, RECIPE, REQUEST, RUN_KEY
from trimtab.plans.annotations import annotations
from trimtab.plans.attempts import Attempt, Trouble, blamed, trouble
from trimtab.plans.plan import Manifest
from trimtab.plans.pods import Failed, Finished
from trimtab.plans.recipe import recipe_digest

LISTED = 20
"""The status' bound."""


@dataclass(frozen=True)
class Scene:
    """What is asked for, what is remembered, and what there is: train Jobs newest first, versions of the model."""

    name: str
    model: str
    spec: TrainingJobSpec
    requested: str
    status: TrainingJobStatus
    attempts: tuple[Attempt, ...]
    versions: tuple[Manifest, ...]
    shape: str
    now: datetime

    @cached_property
    def recipe(self) -> str:
        return recipe_digest(self.spec)

    def attempt(self, job: str) -> Attempt | None:
        return next((attempt for attempt in self.attempts if attempt.name == job), None)

    @property
    def made(self) -> tuple[Manifest, ...]:
        """The versions that runs of this TrainingJob made."""
        return tuple(version for version in self.versions if lineage(version).get("trainingJob") == self.name)

    def registered(self, key: str) -> Manifest | None:
        """The version that a run of this key made, whoever started it: the run is done."""
        return next((version for version in self.versions if run_key_of(version) == key), None)


def known(scene: Scene) -> list[Run]:
    """All known runs, newest first, as they were last seen."""
    runs = list(scene.status.runs)
    newest = scene.attempts[0] if scene.attempts else None
    if newest and _is_news(newest, runs, scene):
        document = TrainDocument.model_validate_json(newest.document)
        runs = [_of_job(newest, document), *(run for run in runs if run.key != document.run_key)]
    return runs or [_of_version(version) for version in [_newest_version(scene)] if version]


def _is_news(newest: Attempt, runs: list[Run], scene: Scene) -> bool:
    """A Job that was made just before the process died: younger than that of the newest run that is remembered."""
    if not runs:
        return True
    mine = scene.attempt(runs[0].job)
    since = mine.created_at if mine else runs[0].started_at
    return since is None or newest.created_at > since


def _of_job(attempt: Attempt, document: TrainDocument) -> Run:
    return Run(
        key=document.run_key,
        attempt=attempt.number,
        job=attempt.name,
        request=document.request,
        cause=document.cause,
        recipe_digest=recipe_digest(document.spec),
        dataset_version=document.dataset.version,
        dataset_digest=document.dataset.digest,
        started_at=attempt.created_at,
        outcome="Running",
    )


def _newest_version(scene: Scene) -> Manifest | None:
    """The version that this TrainingJob made last; of those, one that is of the recipe of today."""
    mine = [version for version in scene.made if run_key_of(version)]
    return max(mine, key=lambda version: (recipe_of(version) == scene.recipe, version["spec"]["version"]), default=None)


def _of_version(version: Manifest) -> Run:
    said, dataset = annotations(version), lineage(version).get("dataset", {})
    run = Run(
        key=run_key_of(version),
        request=said.get(REQUEST, ""),
        cause=said.get(CAUSE, "Change"),
        recipe_digest=recipe_of(version),
        dataset_version=dataset.get("version"),
        dataset_digest=dataset.get("digest", ""),
    )
    return done(run, version)


def lineage(version: Manifest) -> dict[str, Any]:
    return version["spec"].get("lineage") or {}


def run_key_of(version: Manifest) -> str:
    return str(version["metadata"].get("labels", {}).get(RUN_KEY) or lineage(version).get("runKey") or "")


def recipe_of(version: Manifest) -> str:
    return annotations(version).get(RECIPE, "")


def failed_gates(version: Manifest) -> list[str]:
    """What each failed gate says."""
    gates = version["spec"].get("summary", {}).get("gates", [])
    return [gate["message"] or gate["name"] for gate in gates if gate["outcome"] == "Failed"]


def settle(run: Run, scene: Scene) -> Run:
    """The run with its outcome so far; one whose ModelVersion exists is done, whatever else is there."""
    version = scene.registered(run.key)
    ended = _by_its_job(run, scene) if run.outcome == "Running" else run
    return done(ended, version) if version and run.outcome not in ("Registered", "Rejected", "Unchanged") else ended


def _by_its_job(run: Run, scene: Scene) -> Run:
    attempt = scene.attempt(run.job)
    if attempt:
        return _settled(run, attempt, scene.now)
    if scene.spec.run_policy.suspend:
        return suspended(run)
    return _failed(run, scene.now, Reason.ANSWER_LOST, Reason.ANSWER_LOST.say(job=run.job, detail="the Job was deleted"))


def _settled(run: Run, attempt: Attempt, now: datetime) -> Run:
    at = attempt.finished_at or now
    match attempt.outcome:
        case Finished() if trained(attempt) is None:
            return _failed(run, at, Reason.ANSWER_LOST, Reason.ANSWER_LOST.say(job=run.job, detail="it says nothing about a model"))
        case Finished():
            return run.model_copy(update={"finished_at": at, "reason": "", "message": ""})
        case Failed() as failed:
            why = blamed(failed, Trouble(run.reason, run.message))
            return _failed(run, at, why.reason, why.message)
        case outcome:
            said = trouble(outcome, Trouble(run.reason, run.message))
            return run.model_copy(update={"reason": said.reason, "message": said.message})


def trained(attempt: Attempt | None) -> Trained | None:
    """What a finished Job says about its model; None where it says nothing that can be read."""
    if attempt is None or not isinstance(attempt.outcome, Finished):
        return None
    try:
        return attempt.outcome.result.trained()
    except ValueError:
        return None


def suspended(run: Run) -> Run:
    """Taken back, to be begun again later."""
    said = {"reason": str(Reason.SUSPENDED), "message": Reason.SUSPENDED.say(field="spec.runPolicy.suspend")}
    return run.model_copy(update={"outcome": "Pending", "job": "", **said})


def done(run: Run, version: Manifest) -> Run:
    """The run as its ModelVersion tells it."""
    name, failed = version["metadata"]["name"], failed_gates(version)
    said = Reason.GATES_FAILED.say(model_version=name, detail="; ".join(failed)) if failed else Reason.REGISTERED.say(model_version=name)
    facts = {"model_version": name, "run_uri": lineage(version).get("runURI", ""), "message": said[:1000]}
    facts |= {"outcome": "Rejected", "reason": str(Reason.GATES_FAILED)} if failed else {"outcome": "Registered", "reason": str(Reason.REGISTERED)}
    return run.model_copy(update=facts)


def unchanged(run: Run, version: Manifest, dataset: str, now: datetime) -> Run:
    """A run without a Job: the same recipe on the same data made `version` before."""
    said = Reason.NOTHING_NEW.say(model_version=version["metadata"]["name"], version=run.dataset_version, dataset=dataset)
    failed = "".join(f" It did not pass: {'; '.join(gates)}" for gates in [failed_gates(version)] if gates)
    facts = {"outcome": "Unchanged", "started_at": now, "finished_at": now, "reason": str(Reason.NOTHING_NEW), "message": f"{said}{failed}"[:1000]}
    return run.model_copy(update=facts)


def data_are_gone(run: Run | None, dataset: str) -> str:
    """Of a run that would have to go again, and cannot."""
    versions = "newer ones only; change the recipe, or ask for a run with the annotation trimtab.dev/run-requested"
    return Reason.VERSION_MISSING.say(field=f"Dataset {dataset}", version=run.dataset_version if run else "", versions=versions)


def given_up(run: Run, dataset: str) -> Run:
    """A run that failed and is not tried again, for its data have left the Dataset's list: whoever waits for it shall know."""
    message = f"{run.message} It is not tried again: {data_are_gone(run, dataset)}"
    return run if run.reason == Reason.VERSION_MISSING else run.model_copy(update={"reason": str(Reason.VERSION_MISSING), "message": message[:1000]})


def _failed(run: Run, at: datetime, reason: str, message: str) -> Run:
    return run.model_copy(update={"outcome": "Failed", "finished_at": at.replace(microsecond=0), "reason": str(reason), "message": message})
