"""Which object a person means by `flights`, `mv/flights-v7` or `tj flights`."""

import difflib

from trimtab.api.kinds import KINDS
from trimtab.cli.errors import NotThere, Usage
from trimtab.cli.views.listed import Listed, Manifest, model_of

MEANT = ("Deployment", "ModelVersion", "TrainingJob", "Dataset", "FeatureSet", "DriftMonitor")
"""Of several objects of one name, which is meant: what serves before what watches it."""

MONITOR = ("DriftMonitor", "driftmonitors", "driftmonitor", "dm")


def spellings() -> dict[str, str]:
    """Every name of a kind, in small letters -> the kind. `Deployment` is ours here."""
    known = [(kind.kind, kind.plural, kind.singular, kind.short) for kind in KINDS] + [MONITOR]
    return {spelling.lower(): names[0] for names in known for spelling in names}


def split(text: str) -> tuple[str | None, str]:
    """`mv/flights-v7` -> ("ModelVersion", "flights-v7"); without a kind, None."""
    kind, slash, name = text.rpartition("/")
    if not slash:
        return None, name
    found = spellings().get(kind.lower().removesuffix(".trimtab.dev"))
    if found is None:
        raise Usage(f"{kind} is no kind of Trimtab's; write one of {', '.join(sorted(set(spellings().values())))}, or a short name such as mv or tj.")
    return found, name


def choose(listed: Listed, text: str, kinds: tuple[str, ...] = MEANT) -> Manifest:
    """The object that is meant. Of several of one name, the first of MEANT; a model's name stands for its Deployment or TrainingJob."""
    kind, name = split(text)
    wanted = (kind,) if kind else kinds
    for each in wanted:
        if found := listed.find(each, name):
            return found
    for each in wanted:
        if found := _of_model(listed, each, name):
            return found
    raise missing(listed, text, wanted)


def _of_model(listed: Listed, kind: str, model: str) -> Manifest | None:
    """The one object of that model, the newest version where it is versions."""
    of_model = [obj for obj in listed.of(kind) if model_of(obj) == model]
    return max(of_model, key=lambda obj: int(obj["spec"].get("version", 0)), default=None) if kind == "ModelVersion" else next(iter(of_model), None)


def missing(listed: Listed, text: str, kinds: tuple[str, ...] = MEANT) -> NotThere:
    """What is said of a name that nothing has."""
    name = text.rpartition("/")[2]
    names = sorted({obj["metadata"]["name"] for kind in kinds for obj in listed.of(kind)})
    near = difflib.get_close_matches(name, names, 1)
    said = f" Did you mean {near[0]}?" if near else f" There {'is' if len(names) == 1 else 'are'} {', '.join(names[:8])}." if names else ""
    what = kinds[0] if len(kinds) == 1 else "object of Trimtab's"
    return NotThere(f"There is no {what} {name} in namespace {listed.namespace}.{said}", f"trimtab status -n {listed.namespace}")


def named(listed: Listed, text: str) -> list[Manifest]:
    """All objects that a name without a kind stands for."""
    kind, name = split(text)
    return [obj for obj in listed.all() if obj["metadata"]["name"] == name and kind in (None, obj["kind"])]
