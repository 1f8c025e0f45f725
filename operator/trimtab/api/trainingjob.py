"""TrainingJob (tj): a recipe; each run of it is recorded so that it can be done again."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ANYTHING, ATOMIC, Column, Condition, Name, PodTemplate, Spec, Status, rules
from trimtab.api.dataset import YAML_BOOLEAN

MAX_MODEL_NAME = 44
"""A version is named `<model>-v<number>` and must itself fit in a name of 52 characters."""

SplitName = Literal["train", "validation", "test"]
_TRAIN_AND_TEST: tuple[SplitName, SplitName] = ("train", "test")

ImportPath = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"


class ConfigMapKey(Spec):
    name: str = Field(description="Name of the ConfigMap.", min_length=1, max_length=253)
    key: str = Field(description="Key within it.", min_length=1, max_length=253)


class PythonTrainer(Spec):
    """Training code of your own: a function that takes a context and returns a fitted estimator."""

    config_map: ConfigMapKey = Field(description="ConfigMap and key that hold the Python source.")
    function: str = Field("train", description="Function to call with the context.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)


class Step(Spec):
    """One step of a pipeline."""

    estimator: str = Field(description="Import path of a scikit-learn transformer or estimator.", pattern=ImportPath, max_length=253)
    parameters: dict[str, Any] = Field(default_factory=dict, description="Its constructor's parameters.", json_schema_extra=ANYTHING)
    columns: list[Column] | None = Field(
        None,
        max_length=1000,
        description="Input columns the step works on, or one of the words `numeric` and `categorical`; steps with equal columns follow each other. Absent: all that came out of the steps before."
        + YAML_BOOLEAN,
        json_schema_extra=ATOMIC,
    )


class EarlyStopping(Spec):
    patience: int = Field(
        10,
        ge=1,
        le=10000,
        description="Stop after this many iterations without a better score on the validation split; the best iteration is what is registered.",
    )


class Trainer(Spec):
    """How the model is fitted. Absent: the simple model, logistic or ridge regression on preprocessed columns."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.estimator) ? 1 : 0) + (has(self.pipeline) ? 1 : 0) + (has(self.python) ? 1 : 0) == 1",
                "spec.trainer: give exactly one of `estimator`, `pipeline` and `python`; leave spec.trainer out for the simple model.",
            ),
            ("!has(self.parameters) || has(self.estimator)", "spec.trainer.parameters belong to `estimator`; in a pipeline each step has its own."),
            (
                "!has(self.earlyStopping) || has(self.estimator)",
                "spec.trainer.earlyStopping works with `estimator`; in python code, use context.checkpoint(estimator, score).",
            ),
        )
    )
    estimator: str | None = Field(
        None, description="Import path of a scikit-learn estimator; columns are preprocessed by their type.", pattern=ImportPath, max_length=253
    )
    parameters: dict[str, Any] | None = Field(None, description="The estimator's constructor parameters.", json_schema_extra=ANYTHING)
    pipeline: list[Step] | None = Field(
        None, description="Steps spelled out; the last is the estimator.", min_length=1, max_length=32, json_schema_extra=ATOMIC
    )
    python: PythonTrainer | None = Field(None, description="Training code of your own in a ConfigMap.")
    early_stopping: EarlyStopping | None = Field(
        None, description="For estimators that fit in iterations. Absent: all iterations are fitted and validation rows are trained on too."
    )


class Slice(Spec):
    column: Column = Field(description="Column that makes the slices." + YAML_BOOLEAN)
    value: str | None = Field(None, description="One value, written as a string; absent: every value with at least 100 test rows.", max_length=128)


class NotWorseThan(Spec):
    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.deployment) != has(self.simpleModel)", "notWorseThan: give either `deployment` or `simpleModel: true`."),
            ("!has(self.simpleModel) || self.simpleModel", "notWorseThan: `simpleModel: false` compares with nothing; leave notWorseThan out."),
        )
    )
    deployment: Name | None = Field(None, description="Deployment whose stable version is the yardstick.")
    simple_model: bool | None = Field(None, description="True: the simple model trained on the same rows is the yardstick.")
    tolerance: float = Field(0.0, ge=0, description="How much worse is still acceptable, in the metric's unit.")


class MaxGap(Spec):
    model_config = ConfigDict(
        json_schema_extra=rules(("!has(self.between) || self.between[0] != self.between[1]", "maxGap.between: name two different splits."))
    )
    metric: str = Field(description="Metric to compare.", max_length=63)
    between: list[SplitName] = Field(
        default_factory=lambda: list(_TRAIN_AND_TEST), min_length=2, max_length=2, description="The two splits.", json_schema_extra=ATOMIC
    )
    value: float = Field(ge=0, description="Largest allowed difference, in the metric's unit.")


class Gate(Spec):
    """A regression test of the model. A gate named `skill`, `simple-model` or `served` replaces the default of that name."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.metric) != has(self.maxGap)",
                "a gate has either `metric` (with min, max or notWorseThan) or `maxGap`.",
            ),
            ("!has(self.metric) || has(self.min) || has(self.max) || has(self.notWorseThan)", "a gate with `metric` needs `min`, `max` or `notWorseThan`."),
            (
                "!has(self.maxGap) || !(has(self.min) || has(self.max) || has(self.slice) || has(self.notWorseThan))",
                "a gate with `maxGap` has no `min`, `max`, `slice` or `notWorseThan`; make two gates.",
            ),
            (
                "!has(self.notWorseThan) || !has(self.slice) || has(self.slice.value)",
                "a gate with `notWorseThan` compares on one slice: give `slice.value`, or make a gate for each value.",
            ),
        )
    )
    name: str = Field(description="Name of the gate, shown when it fails.", min_length=1, max_length=63)
    metric: str | None = Field(None, description="Metric on the test split: skill, roc_auc, log_loss, accuracy, brier, f1, r2, rmse, mae ...", max_length=63)
    min: float | None = Field(None, description="Smallest acceptable value.")
    max: float | None = Field(None, description="Largest acceptable value.")
    slice: Slice | None = Field(None, description="Judge on these rows only.")
    not_worse_than: NotWorseThan | None = Field(None, description="Compare with another model on the same rows.")
    max_gap: MaxGap | None = Field(None, description="Bound the difference between two splits (overfitting).")


class Evaluation(Spec):
    metrics: list[str] = Field(
        default_factory=list, max_length=16, description="Metrics to compute beside the standard ones of the task.", json_schema_extra=ATOMIC
    )
    slices: list[Column] = Field(
        default_factory=list,
        max_length=16,
        description="Columns by whose values metrics are broken down (at most 50 values each)." + YAML_BOOLEAN,
        json_schema_extra=ATOMIC,
    )
    gates: list[Gate] = Field(
        default_factory=list,
        max_length=32,
        description="Tests the model must pass beside the default ones: skill above 0 (lower bound), not worse than the simple model, not worse than what is served.",
        json_schema_extra=ATOMIC,
    )


class RunPolicy(Spec):
    on_new_data: bool = Field(
        False, description="True: a new active version of the Dataset begins a run by itself. False: new data wait for a changed recipe or a request."
    )
    max_automatic_runs_per_day: int = Field(
        3,
        ge=0,
        le=20,
        description="Runs within 24 hours that incidents and new data may begin; further ones wait. Runs for a change or a request by a person are not counted.",
    )
    concurrency: Literal["Finish", "Replace"] = Field("Finish", description="A new run while one is going: Finish waits for it, Replace stops it.")
    active_deadline_seconds: int = Field(3600, ge=10, le=604800, description="Longest time one run may take, in seconds.")
    backoff_limit: int = Field(2, ge=0, le=10, description="How often a failed pod is tried again.")
    history_limit: int = Field(5, ge=1, le=20, description="How many finished Jobs are kept.")
    suspend: bool = Field(False, description="True: no new run starts, and a running one is stopped.")


class TrainingJobSpec(Spec):
    """The recipe. Changing it, or asking for a run, makes a new run; description, owner, objective, runPolicy, queueName and template are not part of it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!(has(self.datasetVersion) && has(self.runPolicy) && has(self.runPolicy.onNewData) && self.runPolicy.onNewData)",
                "spec.runPolicy.onNewData: a pinned datasetVersion never gets new data; leave out one of the two.",
            )
        )
    )
    dataset: Name = Field(description="Dataset to learn from, in this namespace.")
    dataset_version: int | None = Field(
        None, ge=1, description="Pins a version; absent: the version that is active when the recipe changes or a run is asked for."
    )
    model: str | None = Field(
        None,
        description="Name of the model; absent: this TrainingJob's own name.",
        min_length=1,
        max_length=MAX_MODEL_NAME,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    )
    description: str | None = Field(None, description="What the model is for.", max_length=1024)
    owner: str | None = Field(None, description="Who answers for it.", max_length=253)
    objective: str | None = Field(None, description="What it shall achieve, in words.", max_length=1024)
    trainer: Trainer | None = Field(None, description="How the model is fitted; absent: the simple model.")
    seed: int = Field(0, ge=0, le=4294967295, description="Random state of everything random in a run.")
    evaluation: Evaluation = Field(default_factory=Evaluation, description="Metrics, slices and gates.")
    run_policy: RunPolicy = Field(default_factory=RunPolicy, description="How runs are started, limited and kept.")
    queue_name: str | None = Field(None, description="Kueue queue that admits the Jobs.", max_length=253)
    template: PodTemplate | None = Field(None, description="Overrides for the pods of the runs.")


class Progress(Status):
    """How far the run has come."""

    percent: int = 0
    """How much of the run is done, in percent."""
    message: str = ""
    """What it is doing."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """Metrics so far, at most 8."""
    peak_memory: str | None = None
    """Most memory that the training process had held when this was read; told with the limit where it runs out of memory."""
    at: datetime | None = None
    """When this was read."""


RunOutcome = Literal["Pending", "Running", "Registered", "Rejected", "Unchanged", "Failed", "Superseded"]
Cause = Literal["Change", "Request", "Incident", "NewData"]


class Run(Status):
    """One run of the recipe."""

    key: str
    """Names the run by what goes into it: recipe, data, code and request. The same key is never trained twice."""
    attempt: int = 1
    """How many Jobs it took so far."""
    job: str = ""
    """Job that does or did it."""
    request: str = ""
    """The request that asked for it, or empty: the value of the annotation, or the id of a DriftMonitor's incident."""
    cause: Cause = "Change"
    """Why it was begun: a Change of recipe or code, a person's Request, an Incident, or NewData."""
    recipe_digest: str = ""
    """sha256 of the recipe."""
    dataset_version: int | None = None
    """Version of the Dataset."""
    dataset_digest: str = ""
    """Digest of that version."""
    started_at: datetime | None = None
    """When it started."""
    finished_at: datetime | None = None
    """When it ended."""
    outcome: RunOutcome = "Pending"
    """Pending, Running, Registered, Rejected (a gate failed), Unchanged (nothing new to learn from: no Job), Failed or Superseded."""
    reason: str = ""
    """Why, in a word."""
    message: str = ""
    """Why, in a sentence."""
    model_version: str = ""
    """ModelVersion that came of it."""
    run_uri: str = Field("", alias="runURI")
    """Folder of the run record in the object store."""


class TrainingJobStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, and where it applies Reconciling (work goes on) and Stalled (a person must act)."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    latest_run: str = ""
    """Key of the newest run."""
    latest_model_version: int | None = None
    """Highest version number given out."""
    model_version: str = ""
    """ModelVersion of the newest run that made one."""
    progress: Progress | None = None
    """How far the running run has come."""
    last_handled_request: str = ""
    """The last value of the annotation trimtab.dev/run-requested whose work was begun."""
    runs: list[Run] = Field(default_factory=list, max_length=20)
    """The newest runs, at most 20."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Model", "type": "string", "jsonPath": ".status.modelVersion"},
    {"name": "Progress", "type": "integer", "jsonPath": ".status.progress.percent"},
]
