"""Where a run happened: image, libraries, host. Recorded, never part of a key: an upgrade must retrain nothing."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from trimtab.jobs.context import Context

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "skl2onnx", "onnx", "onnxruntime", "skops", "pyarrow")


def libraries() -> dict[str, str]:
    """Versions of what has a part in a model, and the Python below."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def surroundings(context: Context) -> dict[str, Any]:
    return {
        "image": context.image,
        "pod": context.pod.name,
        "node": context.pod.node,
        "host": platform.node(),
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "libraries": libraries(),
        "cpu_model": _cpu_model(),
        "cpus": psutil.cpu_count() or 0,
        "memory_bytes": int(psutil.virtual_memory().total),
        "gpus": [each.name for each in sorted(Path("/dev").glob("nvidia[0-9]*"))],
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
