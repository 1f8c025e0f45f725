"""What every CRD must be, for any kind there is or will be."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import ConfigDict, Field

from trimtab.api.base import ANYTHING, ATOMIC, Name, Spec, Status, rules
from trimtab.api.crd import crd, inlined, root_schema, spec_schema, status_schema, without_item_defaults
from trimtab.api.kinds import BY_KIND, KINDS, Kind

Schema = dict[str, Any]
ALLOWED = {
    "description", "type", "default", "required", "properties", "items", "additionalProperties", "enum", "pattern", "format", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
}  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def root(kind: Kind) -> Schema:
    return root_schema(kind)


def children(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
    if "items" in schema:
        yield f"{path}[]", schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}{{}}", schema["additionalProperties"]


def places(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema in it, with the path a person would write."""
    yield path, schema
    for name, child in children(schema, path):
        yield from places(child, name)


def ours(root: Schema) -> list[tuple[str, Schema]]:
    """All but metadata, which Kubernetes describes itself."""
    return [(path, schema) for path, schema in places(root) if path and not path.startswith(".metadata")]


def test_every_field_has_a_description(root):
    mute = [path for path, schema in ours(root) if not path.endswith(("[]", "{}")) and not schema.get("description")]
    assert mute == []


def test_every_description_is_a_sentence(root):
    ragged = [path for path, schema in ours(root) if schema.get("description") and not schema["description"].rstrip().endswith(".")]
    assert ragged == []


def test_every_place_has_one_type_and_only_words_of_a_structural_schema(root):
    for path, schema in ours(root):
        assert schema["type"] in {"object", "array", "string", "integer", "number", "boolean"}, path
        assert set(schema) <= ALLOWED, path


def test_no_default_is_null_and_none_stands_in_a_list(root):
    for path, schema in ours(root):
        assert "default" not in schema or (schema["default"] is not None and "[]" not in path), path


def test_every_list_says_how_it_merges(root):
    spec_and_status = [(path, schema) for path, schema in ours(root) if schema["type"] == "array"]
    assert [path for path, schema in spec_and_status if schema.get("x-kubernetes-list-type") not in {"atomic", "map"}] == []


def test_every_list_of_a_spec_has_a_bound(root):
    assert [path for path, schema in ours(root) if path.startswith(".spec") and schema["type"] == "array" and "maxItems" not in schema] == []


def test_conditions_are_keyed_by_type_and_other_lists_of_a_status_replaced_whole(kind):
    for path, schema in places(status_schema(kind)):
        if schema["type"] == "array":
            assert schema["x-kubernetes-list-type"] == ("map" if path == ".conditions" else "atomic"), path


def test_a_status_has_one_default_and_it_says_nobody_has_looked(kind):
    found = [(path, schema["default"]) for path, schema in places(status_schema(kind)) if "default" in schema]
    assert found == [("", {"observedGeneration": -1})]


def test_a_rule_has_a_sentence_that_does_not_quote_itself(root):
    for path, schema in places(root):
        for rule in schema.get("x-kubernetes-validations", []):
            assert rule["rule"] not in rule["message"], path
            assert rule["message"].endswith("."), rule["message"]
            assert not re.search(r"\bstring\(", rule["rule"]), "costs more than the budget; use startsWith, matches, int(substring)"


def test_the_columns_begin_with_ready_and_state_and_end_with_since_and_age_then_why(kind):
    columns = crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns[:2]] == ["Ready", "State"]
    assert [column["name"] for column in columns[-4:]] == ["Since", "Age", "Reason", "Message"]
    wide = [column["name"] for column in columns if column.get("priority")]
    assert set(wide) <= {"URL", "Format", "Reason", "Message"}
    assert wide[-2:] == ["Reason", "Message"]


def test_every_column_points_at_a_field_there_is(kind, root):
    known = {path for path, _ in places(root)} | {".metadata.creationTimestamp"}
    for column in crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"]:
        assert column["jsonPath"].partition("[")[0] in known, column


def test_only_a_deployment_can_be_scaled():
    scalable = [kind.kind for kind in KINDS if "scale" in crd(kind)["spec"]["versions"][0]["subresources"]]
    assert scalable == ["Deployment"]


def test_a_model_version_is_selected_by_its_model():
    assert crd(BY_KIND["ModelVersion"])["spec"]["versions"][0]["selectableFields"] == [{"jsonPath": ".spec.model"}]


def test_the_names_of_a_kind_are_unambiguous():
    for names in ([kind.plural for kind in KINDS], [kind.short for kind in KINDS], [kind.singular for kind in KINDS]):
        assert len(set(names)) == len(KINDS)
    assert BY_KIND["Deployment"].plural == "modeldeployments"


class Inner(Spec):
    """Words of the class."""

    size: int = Field(3, ge=1, description="Size.")


class Outer(Spec):
    model_config = ConfigDict(json_schema_extra=rules(("self.name != ''", "name must not be empty.")))
    name: Name = Field(description="Name.")
    maybe: float | None = Field(None, ge=0, le=1, description="Share.")
    inner: Inner = Field(default_factory=Inner, description="Words of the field.")
    plain: Inner
    optional: Inner | None = Field(None, description="Perhaps.")
    many: list[Inner] = Field(default_factory=list, max_length=3, description="Some.", json_schema_extra=ATOMIC)
    free: dict[str, Any] | None = Field(None, description="Anything.", json_schema_extra=ANYTHING)
    words: dict[str, str] = Field(default_factory=dict, description="Words.")
    one: Literal["only"] = Field("only", description="One word.")


@pytest.fixture
def outer() -> Schema:
    return inlined(Outer.model_json_schema())


def test_an_optional_is_its_type_without_a_default(outer):
    assert outer["properties"]["maybe"] == {"description": "Share.", "type": "number", "minimum": 0, "maximum": 1}


def test_what_stands_beside_a_reference_wins_over_what_is_in_it(outer):
    described = {name: outer["properties"][name]["description"] for name in ("inner", "plain", "optional")}
    assert described == {"inner": "Words of the field.", "plain": "Words of the class.", "optional": "Perhaps."}


def test_a_model_as_default_gives_no_default_but_its_fields_have_theirs(outer):
    assert "default" not in outer["properties"]["inner"]
    assert outer["properties"]["inner"]["properties"]["size"]["default"] == 3


def test_items_lose_their_defaults_only_for_the_crd(outer):
    assert outer["properties"]["many"]["items"]["properties"]["size"]["default"] == 3
    assert "default" not in without_item_defaults(outer)["properties"]["many"]["items"]["properties"]["size"]
    assert without_item_defaults(outer)["properties"]["inner"]["properties"]["size"]["default"] == 3


def test_bounds_and_extras_are_carried(outer):
    many = outer["properties"]["many"]
    assert (many["maxItems"], many["x-kubernetes-list-type"]) == (3, "atomic")
    assert outer["x-kubernetes-validations"] == [{"rule": "self.name != ''", "message": "name must not be empty."}]


def test_an_object_that_takes_anything_says_so_and_no_more(outer):
    assert outer["properties"]["free"] == {"description": "Anything.", "type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_a_map_of_words_keeps_the_type_of_its_values(outer):
    assert outer["properties"]["words"]["additionalProperties"] == {"type": "string"}


def test_a_single_word_becomes_an_enumeration_of_one(outer):
    assert outer["properties"]["one"]["enum"] == ["only"]


def test_two_types_in_one_place_are_refused_when_generating():
    class Either(Status):
        value: int | str

    with pytest.raises(ValueError, match="one type a place"):
        inlined(Either.model_json_schema())


def test_the_reference_shows_the_defaults_inside_lists():
    gates = spec_schema(BY_KIND["TrainingJob"])["properties"]["evaluation"]["properties"]["gates"]
    assert gates["items"]["properties"]["notWorseThan"]["properties"]["tolerance"]["default"] == 0.0
