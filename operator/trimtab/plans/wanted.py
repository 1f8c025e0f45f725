"""Which run a TrainingJob wants: on which version of its Dataset, of which code, under which key; or what it lacks for that.

The data of the newest run are kept until the recipe changes or a request comes: new data alone train nothing. A run
that differs in nothing has the key of the newest run, and is that run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.api.base import PAUSED, RUN_REQUESTED
from trimtab.api.dataset import DatasetStatus, DatasetVersion
from trimtab.api.documents import DatasetPointer
from trimtab.api.featureset import FeatureSetStatus
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Run
from trimtab.plans.conditions import find
from trimtab.plans.plan import Manifest
from trimtab.plans.recipe import run_key
from trimtab.plans.runs import Scene


@dataclass(frozen=True)
class Code:
    """The training code in the ConfigMap, by its digest; or what is wrong with it. Both empty: the recipe has no code."""

    digest: str = ""
    problem: str = ""


NO_CODE = Code()


@dataclass(frozen=True)
class Question:
    """Everything that the answer depends on; `dataset` is the object, or None where there is none."""

    scene: Scene
    newest: Run | None
    dataset: Manifest | None
    code: Code

    @property
    def asked_anew(self) -> bool:
        """The recipe changed or a request came: the data are chosen again."""
        newest, scene = self.newest, self.scene
        return newest is None or newest.recipe_digest != scene.recipe or (scene.requested not in ("", newest.request))

    @property
    def status(self) -> DatasetStatus:
        return DatasetStatus.model_validate((self.dataset or {}).get("status") or {})


@dataclass(frozen=True)
class Lack:
    """What a run cannot be without, in a sentence; it heals by itself when it comes."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Wanted:
    """The run that ought to be the newest; `pointer` is None where the version is no longer listed."""

    key: str
    recipe: str
    request: str
    version: int
    digest: str
    pointer: DatasetPointer | None


def code_is_there(question: Question) -> Lack | None:
    problem = question.code.problem
    return Lack(Reason.CODE_MISSING, Reason.CODE_MISSING.say(field="spec.trainer", detail=problem)) if problem else None


def dataset_exists(question: Question) -> Lack | None:
    if question.dataset is not None:
        return None
    return Lack(Reason.DATASET_MISSING, Reason.DATASET_MISSING.say(name=question.scene.spec.dataset))


def dataset_has_a_version(question: Question) -> Lack | None:
    if question.status.versions:
        return None
    ready = find(((question.dataset or {}).get("status") or {}).get("conditions", []), "Ready")
    detail = ready["message"] if ready else "it has just been made."
    return Lack(Reason.DATASET_NOT_READY, Reason.DATASET_NOT_READY.say(name=question.scene.spec.dataset, detail=detail))


def version_is_listed(question: Question) -> Lack | None:
    if _chosen(question):
        return None
    pinned = question.scene.spec.dataset_version
    field, version = ("spec.datasetVersion", pinned) if pinned else (f"Dataset {question.scene.spec.dataset}, spec.activeVersion", "that it names")
    versions = ", ".join(str(each.version) for each in question.status.versions)
    return Lack(Reason.VERSION_MISSING, Reason.VERSION_MISSING.say(field=field, version=version, versions=versions))


def dataset_is_settled(question: Question) -> Lack | None:
    """A Dataset that is changed together with the recipe has its say first; a pinned version waits for nobody."""
    if question.scene.spec.dataset_version or question.dataset is None or not is_unsettled(question.dataset, question.status):
        return None
    return Lack(Reason.DATASET_NOT_READY, Reason.PROGRESSING.say(what=f"Dataset {question.scene.spec.dataset} is looking at its source first"))


LACKS: tuple[Callable[[Question], Lack | None], ...] = (
    dataset_exists,  # by its name
    dataset_has_a_version,  # with the Dataset's own sentence
    version_is_listed,  # the pinned or the active one
    dataset_is_settled,  # a look that has just been asked for comes first
)
"""Asked only when the data are chosen anew."""


def wanted(question: Question) -> Wanted | Lack:
    scene, newest = question.scene, question.newest
    if lack := code_is_there(question):
        return lack
    if newest is not None and not question.asked_anew:
        listed = next((each for each in question.status.versions if each.digest == newest.dataset_digest), None)
        return _wanted(question, newest.request, newest.dataset_version or 1, newest.dataset_digest, listed)
    if lack := next((lack for ask in LACKS if (lack := ask(question))), None):
        return lack
    chosen = _chosen(question)
    assert chosen is not None, "version_is_listed has been asked"
    return _wanted(question, scene.requested, chosen.version, chosen.digest, chosen)


def _wanted(question: Question, request: str, version: int, digest: str, listed: DatasetVersion | None) -> Wanted:
    recipe = question.scene.recipe
    pointer = _pointer(question.scene.spec.dataset, listed) if listed else None
    return Wanted(run_key(recipe, digest, question.code.digest, request), recipe, request, version, digest, pointer)


def _chosen(question: Question) -> DatasetVersion | None:
    number = question.scene.spec.dataset_version or question.status.active_version
    return next((version for version in question.status.versions if version.version == number), None)


def _pointer(name: str, version: DatasetVersion) -> DatasetPointer:
    return DatasetPointer(name=name, version=version.version, digest=version.digest, manifest_digest=version.manifest_digest, uri=version.uri)


def is_unsettled(obj: Manifest, status: DatasetStatus | FeatureSetStatus) -> bool:
    """Whether a Dataset or FeatureSet is about to look at its source, or looks at it without trouble."""
    annotations = obj["metadata"].get("annotations") or {}
    if annotations.get(PAUSED) == "true":
        return False
    asked = annotations.get(RUN_REQUESTED, "")
    return any(
        (
            status.observed_generation < obj["metadata"].get("generation", 0),
            bool(asked) and asked != status.last_handled_request,
            status.check is not None and status.check.outcome == "Running" and not status.check.reason,
        )
    )
