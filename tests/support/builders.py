"""Objects for tests, said in few words: `tj = training_job("flights", dataset="flights")`. Only what matters is passed."""

from typing import Any

from trimtab.api.base import API_VERSION

Object = dict[str, Any]


def _object(kind: str, name: str, spec: Object, *, namespace: str = "default", annotations: dict[str, str] | None = None, **rest: Any) -> Object:
    meta: Object = {"name": name, "namespace": namespace}
    if annotations:
        meta["annotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta | rest.pop("metadata", {}), "spec": spec, **rest}


def feature_set(name: str = "weather", **spec: Any) -> Object:
    return _object("FeatureSet", name, {"entities": ["origin"], "timestamp": "time_hour", "source": {"uri": f"s3://lake/{name}/"}} | spec)


def dataset(name: str = "flights", **spec: Any) -> Object:
    return _object("Dataset", name, {"source": {"uri": f"s3://lake/{name}/"}, "label": "late"} | spec)


def training_job(name: str = "flights", dataset: str = "flights", **spec: Any) -> Object:
    return _object("TrainingJob", name, {"dataset": dataset} | spec)


def model_version(model: str = "flights", version: int = 1, **spec: Any) -> Object:
    artifact = {"uri": f"s3://lake/models/{model}/{version}/", "manifestDigest": f"{version:064x}", "format": "onnx", "sizeBytes": 1000}
    return _object("ModelVersion", f"{model}-v{version}", {"model": model, "version": version, "artifact": artifact} | spec)


def deployment(name: str = "flights", model: str | None = None, **spec: Any) -> Object:
    return _object("Deployment", name, {"model": model or name} | spec)


def drift_monitor(name: str = "flights", deployment: str = "flights", **spec: Any) -> Object:
    return _object("DriftMonitor", name, {"deployment": deployment} | spec)


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def with_uid(obj: Object, uid: str = "11111111-2222-4333-8444-555555555555", generation: int = 1) -> Object:
    """As the API server would have stored it: for pure plans, which never see a server."""
    return {**obj, "metadata": {"uid": uid, "generation": generation, "resourceVersion": "1", **obj["metadata"]}}


def annotated(obj: Object, **annotations: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "annotations": obj["metadata"].get("annotations", {}) | annotations}}
