"""The OpenAPI document of one server: its own model's inputs by name, with an example that can be sent as it is."""

from typing import Any

import orjson

from trimtab.store.model import Input
from trimtab_serving.model import Model, example
from trimtab_serving.tensors import accepted, width

JSON_TYPES = {"BYTES": "string", "BOOL": "boolean"} | dict.fromkeys(("FP16", "FP32", "FP64"), "number")


def document(model: Model) -> dict[str, Any]:
    """OpenAPI 3.1."""
    identity = model.identity
    base = f"/v2/models/{identity.model}"
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Model {identity.model}, version {identity.version}", "version": identity.version, "description": "Open Inference Protocol V2."},
        "paths": {
            "/v2/health/ready": {"get": _get("Is the server ready?")},
            base: {"get": _get("Name, version, inputs and outputs of the model.")},
            f"{base}/infer": {"post": _infer(model)},
            f"{base}/labels": {"post": _labels()},
        },
        "components": {"schemas": {"Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}}},
    }


def sample(model: Model) -> dict[str, Any]:
    """A request for one row: the first golden example, or made-up values of the right kind."""
    golden = model.golden.inputs if model.golden else {}
    values = {each.name: golden[each.name][: _wide(each)] if each.name in golden else [_value(each)] * _wide(each) for each in model.signature.inputs}
    request: dict[str, Any] = orjson.loads(example(model.signature, values))
    return request


def _get(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "OK"}, "503": _error("Not ready.")}}


def _infer(model: Model) -> dict[str, Any]:
    return {
        "summary": "Predict.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _request(model), "example": sample(model)}}},
        "responses": {
            "200": {"description": "One tensor for each output.", "content": {"application/json": {"schema": _answer(model)}}},
            "400": _error("The request does not fit the model; `error` says which tensor, what was expected and what was found."),
            "413": _error("The body is too large."),
            "503": _error("Not ready, or too many bytes are being answered already; send it again after the seconds that `retry-after` says."),
        },
    }


def _labels() -> dict[str, Any]:
    texts = {
        "id": "The id of an answer, or `<id>/<row>` for one of its rows, counted from 0.",
        "label": "What turned out to be so: a class or a number.",
        "time": "When that was known (RFC 3339); of two labels for one row the later one counts.",
    }
    label = {
        name: ({"type": ["string", "number", "boolean"]} if name == "label" else {"type": "string"}) | {"description": text} for name, text in texts.items()
    }
    schema = {"type": "array", "minItems": 1, "items": {"type": "object", "required": list(label), "properties": label, "additionalProperties": False}}
    return {
        "summary": "Say what turned out to be so. Sending the same labels again changes nothing.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "202": {"description": "The object store has them; `warnings` names classes that this model does not know."},
            "400": _error("Some entries are wrong, each with a sentence; none is kept."),
            "503": _error("The object store is away; send them again after the seconds that `retry-after` says."),
        },
    }


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}


def _request(model: Model) -> dict[str, Any]:
    tensors = [_input(each, model) for each in model.signature.inputs]
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string", "maxLength": 128, "description": "Comes back in the answer."},
            "parameters": {"type": "object", "properties": {"event_time": {"type": "string", "format": "date-time"}}},
            "inputs": {"type": "array", "minItems": 1, "items": {"anyOf": tensors}},
            "outputs": {"type": "array", "items": {"type": "object", "properties": {"name": {"enum": [each.name for each in model.signature.outputs]}}}},
        },
    }


def _input(tensor: Input, model: Model) -> dict[str, Any]:
    data: dict[str, Any] = {"type": [JSON_TYPES.get(tensor.datatype, "integer"), "null"]}
    if tensor.categories:
        data["examples"] = tensor.categories[:20]
    return {
        "title": tensor.name,
        "description": "Optional." if tensor.optional else "Required; null where the value is missing.",
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"const": tensor.name},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "datatype": {"enum": list(accepted(tensor, model.runtime.dtypes[tensor.name]))},
            "data": {"type": "array", "items": data},
        },
    }


def _answer(model: Model) -> dict[str, Any]:
    outputs = [
        {"type": "object", "title": each.name, "properties": {"name": {"const": each.name}, "datatype": {"const": each.datatype}}}
        for each in model.signature.outputs
    ]
    texts = {name: {"type": "string"} for name in ("model_name", "model_version", "id")}
    return {"type": "object", "properties": {**texts, "parameters": {"type": "object"}, "outputs": {"type": "array", "items": {"anyOf": outputs}}}}


def _value(tensor: Input) -> Any:
    return {"BYTES": tensor.categories[0] if tensor.categories else "text", "BOOL": True}.get(tensor.datatype, 0)


def _wide(tensor: Input) -> int:
    return max(width(tensor), 1)
