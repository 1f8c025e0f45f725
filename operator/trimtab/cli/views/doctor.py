"""What the doctor says of what was found: each check as ok, warn or fail, and what to do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.cli.views.health import Mark, mark, sentence
from trimtab.cli.views.listed import Listed, Manifest, at, ref
from trimtab.cli.views.table import Table

OLDEST = (1, 32)
"""Kubernetes: selectable fields and admission policies are used."""
OPERATOR = "TRIMTAB_WORKER_IMAGE"
"""A variable that only the operator's container has."""

NEEDED = (("get", "read what there is"), ("list", "read what there is"), ("patch", "pause, run, promote"), ("create", "apply manifests"))


@dataclass(frozen=True)
class Check:
    name: str
    mark: Mark
    found: str
    advice: str = ""


@dataclass
class Found:
    """What was asked, and None where it could not be."""

    server: str
    user: str
    version: tuple[int, int] | None
    listed: Listed | None
    may: dict[str, bool] = field(default_factory=dict)
    deployments: Sequence[Manifest] | None = None
    secret: bool | None = None
    account: bool | None = None


def table(found: Found) -> Table:
    checks = [check for rule in RULES for check in rule(found)]
    rows = [(each.mark, each.name, each.found, each.advice) for each in checks]
    return Table(("", "CHECK", "FOUND", "WHAT TO DO"), tuple(rows), tuple(each.name for each in checks if each.mark == Mark.FAILED))


def ok(name: str, found: str) -> Check:
    return Check(name, Mark.OK, found)


def warn(name: str, found: str, advice: str) -> Check:
    return Check(name, Mark.WARNING, found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    return Check(name, Mark.FAILED, found, advice)


def cluster(found: Found) -> list[Check]:
    if found.version is None:
        return [fail("cluster", f"{found.server} does not tell its version", "kubectl cluster-info")]
    said = f"Kubernetes {found.version[0]}.{found.version[1]} at {found.server}, as {found.user}"
    return [ok("cluster", said) if found.version >= OLDEST else fail("cluster", said, f"Trimtab needs {OLDEST[0]}.{OLDEST[1]} or newer")]


def kinds(found: Found) -> list[Check]:
    if found.listed is None:
        return [
            fail(
                "kinds",
                "none of Trimtab's kinds is installed, or you may not list them",
                "helm install trimtab charts/trimtab -n trimtab-system --create-namespace",
            )
        ]
    if found.listed.absent:
        return [warn("kinds", f"without {', '.join(found.listed.absent)}", "helm upgrade trimtab: the chart is older than this command")]
    return [ok("kinds", f"all {len(found.listed.objects)} are installed")]


def permissions(found: Found) -> list[Check]:
    lacking = [f"{verb} ({what})" for verb, what in NEEDED if found.may.get(verb) is False]
    checks = [
        warn("permissions", f"you may not {', '.join(lacking)}", "ask for the role trimtab-editor in this namespace")
        if lacking
        else ok("permissions", "read and write")
    ]
    if not found.may.get("approve", True):
        checks.append(warn("approvals", "you may not approve versions", "the role trimtab-approver lets you, where you need it"))
    if not all(found.may.get(what, True) for what in ("pods", "exec", "portforward")):
        checks.append(warn("store and predict", "you may not start pods or enter them", "runs, models pull, prediction and predict need the role edit here"))
    return checks


def operator(found: Found) -> list[Check]:
    if found.deployments is None:
        return [warn("operator", "you may not look for it outside of this namespace", "kubectl get deployment -A -l app.kubernetes.io/part-of=trimtab")]
    ours = [each for each in found.deployments if _variables(each).get(OPERATOR)]
    if not ours:
        return [fail("operator", "it is not installed", "helm install trimtab charts/trimtab -n trimtab-system --create-namespace")]
    one = ours[0]
    where, ready = f"{at(one, 'metadata.namespace')}/{at(one, 'metadata.name')}", int(at(one, "status.readyReplicas", 0))
    if not ready:
        return [fail("operator", f"{where} has no ready pod", f"kubectl describe deployment {at(one, 'metadata.name')} -n {at(one, 'metadata.namespace')}")]
    url = _variables(one).get("TRIMTAB_PROMETHEUS_URL")
    prometheus = (
        ok("prometheus", url) if url else warn("prometheus", "none is configured", "only triggers of type Prometheus need one: chart value prometheus.url")
    )
    return [ok("operator", f"{where}, {ready} ready"), prometheus]


def _variables(deployment: Manifest) -> dict[str, Any]:
    return {each["name"]: each.get("value", "") for each in deployment["spec"]["template"]["spec"]["containers"][0].get("env", [])}


TENANTS = "list the namespace in the chart's `tenants`, or make it as docs/install.md says"


def store(found: Found) -> list[Check]:
    secret = {True: ok("store", "Secret trimtab-store is there"), False: fail("store", "there is no Secret trimtab-store", TENANTS)}
    account = {True: ok("account", "ServiceAccount trimtab-worker is there"), False: fail("account", "there is no ServiceAccount trimtab-worker", TENANTS)}
    unknown = [each for each in found.listed.all() if "StoreNotConfigured" in str(at(each, "status.conditions", []))] if found.listed else []
    doubt = (
        fail("store", sentence(unknown[0]), TENANTS)
        if unknown
        else warn("store", "you may not look whether Secret trimtab-store is there", "an administrator can")
    )
    return [secret.get(bool(found.secret), doubt) if found.secret is not None else doubt, *([account[found.account]] if found.account is not None else [])]


def objects(found: Found) -> list[Check]:
    if found.listed is None:
        return []
    failed = [each for each in found.listed.all() if mark(each) == Mark.FAILED]
    unseen = [each for each in found.listed.all() if mark(each) == Mark.WAITING]
    checks = [warn(str(ref(each)), sentence(each), f"trimtab why {ref(each)}") for each in failed]
    if unseen:
        checks.append(
            warn("looked at", f"the operator has not looked at {', '.join(str(ref(each)) for each in unseen[:4])}", "if that lasts, its log says why")
        )
    return checks or [ok("objects", f"{sum(1 for _ in found.listed.all())}, none in trouble")]


RULES = (cluster, kinds, permissions, operator, store, objects)
