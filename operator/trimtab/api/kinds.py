"""The list of kinds: the one place where a kind's names, models and columns come together."""

from dataclasses import dataclass
from typing import Any

from trimtab.api import dataset, deployment, driftmonitor, featureset, modelversion, trainingjob
from trimtab.api.base import API_VERSION, GROUP, VERSION, Spec, Status


@dataclass(frozen=True)
class Kind:
    """Names and models of one kind of resource."""

    kind: str
    plural: str
    singular: str
    short: str
    spec: type[Spec]
    status: type[Status]
    columns: list[dict[str, Any]]
    description: str
    group: str = GROUP
    version: str = VERSION
    scale: bool = False
    selectable: tuple[str, ...] = ()
    name_rule: tuple[str, str] | None = None

    @property
    def api_version(self) -> str:
        return API_VERSION


FEATURE_SET = Kind(
    "FeatureSet",
    "featuresets",
    "featureset",
    "fset",
    featureset.FeatureSetSpec,
    featureset.FeatureSetStatus,
    featureset.COLUMNS,
    "Features that are computed once, versioned, and joined to Datasets as they were known at each row's time.",
)
DATASET = Kind(
    "Dataset",
    "datasets",
    "dataset",
    "dset",
    dataset.DatasetSpec,
    dataset.DatasetStatus,
    dataset.COLUMNS,
    "A versioned, split, validated and profiled training set.",
)
TRAINING_JOB = Kind(
    "TrainingJob",
    "trainingjobs",
    "trainingjob",
    "tj",
    trainingjob.TrainingJobSpec,
    trainingjob.TrainingJobStatus,
    trainingjob.COLUMNS,
    "A recipe for a model; each run of it is recorded.",
    name_rule=(
        f"has(self.spec.model) || size(self.metadata.name) <= {trainingjob.MAX_MODEL_NAME}",
        f"metadata.name is also the model's name and has at most {trainingjob.MAX_MODEL_NAME} characters; shorten it, or set spec.model.",
    ),
)
MODEL_VERSION = Kind(
    "ModelVersion", "modelversions", "modelversion", "mv", modelversion.ModelVersionSpec, modelversion.ModelVersionStatus, modelversion.COLUMNS,
    "The registry: an immutable pointer to one model.",
    selectable=(".spec.model",),
    name_rule=(
        "self.metadata.name.startsWith(self.spec.model + '-v') && self.metadata.name.matches('-v[1-9][0-9]*$') && int(self.metadata.name.substring(size(self.spec.model) + 2)) == self.spec.version",
        "metadata.name of a ModelVersion must be <spec.model>-v<spec.version>, for example flights-v7.",
    ),
)  # fmt: skip
DEPLOYMENT = Kind(
    "Deployment", "modeldeployments", "modeldeployment", "mdep", deployment.DeploymentSpec, deployment.DeploymentStatus, deployment.COLUMNS,
    "Serves a model over the Open Inference Protocol.",
    scale=True,
    name_rule=("self.metadata.name.matches('^[a-z]')", "metadata.name of a Deployment becomes a Service's name and must begin with a letter."),
)  # fmt: skip
DRIFT_MONITOR = Kind(
    "DriftMonitor", "driftmonitors", "driftmonitor", "dm", driftmonitor.DriftMonitorSpec, driftmonitor.DriftMonitorStatus, driftmonitor.COLUMNS,
    "Watches what a Deployment is asked and how well it answers, and says when a new model is wanted.",
)  # fmt: skip

KINDS = (FEATURE_SET, DATASET, TRAINING_JOB, MODEL_VERSION, DEPLOYMENT, DRIFT_MONITOR)
BY_KIND = {kind.kind: kind for kind in KINDS}
