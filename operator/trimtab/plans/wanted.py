"""Which run a TrainingJob wants: on which version of its Dataset, of which code, under which key; or what it lacks for that.

The data of the newest run are kept until there is a reason to choose anew (CAUSES): new data alone are none, unless the
policy says so. A run that differs in nothing has the key of the newest run, and is that run. Where an automatic run lacks
something or is held back, the newest one stays the wanted one, and `waits` says what is waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.dataset import DatasetStatus, DatasetVersion
from trimtab.api.documents import DatasetPointer
from trimtab.api.featureset import FeatureSetStatus
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Cause, Run
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.asks import Ask
from trimtab.plans.attempts import HEALS_WITH_ANOTHER_POD, HEALS_WITH_TIME
from trimtab.plans.automatic import AUTOMATIC, PAUSES, Company, hold, is_automatic
from trimtab.plans.conditions import find
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Manifest
from trimtab.plans.pods import reason_named
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
    """Everything that the answer depends on; `dataset` is the object, or None where there is none; `runs` are newest first."""

    scene: Scene
    runs: tuple[Run, ...]
    dataset: Manifest | None
    code: Code
    asks: tuple[Ask, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    cluster_paused: bool = False

    @property
    def newest(self) -> Run | None:
        return self.runs[0] if self.runs else None

    @property
    def ask(self) -> Ask | None:
        """The one that the next run answers: one run, one ask."""
        return next((ask for ask in self.asks if ask.id not in {run.request for run in self.runs}), None)

    @property
    def of_people(self) -> "Question":
        """Without incidents: a person's change neither answers them nor waits for what they wait for."""
        return replace(self, asks=tuple(ask for ask in self.asks if ask.cause == "Request"))

    @property
    def status(self) -> DatasetStatus:
        return DatasetStatus.model_validate((self.dataset or {}).get("status") or {})

    def company(self, cause: Cause) -> Company:
        ask = self.ask if cause == "Incident" else None
        what = f"The run for incident {ask.id} of {ask.by}" if ask else f"The run on version {self.status.active_version} of Dataset {self.scene.spec.dataset}"
        return Company(what, self.scene.spec.run_policy, self.runs, self.deployments, self.cluster_paused, self.scene.now)


@dataclass(frozen=True)
class Wanted:
    """The run that ought to be the newest; `pointer` is None where the version is no longer listed.

    `waits`: what the next automatic run waits for; `again`: what another attempt at the newest one does, where that began by itself.
    """

    key: str
    recipe: str
    request: str
    cause: Cause
    version: int
    digest: str
    code: str
    pointer: DatasetPointer | None
    waits: Lack | None = None
    again: Lack | None = None


Why = Callable[[Question], Cause | None]


def first_of_all(question: Question) -> Cause | None:
    return "Change" if question.newest is None else None


def recipe_changed(question: Question) -> Cause | None:
    return "Change" if question.newest and question.newest.recipe_digest != question.scene.recipe else None


def asked(question: Question) -> Cause | None:
    """A person at any time; an incident not before the run under way has ended."""
    ask = question.ask
    return ask.cause if ask and (ask.cause == "Request" or not _is_under_way(question)) else None


def data_are_newer(question: Question) -> Cause | None:
    spec, chosen = question.scene.spec, _chosen(question)
    wants_them = spec.run_policy.on_new_data and spec.dataset_version is None and not _is_under_way(question)
    return "NewData" if wants_them and question.newest and chosen and chosen.digest != question.newest.dataset_digest else None


CAUSES: tuple[Why, ...] = (
    first_of_all,  # there is no run yet
    recipe_changed,  # by a person, or a pinned version that is another
    asked,  # by a person or an incident, by an id that no run has
    data_are_newer,  # where the policy says so
)
"""Why the data are chosen anew."""


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


def dataset_has_looked(question: Question) -> Lack | None:
    """A Dataset that is changed or asked together with the recipe has its say first; a pinned version waits for nobody."""
    dataset, status, ask = question.dataset, question.status, question.ask
    if question.scene.spec.dataset_version or dataset is None or is_paused(dataset):
        return None
    if not is_unsettled(dataset, status) and (ask is None or _has_looked_for(ask.id, status)):
        return None
    sentence = Reason.PROGRESSING.say(what=f"Dataset {question.scene.spec.dataset} looks at its source first")
    failed = status.check.message if status.check and status.check.reason and status.check.outcome != "Unchanged" else ""
    return Lack(Reason.DATASET_NOT_READY, f"{sentence} {failed}".strip())


LACKS: tuple[Callable[[Question], Lack | None], ...] = (
    dataset_exists,  # by its name
    dataset_has_a_version,  # with the Dataset's own sentence
    version_is_listed,  # the pinned or the active one
    dataset_has_looked,  # a look that has just been asked for comes first
)
"""Asked only when the data are chosen anew."""


def wanted(question: Question) -> Wanted | Lack:
    if lack := code_is_there(question):
        return lack
    newest, cause = question.newest, next((cause for why in CAUSES if (cause := why(question))), None)
    if newest is not None and cause is None:
        return _as_it_is(question, newest)
    cause = cause or "Change"
    if cause != "Incident":
        question = question.of_people
    lack = (hold(question.company(cause)) if cause in AUTOMATIC else None) or next((lack for ask in LACKS if (lack := ask(question))), None)
    if lack:
        return replace(_as_it_is(question, newest), waits=lack) if newest and cause in AUTOMATIC else lack
    return _anew(question, cause)


def _as_it_is(question: Question, newest: Run) -> Wanted:
    """The newest run again; or, where the code is another, the same on that."""
    listed = next((each for each in question.status.versions if each.digest == newest.dataset_digest), None)
    data = _Data(newest.dataset_version or 1, newest.dataset_digest, listed)
    same = _wanted(question, newest.cause, newest.request, data)
    return replace(same, again=_held_again(question, newest)) if same.key == newest.key else _wanted(question, "Change", "", data)


def _held_again(question: Question, newest: Run) -> Lack | None:
    """Who pauses retraining wants no further attempt either; the cap counts runs, not attempts."""
    if not is_automatic(newest) or newest.outcome not in ("Pending", "Failed"):
        return None
    return hold(replace(question.company(newest.cause), what=f"Another attempt at run {newest.key[:8]}"), PAUSES)


def _anew(question: Question, cause: Cause) -> Wanted:
    chosen, ask = _chosen(question), question.ask
    assert chosen is not None, "version_is_listed has been asked"
    return _wanted(question, cause, ask.id if ask else "", _Data(chosen.version, chosen.digest, chosen))


@dataclass(frozen=True)
class _Data:
    version: int
    digest: str
    listed: DatasetVersion | None


def _wanted(question: Question, cause: Cause, request: str, data: _Data) -> Wanted:
    recipe, code = question.scene.recipe, question.code.digest
    pointer = _pointer(question.scene.spec.dataset, data.listed) if data.listed else None
    return Wanted(run_key(recipe, data.digest, code, request), recipe, request, cause, data.version, data.digest, code, pointer)


def _chosen(question: Question) -> DatasetVersion | None:
    number = question.scene.spec.dataset_version or question.status.active_version
    return next((version for version in question.status.versions if version.version == number), None)


def _pointer(name: str, version: DatasetVersion) -> DatasetPointer:
    return DatasetPointer(name=name, version=version.version, digest=version.digest, manifest_digest=version.manifest_digest, uri=version.uri)


def _is_under_way(question: Question) -> bool:
    return question.newest is not None and question.newest.outcome in ("Running", "Pending")


def _has_looked_for(request: str, status: DatasetStatus) -> bool:
    """A look for it was begun and is over, be it that the data were found bad; one that the store or the pod failed goes again."""
    if request not in {status.last_handled_request, *status.answered_requests}:
        return False
    check = status.check
    if check is None or check.request != request or check.outcome in ("Created", "Unchanged"):
        return True
    return check.outcome == "Failed" and reason_named(check.reason) not in HEALS_WITH_TIME | HEALS_WITH_ANOTHER_POD


def is_unsettled(obj: Manifest, status: DatasetStatus | FeatureSetStatus) -> bool:
    """Whether a Dataset or FeatureSet is about to look at its source, or looks at it without trouble."""
    if is_paused(obj):
        return False
    asked = annotations(obj).get(RUN_REQUESTED, "")
    return any(
        (
            status.observed_generation < obj["metadata"].get("generation", 0),
            bool(asked) and asked != status.last_handled_request,
            status.check is not None and status.check.outcome == "Running" and not status.check.reason,
        )
    )
