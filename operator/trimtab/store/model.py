"""What lies in a model's folder beside the model itself: its signature, its golden examples, and what it may contain.

Training writes these, serving reads them. How a request becomes columns is the server's business; where the files
lie is `layout`'s.
"""

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SIGNATURE_FILE = "signature.json"
GOLDEN_FILE = "golden.json"
PROFILE_FILE = "profile.json"

MISSING = "__missing__"
"""What a missing categorical or boolean value is called on its way into a model; a number that is missing is NaN."""

SKOPS_TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
)
"""Types a skops file may contain beyond those that skops trusts by itself: parts of scikit-learn's own classifiers,
regressors and transformers, found by dumping every one of them. The list is ours, never the file's.
A partial is as harmless as the function in it, which must be trusted on its own; boosting with native categories has one."""

Format = Literal["onnx", "skops"]
Datatype = Literal["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Input(_Part):
    """One tensor that a request carries: usually one column; a model that was brought may take many columns in one."""

    name: str
    datatype: Datatype
    optional: bool = False
    categories: list[str] | None = None
    shape: list[int] = [-1, 1]


class Output(_Part):
    """One tensor that an answer carries. `classes` are in the order of the columns of a probability."""

    name: str
    datatype: Datatype
    shape: list[int] = [-1]
    classes: list[str | int | float] | None = None


class Signature(_Part):
    """What a model takes and gives. Context columns are accepted and logged, never fed to the model."""

    inputs: list[Input] = Field(min_length=1)
    context: list[str] = []
    outputs: list[Output] = Field(min_length=1)
    task: Literal["classification", "regression"] | None = None

    def digest(self) -> str:
        """sha256 of the signature without the words shown as examples: equal digests mean that clients need not change anything."""
        shown = {"inputs": {"__all__": {"categories"}}}
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True, exclude=shown).encode()).hexdigest()


class Golden(_Part):
    """Examples with the answers that training got: they must come out again wherever the model is loaded."""

    inputs: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    tolerance: float = 1e-5

    @property
    def rows(self) -> int:
        return len(next(iter(self.inputs.values()), []))
