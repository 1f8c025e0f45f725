"""Trimtab: features, data, training, registry, serving, monitoring and retraining as Kubernetes resources.

`from trimtab import Dataset, TrainingJob` gives the kinds as Python objects; `trimtab.model("flights").predict(frame)` asks a served model,
`trimtab.features("weather").at(frame, "time")` joins features as they were known, `with trimtab.run("by-hand") as run:` records a training.
They are imported when they are asked for: the
operator, the worker and the server start without them.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

__all__ = ["Dataset", "Deployment", "DriftMonitor", "FeatureSet", "ModelVersion", "TrainingJob", "__version__", "features", "model", "run"]

_HOMES = {"features": "trimtab.cli.frames", "model": "trimtab.cli.frames", "run": "trimtab.cli.noted"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "trimtab.cli.objects")), name)
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
