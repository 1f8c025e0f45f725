"""Dataset (dset): a versioned, split, validated and profiled training set."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ATOMIC, Column, Condition, Name, PodTemplate, Refresh, Retain, Spec, Status, rules

Task = Literal["classification", "regression"]

YAML_BOOLEAN = " A column called y, n, yes, no, on or off must be quoted in YAML: unquoted, YAML reads it as a boolean."


MOST_FEATURE_SETS = 8
"""Their versions must fit a termination message beside everything else."""


Uri = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", max_length=1024)]
FILES = "Files in the object store: `s3://bucket/prefix/`, one file, or a pattern such as `s3://bucket/prefix/*.csv`."
FORMAT = "csv or parquet; absent: from the suffix of the files."


class Source(Spec):
    """Files whose rows are read."""

    uri: Uri = Field(description=FILES)
    format: Literal["csv", "parquet"] | None = Field(None, description=FORMAT)

    @property
    def said(self) -> str:
        """What it is called in a sentence."""
        return self.uri


class DatasetSource(Spec):
    """Files, or what a Deployment was asked with the labels that came for it, or both."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.uri) || has(self.predictions)", "spec.source: give `uri`, `predictions` or both."),
            ("has(self.uri) || !has(self.format)", "spec.source: `format` is that of the files under `uri`; leave it out, or give `uri`."),
        )
    )
    uri: Uri | None = Field(None, description=FILES)
    format: Literal["csv", "parquet"] | None = Field(None, description=FORMAT)
    predictions: Name | None = Field(
        None,
        description="Deployment of this namespace whose logged requests are rows to learn from: inputs and context under their own names, `timestamp` is when "
        "each was asked (its event_time, where one was sent), `label` is the label that was sent for it later, missing until then. Together with `uri`, rows "
        "are united by the names of columns; of two with one `id` the file's counts. Columns of `features` are joined, not taken from the log. New "
        "predictions and labels are taken up on schedule and on request.",
    )

    @property
    def files(self) -> Source | None:
        return Source(uri=self.uri, format=self.format) if self.uri else None

    @property
    def said(self) -> str:
        """What it is called in a sentence."""
        return " and ".join([*([self.uri] if self.uri else []), *([f"the predictions of Deployment {self.predictions}"] if self.predictions else [])])


class Split(Spec):
    """How rows become train, validation and test."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.train + self.validation + self.test == 100", "spec.split: train, validation and test must add up to 100, for example 70, 15 and 15."),
            (
                "!has(self.method) || self.method != 'group' || has(self.column)",
                "spec.split: method `group` needs `column`, the column whose values stay together.",
            ),
            (
                "!has(self.column) || (has(self.method) && self.method == 'group')",
                "spec.split: `column` belongs to method `group`; write `method: group`, or leave `column` out.",
            ),
        )
    )
    method: Literal["time", "stratified", "random", "group"] | None = Field(
        None,
        description="time: the oldest rows train, the newest test. stratified: the label's shares are kept. random. group: rows with one value of `column` stay together. "
        "Absent: time where `timestamp` is set, else stratified for classification and random for regression.",
    )
    column: Column | None = Field(None, description="Column whose values stay together (method group)." + YAML_BOOLEAN)
    train: int = Field(70, ge=1, le=98, description="Percent of rows to train on.")
    validation: int = Field(15, ge=1, le=98, description="Percent of rows for early stopping and tuning; folded into train where neither is used.")
    test: int = Field(15, ge=1, le=98, description="Percent of rows to judge the model on; never seen in training.")
    seed: int = Field(0, ge=0, le=4294967295, description="Seed of the split: the same seed and data give the same split.")


class RowCount(Spec):
    """Bounds on the number of rows."""

    min: int = Field(ge=1, description="Fewest rows that are acceptable.")


class Rule(Spec):
    """One validation rule. Give `column` with bounds, or `rows`, or `sql` with `expect`."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.column) ? 1 : 0) + (has(self.rows) ? 1 : 0) + (has(self.sql) ? 1 : 0) == 1",
                "a validation rule has exactly one of `column`, `rows` and `sql`.",
            ),
            (
                "(has(self.min) || has(self.max) || has(self.allowed) || has(self.unique) || has(self.nullable)) == has(self.column)",
                "a validation rule with `column` needs `min`, `max`, `allowed`, `unique` or `nullable`, and only such a rule has them.",
            ),
            ("has(self.sql) == has(self.expect)", "a validation rule with `sql` needs `expect`, and only such a rule has it."),
        )
    )
    name: str = Field(description="Name of the rule, shown when it is broken.", min_length=1, max_length=63)
    column: Column | None = Field(None, description="Column the rule is about." + YAML_BOOLEAN)
    min: float | None = Field(None, description="Smallest allowed value.")
    max: float | None = Field(None, description="Largest allowed value.")
    allowed: list[str] | None = Field(None, description="Allowed values, written as strings.", max_length=256, json_schema_extra=ATOMIC)
    unique: bool | None = Field(None, description="True: no value may appear twice.")
    nullable: bool | None = Field(None, description="False: no value may be missing.")
    rows: RowCount | None = Field(None, description="Bounds on the number of rows.")
    sql: str | None = Field(None, description="A query over the table `data` that returns one value.", max_length=4096)
    expect: str | None = Field(None, description="The value that `sql` must return, written as a string.", max_length=256)


class Features(Spec):
    """Columns of one FeatureSet, joined as they were known at each row's time."""

    feature_set: Name = Field(description="FeatureSet of this namespace; the rows must have columns of the names of its `entities`.")
    version: int | None = Field(None, ge=1, description="Its version; absent: the active one at the time of the look.")
    columns: list[Column] | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="Columns to join; absent: all that are neither keys nor times." + YAML_BOOLEAN,
        json_schema_extra=ATOMIC,
    )


class DatasetSpec(Spec):
    """What a Dataset is made of."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!has(self.exclude) || !(self.label in self.exclude)", "spec.exclude names the label; a label that is left out cannot be learned."),
            (
                "!has(self.split) || !has(self.split.method) || self.split.method != 'time' || has(self.timestamp)",
                "spec.split: method `time` needs spec.timestamp, the column with each row's time.",
            ),
            (
                "!has(self.features) || size(self.features) == 0 || has(self.timestamp)",
                "spec.features needs spec.timestamp: what was known at a row's time cannot be told without it.",
            ),
            (
                "!has(self.features) || self.features.all(f, self.features.exists_one(g, g.featureSet == f.featureSet))",
                "spec.features names a FeatureSet twice; name it once, with all the columns.",
            ),
        )
    )
    source: DatasetSource = Field(description="The rows to learn from.")
    label: Column = Field(description="Column to predict. A row whose label is missing is kept out of training and counted." + YAML_BOOLEAN)
    timestamp: Column | None = Field(
        None, description="Column with the time at which a row's prediction is due; makes the split by time and the profile by day." + YAML_BOOLEAN
    )
    id: Column | None = Field(None, description="Column that names a row; never a model input." + YAML_BOOLEAN)
    task: Literal["classification", "regression"] | None = Field(
        None, description="Absent: classification where the label is text, boolean or has at most 20 different whole numbers; else regression."
    )
    features: list[Features] = Field(
        default_factory=list,
        max_length=MOST_FEATURE_SETS,
        description="FeatureSets whose columns are joined to the rows, each value as it was known at the row's time. A new version of one makes no version "
        "here; the next look that finds new rows, a changed spec or a request takes it up.",
        json_schema_extra=ATOMIC,
    )
    exclude: list[Column] = Field(
        default_factory=list,
        max_length=256,
        description="Columns that must not be model inputs, such as those known only after the label." + YAML_BOOLEAN,
        json_schema_extra=ATOMIC,
    )
    split: Split = Field(default_factory=Split, description="How rows become train, validation and test.")
    validation: list[Rule] = Field(
        default_factory=list, max_length=64, description="Rules the data must keep; broken ones make no version.", json_schema_extra=ATOMIC
    )
    refresh: Refresh | None = Field(None, description="When to look for new data; absent: on a change of the spec and on request.")
    active_version: int | None = Field(None, ge=1, description="Version that new runs use; absent: the latest.")
    retain: Retain = Field(default_factory=Retain, description="How many versions are kept.")
    template: PodTemplate | None = Field(None, description="Overrides for the pods of this Dataset's Jobs.")


class RowsBySplit(Status):
    """Rows of a version."""

    train: int = 0
    """Rows to train on."""
    validation: int = 0
    """Rows for early stopping and tuning."""
    test: int = 0
    """Rows that judge the model."""
    unlabelled: int = 0
    """Rows left out because their label is missing."""


class Join(Status):
    """How the join of features went."""

    rows_in: int
    """Rows of the source."""
    rows_out: int
    """Rows after the join: as many."""
    null_percent: str
    """Rows for which at least one FeatureSet had no value, in percent."""
    stale_percent: str
    """Rows for which the newest value of at least one FeatureSet was older than its ttl, in percent; part of the former."""


class FeatureVersion(Status):
    """One version of a FeatureSet that went into a version."""

    name: str
    """FeatureSet."""
    version: int
    """Its version."""
    digest: str
    """Digest of that version."""


class DatasetVersion(Status):
    """One version, as people see it; its manifest in the object store is the truth."""

    version: int
    """Its number, counted from 1."""
    digest: str
    """sha256 of what went into it: source objects, and everything in the spec that changes the data."""
    manifest_digest: str
    """sha256 of its manifest.json."""
    uri: str
    """Folder in the object store."""
    rows: RowsBySplit = Field(default_factory=RowsBySplit)
    """How many rows each split has."""
    join: Join | None = None
    """How the join of features went."""
    feature_versions: list[FeatureVersion] = Field(default_factory=list, max_length=MOST_FEATURE_SETS)
    """Versions of FeatureSets that went into it."""
    remark: str | None = Field(None, max_length=1024)
    """What is strange about its labels, in a sentence with an example; absent: nothing."""
    created_at: datetime
    """When it was made."""


class Check(Status):
    """The last look at the source: what was asked for and what came of it."""

    definition_digest: str = ""
    """sha256 of the part of the spec that was looked at."""
    request: str = ""
    """The request that asked for it, or empty."""
    started_at: datetime | None = None
    """When it began."""
    finished_at: datetime | None = None
    """When it ended."""
    attempt: int = 1
    """How many Jobs it took so far."""
    job: str = ""
    """Job that does or did it."""
    key: str = ""
    """What was asked for, as a digest: the names of its Jobs begin with it."""
    outcome: Literal["Running", "Created", "Unchanged", "Failed"] = "Running"
    """Running; Created a version; Unchanged; or Failed."""
    reason: str = ""
    """Why, in a word."""
    message: str = ""
    """Why, in a sentence."""
    named: list[int] = Field(default_factory=list, max_length=8)
    """Numbers of versions that were named and not listed when it began, and were asked for too."""


class DatasetStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, and where it applies Reconciling (work goes on) and Stalled (a person must act)."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    task: Task | None = None
    """What the label makes of it: classification or regression."""
    latest_version: int | None = None
    """Newest version."""
    active_version: int | None = None
    """Version that new runs use."""
    versions: list[DatasetVersion] = Field(default_factory=list, max_length=20)
    """The newest versions, at most 20."""
    check: Check | None = None
    """The last look at the source."""
    last_handled_request: str = ""
    """The last value of the annotation trimtab.dev/run-requested whose work was begun."""
    answered_requests: list[str] = Field(default_factory=list, max_length=20)
    """What TrainingJobs that learn from here are asked for now, and a look was begun for: at most 20."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Version", "type": "integer", "jsonPath": ".status.activeVersion"},
    {"name": "Task", "type": "string", "jsonPath": ".status.task"},
]
