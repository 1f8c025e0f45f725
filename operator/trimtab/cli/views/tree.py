"""Everything that belongs to a model as one tree: what `status NAME` shows once and `watch` again and again. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trimtab.cli.views.family import family
from trimtab.cli.views.health import REST, Mark, mark, sentence, word
from trimtab.cli.views.listed import Listed, Manifest, at, condition, open_incident, ref

NEWEST_VERSIONS = 5
"""Older versions are told by their number alone, unless they are served."""


@dataclass(frozen=True)
class Node:
    """One line: who it is, how it is, what to know; and what hangs on it."""

    name: str
    mark: Mark
    word: str = ""
    facts: tuple[str, ...] = ()
    message: str = ""
    children: tuple["Node", ...] = ()


@dataclass(frozen=True)
class Tree:
    title: str
    nodes: tuple[Node, ...]
    at_rest: bool
    names: tuple[str, ...] = field(default=())

    def data(self) -> dict[str, Any]:
        return asdict(self)


def tree(listed: Listed, name: str) -> Tree:
    models, objects = family(listed, name)
    title = f"model {', '.join(models)}" if models else f"{ref(objects[-1])}, which no model uses yet"
    shown, older = _without_old_versions(objects)
    nodes = tuple(node(obj) for obj in shown)
    if older:
        nodes += (Node("older versions", Mark.OK, facts=(", ".join(str(at(obj, "spec.version")) for obj in older),)),)
    return Tree(f"{title} in namespace {listed.namespace}", nodes, is_at_rest(objects), tuple(str(ref(obj)) for obj in objects))


def is_at_rest(objects: Sequence[Manifest]) -> bool:
    """Nothing is going on, and nothing is about to begin by itself."""
    return all(mark(obj) in REST for obj in objects) and not any(at(obj, "status.candidate") or open_incident(obj) for obj in objects)


def _without_old_versions(objects: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    found = [obj for obj in objects if obj["kind"] == "ModelVersion"]
    older = [obj for obj in found[NEWEST_VERSIONS:] if not at(obj, "status.servedBy")]
    return [obj for obj in objects if obj not in older], older


def node(obj: Manifest) -> Node:
    facts, children = FACTS.get(obj["kind"], _no_facts)(obj)
    return Node(str(ref(obj)), mark(obj), word(obj), tuple(fact for fact in facts if fact), sentence(obj), tuple(children))


Told = tuple[list[str], list[Node]]


def _no_facts(_: Manifest) -> Told:
    return [], []


def _data(obj: Manifest) -> Told:
    active = at(obj, "status.activeVersion")
    version: dict[str, Any] = next((each for each in at(obj, "status.versions", []) if each.get("version") == active), {})
    rows = version.get("rows")
    count = rows if isinstance(rows, int) else sum(rows.values()) if rows else 0
    return [f"version {active}" if active else "", f"{count:,} rows" if count else ""], []


def _job(obj: Manifest) -> Told:
    facts = [at(obj, "status.modelVersion", "")]
    if percent := at(obj, "status.progress.percent"):
        facts.append(f"{percent}%" if percent < 100 else "")
    runs = at(obj, "status.runs", [])
    return facts, [_run(run) for run in runs[:1] if run.get("outcome") in ("Pending", "Running")]


RUN_MARKS = {"Registered": Mark.OK, "Rejected": Mark.WARNING, "Failed": Mark.FAILED, "Superseded": Mark.PAUSED}


def _run(run: dict[str, Any]) -> Node:
    facts = (f"on version {run['datasetVersion']}" if run.get("datasetVersion") else "", f"attempt {run['attempt']}" if run.get("attempt", 1) > 1 else "")
    return Node(f"run {run['key'][:8]}", RUN_MARKS.get(run["outcome"], Mark.WORKING), run["outcome"], tuple(filter(None, facts)), run.get("message", ""))


def _version(obj: Manifest) -> Told:
    gates, metrics = condition(obj, "GatesPassed"), {each["name"]: each["value"] for each in at(obj, "spec.summary.metrics", [])}
    facts = [f"skill {_short(metrics['skill'])}" if "skill" in metrics else "", "gates passed" if gates and gates.holds else ""]
    facts += [at(obj, "spec.approval", "").lower()]
    facts += [_place(place) for place in at(obj, "status.servedBy", [])]
    return facts, []


def _short(number: str) -> str:
    try:
        return f"{float(number):.4g}"
    except ValueError:
        return number


def _place(place: dict[str, Any]) -> str:
    share = f" {place['percent']}%" if place.get("percent") else ""
    return f"{place['role'].lower()} of {place['deployment']}{share}"


def _deployment(obj: Manifest) -> Told:
    children = [_served(role, found) for role in ("stable", "candidate", "shadow") if (found := at(obj, f"status.{role}"))]
    return [at(obj, "status.url", "")], children


def _served(role: str, found: dict[str, Any]) -> Node:
    """A version in a Deployment's status; fields that an older operator does not write are left out."""
    percent = found.get("programmedPercent", found.get("desiredPercent"))
    facts = [
        f"{found['ready']} {'pod' if found['ready'] == 1 else 'pods'} ready" if found.get("ready") is not None else "",
        f"step {found['step']}" if found.get("step") is not None else "",
        f"{percent}% of requests" if percent is not None else "",
        f"{found['disagreementPercent']}% differ" if found.get("disagreementPercent") is not None else "",
    ]
    ok = Mark.OK if role == "stable" else Mark.FAILED if found.get("verdict") == "Fail" else Mark.WORKING
    return Node(f"{role} v{found.get('version')}", ok, found.get("verdict", ""), tuple(filter(None, facts)), found.get("message", ""))


def _monitor(obj: Manifest) -> Told:
    skill, reference = at(obj, "status.performance.skill"), at(obj, "status.performance.reference")
    window = at(obj, "status.lastWindow", {})
    facts = [
        f"{window['drifted']} of {window['tested']} inputs drifted" if window.get("tested") else "",
        f"skill {_short(skill)} against {_short(reference)}" if skill and reference else "",
    ]
    incident = open_incident(obj)
    return facts, [Node(f"incident {incident['id'][:8]}", Mark.WORKING, incident.get("cause", ""), (incident.get("trainingJob", ""),))] if incident else []


FACTS = {"FeatureSet": _data, "Dataset": _data, "TrainingJob": _job, "ModelVersion": _version, "Deployment": _deployment, "DriftMonitor": _monitor}
