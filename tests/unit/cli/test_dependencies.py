"""What `pip install trimtab` brings along: the pins of the lock that its base dependencies reach."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires

from support.control_plane import REPOSITORY

BIG = {"pandas", "numpy", "scipy", "scikit-learn", "pyarrow", "boto3", "onnxruntime", "kopf", "kubernetes"}


def asked(name: str, seen: set[str]) -> set[str]:
    """The names a distribution of this environment asks for, and on, without extras."""
    if name in seen:
        return seen
    try:
        found = requires(name) or []
    except PackageNotFoundError:
        return seen  # for another platform
    seen.add(name)
    for requirement in found:
        if "extra ==" not in requirement:
            asked(re.split(r"[\[<>=!~ ;(]", requirement, maxsplit=1)[0].lower().replace("_", "-"), seen)
    return seen


def base() -> list[str]:
    return list(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"])


def test_the_base_is_small():
    packages: set[str] = set()
    for requirement in base():
        asked(re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0], packages)
    assert not packages & BIG
    assert len(packages) <= 30, sorted(packages)


def test_the_base_is_pinned_by_the_lock():
    lock = (REPOSITORY / "requirements.lock").read_text()
    for requirement in base():
        name = re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), name
