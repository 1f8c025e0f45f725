"""From the answer of a run to its ModelVersion: its number, its labels, what it was made of.

The name is the lock: two TrainingJobs of one model that draw the same number meet at the POST, and the loser looks
again. The version has no owner reference, for it outlives its TrainingJob; its labels say whose it was.
"""

from collections.abc import Iterable

from trimtab.api.base import API_VERSION
from trimtab.api.documents import Champion, Trained
from trimtab.api.kinds import MODEL_VERSION
from trimtab.api.modelversion import DatasetRef, ModelVersionSpec
from trimtab.api.trainingjob import Run
from trimtab.manifests import names
from trimtab.manifests.labels import CAUSE, RECIPE, REQUEST, Owner, labels
from trimtab.plans.plan import Manifest


def next_number(versions: Iterable[Manifest], latest: int | None) -> int:
    """One more than all that are there and all that this TrainingJob ever made."""
    return 1 + max([*(int(version["spec"]["version"]) for version in versions), latest or 0])


def model_version(owner: Owner, model: str, number: int, run: Run, trained: Trained, *, dataset: str, code: str, git: dict[str, str]) -> Manifest:
    source = DatasetRef(name=dataset, version=run.dataset_version or 1, digest=run.dataset_digest)
    ours = {"training_job": owner.name, "run_key": run.key, "dataset": source, "code_digest": code or None, "git_commit": git.get("commit")}
    spec = ModelVersionSpec(model=model, version=number, artifact=trained.artifact, summary=trained.summary, lineage=trained.lineage.model_copy(update=ours))
    return {
        "apiVersion": API_VERSION,
        "kind": MODEL_VERSION.kind,
        "metadata": {
            "name": names.model_version(model, number),
            "namespace": owner.namespace,
            "labels": labels(owner, model=model, run_key=run.key),
            "annotations": {RECIPE: run.recipe_digest, CAUSE: run.cause} | ({REQUEST: run.request} if run.request else {}),
        },
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def champions(deployments: Iterable[Manifest], versions: Iterable[Manifest]) -> list[Champion]:
    """What is served now, for the gate `served`; a model that somebody brought has no manifest to compare with."""
    by_name = {version["metadata"]["name"]: version["spec"]["artifact"] for version in versions}
    served = [(deployment["metadata"]["name"], _stable(deployment)) for deployment in deployments]
    return [
        Champion(deployment=deployment, name=stable, uri=by_name[stable]["uri"], manifest_digest=by_name[stable]["manifestDigest"])
        for deployment, stable in sorted(served)
        if by_name.get(stable, {}).get("manifestDigest")
    ]


def _stable(deployment: Manifest) -> str:
    return str(((deployment.get("status") or {}).get("stable") or {}).get("name", ""))
