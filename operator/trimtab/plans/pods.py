"""What became of a Job, in words: read from the Job, its pods and its Events, for every kind that runs one.

A list of readings, asked in order; the first that applies is the outcome. What to do about it is decided elsewhere
(`attempts.py`): here a failure is only told apart by whether the same pod could succeed at another time (`retry`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from trimtab.api.documents import TRY_AGAIN, Result
from trimtab.api.pods import SERVICE_ACCOUNT, STORE_SECRET
from trimtab.api.reasons import RAISE_MEMORY, Reason
from trimtab.api.termination import noted_peak
from trimtab.manifests.jobs import CONTAINER, QUEUE_LABEL
from trimtab.manifests.labels import OWNER_KIND
from trimtab.plans.conditions import parse

Manifest = dict[str, Any]

PATIENCE = timedelta(seconds=10)
"""How long a Job may be without pods before its Events are asked why: the Job controller needs about a second."""


@dataclass(frozen=True)
class Running:
    """Nothing is wrong; `started`: the container runs."""

    started: bool = False


@dataclass(frozen=True)
class Waiting:
    """The pod cannot start, or the next try has not begun; it may still come to a good end by itself."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Finished:
    """The worker answered, and its answer is not a failure."""

    result: Result


@dataclass(frozen=True)
class Failed:
    """No more pods come; `retry`: the same work may succeed at another time, with nothing changed."""

    reason: Reason
    message: str
    retry: bool = False
    result: Result | None = field(default=None, compare=False)
    """What it said, where it did."""


Outcome = Running | Waiting | Finished | Failed


@dataclass(frozen=True)
class Scene:
    """A Job with its pods, newest first, and its Events."""

    job: Manifest
    pods: tuple[Manifest, ...]
    events: tuple[Manifest, ...]
    now: datetime

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.job["metadata"]["namespace"])

    @property
    def owner_kind(self) -> str:
        return str(self.job["metadata"].get("labels", {}).get(OWNER_KIND, ""))


Reading = Callable[[Scene], Outcome | None]


def read(job: Manifest, pods: list[Manifest], events: list[Manifest], now: datetime) -> Outcome:
    """The outcome so far; `pods` and `events` may be those of other Jobs too."""
    mine = sorted((pod for pod in pods if _belongs(pod, job)), key=_age, reverse=True)
    scene = Scene(job, tuple(mine), tuple(event for event in events if event.get("involvedObject", {}).get("uid") == job["metadata"]["uid"]), now)
    return next(outcome for reading in READINGS if (outcome := reading(scene)))


def completed(scene: Scene) -> Outcome | None:
    """Done; a pod that left no answer, or is gone, is asked again: it finds its own manifest and answers in seconds."""
    if not condition_of(scene.job, "Complete"):
        return None
    results = [result for pod in scene.pods if (result := _answer(pod)) and result.outcome != "Failed"]
    return Finished(results[0]) if results else _lost(scene, "its pod is gone or left no message")


def deadline_exceeded(scene: Scene) -> Outcome | None:
    failed = condition_of(scene.job, "Failed")
    if not failed or failed.get("reason") != "DeadlineExceeded":
        return None
    seconds, advice = scene.job["spec"].get("activeDeadlineSeconds", "?"), TAKES_TOO_LONG.get(scene.owner_kind, "make the work smaller")
    return Failed(Reason.DEADLINE_EXCEEDED, Reason.DEADLINE_EXCEEDED.say(seconds=seconds, advice=advice))


TAKES_TOO_LONG = {
    "TrainingJob": "raise spec.runPolicy.activeDeadlineSeconds, or make the work smaller",
    "Dataset": "give it fewer files, simpler validation queries, or more CPU in spec.template",
    "DriftMonitor": "give it less to read (spec.features, spec.skew.replay), or more CPU in spec.template",
    "ModelVersion": "bring a model that loads faster, or ask for another verification with the annotation trimtab.dev/run-requested",
}
"""What to do about DeadlineExceeded, by the kind whose Job it was."""


def failed_for_good(scene: Scene) -> Outcome | None:
    """The Job gave up: its last pod says why."""
    if not condition_of(scene.job, "Failed"):
        return None
    return _why(scene.pods[0], scene) if scene.pods else _lost(scene, "its pods are gone")


def held_by_a_queue(scene: Scene) -> Outcome | None:
    if not scene.job["spec"].get("suspend"):
        return None
    queue = scene.job["metadata"].get("labels", {}).get(QUEUE_LABEL, "none")
    return Waiting(Reason.QUEUED, Reason.QUEUED.say(job=scene.name, queue=queue))


def not_created(scene: Scene) -> Outcome | None:
    """No pod after a while: the Job controller's Events say why."""
    if scene.pods or scene.now - parse(scene.job["metadata"]["creationTimestamp"]) < PATIENCE:
        return None
    said = next((str(event.get("message", "")) for event in reversed(scene.events) if event.get("reason") == "FailedCreate"), "")
    if f'serviceaccount "{SERVICE_ACCOUNT}" not found' in said:
        return Waiting(Reason.SERVICE_ACCOUNT_MISSING, Reason.SERVICE_ACCOUNT_MISSING.say(namespace=scene.namespace))
    return Waiting(Reason.CONFIG_ERROR, Reason.CONFIG_ERROR.say(detail=_line(said))) if said else None


def cannot_start(scene: Scene) -> Outcome | None:
    """The kubelet holds the container back; it tries again by itself."""
    waiting = _container(scene.pods[0]).get("state", {}).get("waiting", {}) if scene.pods else {}
    word, detail = waiting.get("reason", ""), _line(waiting.get("message", ""))
    if word in _NOT_PULLED:
        return Waiting(Reason.IMAGE_PULL_FAILED, Reason.IMAGE_PULL_FAILED.say(image=_spec(scene.pods[0]).get("image", ""), detail=_sentence(detail or word)))
    if word in _NOT_MADE and f'secret "{STORE_SECRET}" not found' in detail:
        return Waiting(Reason.STORE_NOT_CONFIGURED, Reason.STORE_NOT_CONFIGURED.say(namespace=scene.namespace))
    return Waiting(Reason.CONFIG_ERROR, Reason.CONFIG_ERROR.say(detail=_sentence(detail or word))) if word in _NOT_MADE else None


_NOT_PULLED = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"})
_NOT_MADE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def unschedulable(scene: Scene) -> Outcome | None:
    scheduled = _pod_condition(scene.pods[0], "PodScheduled") if scene.pods else {}
    if scheduled.get("status") != "False" or scheduled.get("reason") != "Unschedulable":
        return None
    return Waiting(Reason.UNSCHEDULABLE, Reason.UNSCHEDULABLE.say(detail=_sentence(_line(scheduled.get("message", "")))))


def tried_again(scene: Scene) -> Outcome | None:
    """The newest pod failed and the Job has not given up: the next one comes by itself."""
    if not scene.pods or scene.pods[0].get("status", {}).get("phase") != "Failed":
        return None
    why = _why(scene.pods[0], scene)
    return Waiting(why.reason, why.message)


def under_way(scene: Scene) -> Outcome | None:
    return Running(started=any("running" in _container(pod).get("state", {}) for pod in scene.pods))


READINGS: tuple[Reading, ...] = (
    completed,  # the Job is done: the answer, or that it is lost
    deadline_exceeded,  # the pods are gone by now: asked before them
    failed_for_good,  # no more pods come
    held_by_a_queue,  # somebody else decides when it starts
    not_created,  # no pod: quota, admission, no ServiceAccount
    unschedulable,  # a pod, but no node
    cannot_start,  # a node, but no container
    tried_again,  # between two pods
    under_way,  # nothing is wrong
)


@dataclass(frozen=True)
class Death:
    """A pod that failed, as the causes below look at it."""

    pod: Manifest
    terminated: Manifest
    result: Result | None
    scene: Scene


def _why(pod: Manifest, scene: Scene) -> Failed:
    terminated = _container(pod).get("state", {}).get("terminated", {})
    death = Death(pod, terminated, _answer(pod), scene)
    return next(failed for cause in CAUSES if (failed := cause(death)))


def out_of_memory(death: Death) -> Failed | None:
    if death.terminated.get("reason") != "OOMKilled":
        return None
    limit = _spec(death.pod).get("resources", {}).get("limits", {}).get("memory", "its node")
    noted = noted_peak(death.terminated.get("message", ""))
    peak = f" ({noted} when last noted)" if noted else ""
    return Failed(Reason.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY.say(limit=limit, peak=peak, advice=TAKES_TOO_MUCH.get(death.scene.owner_kind, RAISE_MEMORY)))


TAKES_TOO_MUCH = {"ModelVersion": "it is tried with twice as much, up to 32Gi; if that is too little, bring a smaller model"}
"""What to do about OutOfMemory where the kind has no template to raise the limit in."""


def disrupted(death: Death) -> Failed | None:
    """Evicted, preempted, its node drained or lost: nothing that the work could do about it."""
    target = _pod_condition(death.pod, "DisruptionTarget")
    if death.pod.get("status", {}).get("reason") != "Evicted" and target.get("status") != "True":
        return None
    detail = death.pod.get("status", {}).get("message") or target.get("message") or "its node asked it to leave"
    return Failed(Reason.EVICTED, Reason.EVICTED.say(detail=_sentence(_line(detail))), retry=True)


def said_why(death: Death) -> Failed | None:
    if not death.result:
        return None
    return Failed(_known(death.result.reason), death.result.message, retry=death.terminated.get("exitCode") == TRY_AGAIN, result=death.result)


def crashed(death: Death) -> Failed | None:
    if not death.terminated:
        return None
    code, said = death.terminated.get("exitCode"), death.terminated.get("message", "")
    tail = "" if noted_peak(said) else _last_line(said)
    return Failed(Reason.CRASHED, Reason.CRASHED.say(code=code, detail=_sentence(tail or "its log says more")), retry=code == TRY_AGAIN)


def vanished(death: Death) -> Failed | None:
    return _lost(death.scene, _line(death.pod.get("status", {}).get("message", "")) or "its pod failed without a container")


CAUSES: tuple[Callable[[Death], Failed | None], ...] = (
    out_of_memory,  # before the answer: a process that is killed may have answered before
    said_why,  # the worker's own sentence
    disrupted,  # not its fault
    crashed,  # an exit code and the end of the log
    vanished,  # the node is gone with all it knew
)


def condition_of(job: Manifest, name: str) -> Manifest | None:
    """A Job's condition where it is True."""
    conditions = job.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == name and c["status"] == "True"), None)


def _lost(scene: Scene, detail: str) -> Failed:
    return Failed(Reason.ANSWER_LOST, Reason.ANSWER_LOST.say(job=scene.name, detail=detail), retry=True)


def _answer(pod: Manifest) -> Result | None:
    return Result.decode(_container(pod).get("state", {}).get("terminated", {}).get("message", ""))


def reason_named(word: str) -> Reason | None:
    return next((reason for reason in Reason if reason.value == word), None)


def _known(word: str) -> Reason:
    """A worker of another version may give a reason that this operator does not know."""
    return reason_named(word) or Reason.CRASHED


def _belongs(pod: Manifest, job: Manifest) -> bool:
    return any(owner["uid"] == job["metadata"]["uid"] for owner in pod["metadata"].get("ownerReferences", []))


def _age(pod: Manifest) -> tuple[str, str]:
    return pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]


def _container(pod: Manifest) -> Manifest:
    statuses: list[Manifest] = pod.get("status", {}).get("containerStatuses") or []
    ours = _spec(pod).get("name", CONTAINER)
    return next((status for status in statuses if status["name"] == ours), {})


def _spec(pod: Manifest) -> Manifest:
    containers: list[Manifest] = pod.get("spec", {}).get("containers") or [{}]
    return containers[0]


def _pod_condition(pod: Manifest, name: str) -> Manifest:
    conditions: list[Manifest] = pod.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == name), {})


def _line(text: str) -> str:
    """One line of at most 300 characters: enough for a registry's answer."""
    return " ".join(text.split())[:300]


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return _line(lines[-1]) if lines else ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
