"""What GET answers: health, readiness, metadata, the OpenAPI document, and a page of links for whoever looks in.

Built once when the model is loaded. Before that only health can be told.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from trimtab import __version__
from trimtab.store.model import Input, Output
from trimtab_serving import openapi
from trimtab_serving.model import Identity, Model

Page = Callable[[], tuple[int, bytes]]


def model_paths(identity: Identity) -> tuple[str, str]:
    """The two addresses of one model: by name, and by name and version."""
    return f"/v2/models/{identity.model}", f"/v2/models/{identity.model}/versions/{identity.version}"


def always(content: dict[str, Any]) -> Page:
    answer = (200, orjson.dumps(content))
    return lambda: answer


def while_ready(is_ready: Callable[[], bool], **content: Any) -> Page:
    """200 with `ready: true` while it is so, else 503 with `ready: false`."""
    yes, no = (orjson.dumps({**content, "ready": value}) for value in (True, False))
    return lambda: (200, yes) if is_ready() else (503, no)


def of_server(is_ready: Callable[[], bool]) -> dict[str, Page]:
    """Pages that need no model."""
    return {
        "/v2": always({"name": "trimtab", "version": __version__, "extensions": []}),
        "/v2/health/live": always({"live": True}),
        "/v2/health/ready": while_ready(is_ready),
    }


def of_model(model: Model, is_ready: Callable[[], bool]) -> dict[str, Page]:
    """Pages about the one model."""
    named, versioned = model_paths(model.identity)
    found = {"/": always(_links(model, named)), "/openapi.json": always(openapi.document(model))}
    for path in (named, versioned):
        found[path] = always(_metadata(model))
        found[f"{path}/ready"] = while_ready(is_ready, name=model.identity.model)
    return found


def unknown(path: str, identity: Identity, paths: Iterable[str]) -> str:
    """The sentence for a path that is not here."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["v2", "models"] and len(parts) > 2:
        if parts[2] != identity.model:
            return f"There is no model {parts[2]!r:.60} here; this server serves {identity.model}."
        if parts[3:4] == ["versions"] and parts[4:5] != [identity.version]:
            return f"Version {'/'.join(parts[4:5])!r:.20} of {identity.model} is not here; this server serves version {identity.version}."
    return f"There is nothing at {path!r:.120}; the paths are {', '.join(sorted(paths))}."


def _links(model: Model, named: str) -> dict[str, Any]:
    return {
        "name": model.identity.model,
        "version": model.identity.version,
        "links": {"metadata": named, "infer": f"{named}/infer", "ready": "/v2/health/ready", "openapi": "/openapi.json"},
    }


def _metadata(model: Model) -> dict[str, Any]:
    signature = model.signature
    return {
        "name": model.identity.model,
        "versions": [model.identity.version],
        "platform": model.platform,
        "inputs": [_tensor(each, {"optional": each.optional, "categories": each.categories}) for each in signature.inputs],
        "outputs": [_tensor(each, {"classes": each.classes}) for each in signature.outputs],
        "parameters": {"model_digest": model.digest, "task": signature.task, "context": signature.context},
    }


def _tensor(tensor: Input | Output, parameters: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in parameters.items() if value is not None}
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape} | ({"parameters": known} if known else {})
