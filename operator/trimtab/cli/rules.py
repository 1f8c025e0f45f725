"""The rules between fields (CEL) that the CRDs carry, checked without an API server. Pure.

They are evaluated where and as the API server does (https://kubernetes.io/docs/reference/using-api/cel/): `self` is the value at the rule's place, with the
schema's defaults; rules about a change (`oldSelf`) hold for what is new.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trimtab.api.crd import root_schema
from trimtab.api.kinds import Kind

Schema = Mapping[str, Any]

RULES = "x-kubernetes-validations"
RESERVED = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var void while".split()  # noqa: SIM905
)
"""Words of CEL; a field of such a name is written `__for__`."""


def broken(manifest: Mapping[str, Any], kind: Kind) -> Iterator[tuple[str, str]]:
    """(where, the rule's message) of each rule that does not hold. The manifest must fit the schema else."""
    schema = root_schema(kind)
    yield from _at("", {**manifest, "spec": with_defaults(manifest.get("spec", {}), schema["properties"]["spec"])}, schema)


def with_defaults(value: Any, schema: Schema) -> Any:
    """As the API server stores it."""
    if isinstance(value, Mapping) and "properties" in schema:
        fields = schema["properties"]
        given = {name: field["default"] for name, field in fields.items() if "default" in field} | dict(value)
        return {name: with_defaults(each, fields.get(name, {})) for name, each in given.items()}
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(each, schema["items"]) for each in value]
    return value


def _at(where: str, value: Any, schema: Schema) -> Iterator[tuple[str, str]]:
    for rule in schema.get(RULES, []):
        if "oldSelf" not in rule["rule"] and not holds(rule["rule"], typed(value, schema)):
            yield where, rule.get("message", rule["rule"])
    if isinstance(value, Mapping):
        for name, each in value.items():
            inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if isinstance(inner, Mapping):
                yield from _at(f"{where}.{name}".lstrip("."), each, inner)
    elif isinstance(value, list) and "items" in schema:
        for place, each in enumerate(value):
            yield from _at(f"{where}.{place}", each, schema["items"])


def typed(value: Any, schema: Schema) -> Any:
    """The value as CEL has it: fields under names that it can write, numbers of the schema's type."""
    if isinstance(value, Mapping):
        fields = schema.get("properties")
        inner = schema.get("additionalProperties")
        rest = inner if isinstance(inner, Mapping) else {}
        return {f"__{name}__" if fields and name in RESERVED else name: typed(each, (fields or {}).get(name, rest)) for name, each in value.items()}
    if isinstance(value, list):
        return [typed(each, schema.get("items", {})) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    return value


def holds(rule: str, value: Any) -> bool:
    """A rule that cannot be evaluated is not held, here as there.

    >>> holds("self.size() == 2 && self.isSorted()", [1, 2]), holds("self.substring(1) == 'b'", "ab"), holds("self.a > 0", {})
    (True, True, False)
    """
    import cel  # brings a prompt of its own along, which no other verb should pay for

    context = cel.Context()
    context.add_variable("self", value)
    for name, function in EXTENSIONS.items():
        context.add_function(name, function)
    try:
        return cel.evaluate(rule, context) is True
    except (ValueError, TypeError, LookupError, RuntimeError):
        return False


EXTENSIONS: dict[str, Callable[..., Any]] = {
    "isSorted": lambda values: list(values) == sorted(values),
    "substring": lambda text, *ends: text[slice(*ends)] if len(ends) == 2 else text[ends[0] :],
}
"""Of Kubernetes' own functions those that our rules use."""
