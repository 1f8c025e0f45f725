"""FeatureSet (fset): features that are computed once, versioned, and joined to many Datasets as they were at each row's time."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ATOMIC, Column, Condition, Duration, PodTemplate, Refresh, Retain, Spec, Status, rules
from trimtab.api.dataset import YAML_BOOLEAN, Check, Source
from trimtab.api.trainingjob import ConfigMapKey


class PythonTransform(Spec):
    """A function of your own: it takes the source as a pandas DataFrame and returns one."""

    config_map: ConfigMapKey = Field(description="ConfigMap and key that hold the Python source.")
    function: str = Field("transform", description="Function to call with the DataFrame.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)


class Transform(Spec):
    """How features are made of the source's rows. Give `sql` or `python`."""

    model_config = ConfigDict(json_schema_extra=rules(("has(self.sql) != has(self.python)", "spec.transform: give exactly one of `sql` and `python`.")))
    sql: str | None = Field(None, description="One SELECT over the table `source`, in DuckDB's SQL.", min_length=1, max_length=16384)
    python: PythonTransform | None = Field(None, description="A function of your own that takes the source as a pandas DataFrame and returns one.")


class FeatureColumn(Spec):
    """What one column must be; a version is only made where every row keeps to it."""

    name: Column = Field(description="Column of the transformed rows." + YAML_BOOLEAN)
    type: Literal["numeric", "categorical", "boolean", "datetime"] | None = Field(None, description="What its values are; absent: anything.")
    nullable: bool | None = Field(None, description="False: no value may be missing.")
    min: float | None = Field(None, description="Smallest allowed value.")
    max: float | None = Field(None, description="Largest allowed value.")
    allowed: list[str] | None = Field(None, description="Allowed values, written as strings.", max_length=256, json_schema_extra=ATOMIC)
    description: str | None = Field(None, description="What it means, and in which unit; kept with every version.", max_length=512)


SIGNED = r"^-?([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""A duration in which a minus is told by the rule beside it, not by a pattern."""


def _not_negative(field: str, advice: str) -> dict[str, Any]:
    return rules(("!self.startsWith('-')", f"spec.{field} is negative; {advice}"))


class FeatureSetSpec(Spec):
    """What a FeatureSet is made of, and when its values are known and valid."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.ttl) || !has(self.publishDelay) || duration(self.publishDelay) <= duration(self.ttl)",
                "spec.publishDelay is longer than spec.ttl: every value would be stale before it is known; raise ttl.",
            ),
            ("!(self.timestamp in self.entities)", "spec.entities names the timestamp; name the columns that say what a row is about, such as an airport."),
        )
    )
    entities: list[Column] = Field(
        min_length=1, max_length=8, description="Columns that say what a row is about; Datasets are joined by columns of the same names." + YAML_BOOLEAN,
        json_schema_extra=ATOMIC,
    )  # fmt: skip
    timestamp: Column = Field(description="Column with each row's event time." + YAML_BOOLEAN)
    created: Column | None = Field(
        None, description="Column with the time at which a row was written: of several rows of one event time, the latest counts." + YAML_BOOLEAN
    )
    publish_delay: str = Field(
        "0s", pattern=SIGNED, max_length=32, description="How long after its event time a value is really known: `1h`.",
        json_schema_extra=_not_negative("publishDelay", "a value cannot be known before its event: write 0s or more."),
    )  # fmt: skip
    ttl: str | None = Field(
        None, pattern=SIGNED, max_length=32, description="How long after its event time a value is valid: `72h`. Absent: for ever.",
        json_schema_extra=_not_negative("ttl", "write how long a value stays valid, such as 72h, or leave it out: for ever."),
    )  # fmt: skip
    max_age: Duration | None = Field(None, description="How old the newest event time may become before the condition Fresh is False. Absent: not watched.")
    source: Source = Field(description="The rows that features are made of.")
    transform: Transform | None = Field(None, description="How features are made of the source's rows; absent: they are there already.")
    columns: list[FeatureColumn] = Field(
        default_factory=list, alias="schema", max_length=256, description="What columns must be; rows that break it make no version.", json_schema_extra=ATOMIC
    )
    refresh: Refresh | None = Field(None, description="When to look for new data; absent: on a change of the spec and on request.")
    active_version: int | None = Field(None, ge=1, description="Version that new Dataset versions use; absent: the latest.")
    retain: Retain = Field(default_factory=Retain, description="How many versions are kept.")
    template: PodTemplate | None = Field(None, description="Overrides for the pods of this FeatureSet's Jobs.")


class FeatureSetVersion(Status):
    """One version, as people see it; its manifest in the object store is the truth."""

    version: int
    """Its number, counted from 1."""
    digest: str
    """sha256 of what went into it: source objects, transform and its code, and everything in the spec that changes the data."""
    manifest_digest: str
    """sha256 of its manifest.json."""
    uri: str
    """Folder in the object store."""
    definition_digest: str = ""
    """sha256 of the part of it that the spec says: transform, code, keys, times, schema."""
    source_digest: str = ""
    """sha256 of the list of source objects."""
    rows: int = 0
    """How many rows it has."""
    latest_event_at: datetime | None = None
    """Its newest event time."""
    created_at: datetime
    """When it was made."""


class FeatureSetStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, SchemaValid, Fresh, and where it applies Reconciling (work goes on) and Stalled (a person must act)."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    latest_version: int | None = None
    """Newest version."""
    active_version: int | None = None
    """Version that new Dataset versions use."""
    versions: list[FeatureSetVersion] = Field(default_factory=list, max_length=20)
    """The newest versions, at most 20."""
    check: Check | None = None
    """The last look at the source."""
    last_checked_at: datetime | None = None
    """When the source was last looked at with success."""
    consumers: list[str] = Field(default_factory=list, max_length=32)
    """Datasets that cite it, at most 32."""
    last_handled_request: str = ""
    """The last value of the annotation trimtab.dev/run-requested whose work was begun."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Version", "type": "integer", "jsonPath": ".status.activeVersion"},
    {"name": "Fresh", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Fresh')].status"},
]
