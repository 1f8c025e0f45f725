"""What workers answer in tests."""

from support.builders import Object
from trimtab.api import evaluation
from trimtab.api.documents import Result, Trained, pack
from trimtab.api.evaluation import Evaluated


def snapshot_answer(version: int = 1, *, reason: str = "CreatedVersion", digest: str = "") -> Result:
    digest = digest or f"{version:064x}"
    rows = {"train": "70", "validation": "15", "test": "15", "unlabelled": "3"}
    return Result(
        outcome="Succeeded",
        reason=reason,
        message=f"Version {version} was made.",
        uri=f"s3://trimtab/default/datasets/flights/{digest}/",
        manifest_digest=f"{version + 100:064x}",
        facts={"version": str(version), "digest": digest, "task": "classification"} | rows,
    )


def materialize_answer(version: int = 1, *, name: str = "weather", latest: str = "2026-01-05T08:00:00Z") -> Result:
    digest = f"{version:064x}"
    return Result(
        outcome="Succeeded",
        reason="CreatedVersion",
        message=f"Version {version} was made.",
        uri=f"s3://trimtab/default/featuresets/{name}/{digest}",
        manifest_digest=f"{version + 100:064x}",
        facts={"version": str(version), "digest": digest, "rows": "1000", "latestEventAt": latest, "definitionDigest": "d", "sourceDigest": "s"},
    )


def trained(model: str = "flights", *, gate: str = "Passed", digest: int = 1) -> Trained:
    gates: list[Object] = [{"name": "skill", "outcome": gate, "message": "Skill is 0.1."}]
    return Trained.model_validate(
        {
            "artifact": {"uri": f"s3://trimtab/default/models/{model}/{digest}/", "manifestDigest": f"{digest:064x}", "format": "onnx", "sizeBytes": 10},
            "summary": {"task": "classification", "gates": gates, "metrics": [{"name": "skill", "value": "0.1"}]},
            "lineage": {"runURI": f"s3://trimtab/default/runs/{model}/1/"},
        }
    )


def train_answer(model: str = "flights", *, gate: str = "Passed", digest: int = 1) -> Result:
    rejected = gate == "Failed"
    return Result(
        outcome="Rejected" if rejected else "Succeeded",
        reason="GatesFailed" if rejected else "Registered",
        message="skill is -0.1, and must be above 0." if rejected else "All gates passed.",
        uri=f"s3://trimtab/default/models/{model}/{digest}/",
        manifest_digest=f"{digest:064x}",
        packed=pack(trained(model, gate=gate, digest=digest)),
    )


def evaluate_answer(evaluated: Evaluated) -> Result:
    return Result(outcome="Succeeded", reason="Ready", message="20 windows were looked at.", packed=evaluation.pack(evaluated))
