"""The fast part of the tests: style, types, import contracts, generated files, and every test that takes milliseconds and needs no server.

Each check says how long it took; what it printed is shown only where it failed. Types and tests run side by side. What the
checkers remember lies outside the tree, so that a fresh clone is as fast as an old one.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PY = sys.executable
FOLDERS = [folder for folder in ("operator", "serving", "dev", "tests", "examples") if (ROOT / folder).exists()]
FAST_TESTS = [f"tests/{name}" for name in ("unit", "contract", "chart") if (ROOT / "tests" / name).exists()]

QUICK = {
    "style": [PY, "-m", "ruff", "check", "--quiet", *FOLDERS],
    "format": [PY, "-m", "ruff", "format", "--check", "--quiet", *FOLDERS],
    "import contracts": [PY, "-c", "import sys; from importlinter.cli import lint_imports_command as run; sys.argv = ['lint-imports', '--no-logo']; run()"],
    "generated files": [PY, "dev/generate.py", "--check"],
}
LONG = {
    "types": [PY, "-m", "mypy"],
    "tests": [PY, "-m", "pytest", "-n", "2", "--durations=10", *FAST_TESTS],
}
CACHE = Path(os.environ.get("TRIMTAB_CACHE") or Path.home() / ".cache" / "trimtab")
ENVIRONMENT = {**os.environ, "MYPY_CACHE_DIR": str(CACHE / "mypy"), "RUFF_CACHE_DIR": str(CACHE / "ruff")}


def shadowing() -> str:
    """One empty `operator/__init__.py` would replace the standard library's `operator` for every `python -m` at the root."""
    return "operator/__init__.py must not exist: it shadows the standard library's operator." if (ROOT / "operator" / "__init__.py").exists() else ""


def run(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"   {'ok  ' if done.returncode == 0 else 'FAIL'} {name} ({time.monotonic() - began:.0f} s)", flush=True)
    if done.returncode != 0 or name == "tests":
        print(done.stdout, flush=True)
    return done.returncode == 0


def main() -> int:
    print("== check", flush=True)
    if objection := shadowing():
        print(objection)
        return 1
    passed = [run(name, command) for name, command in QUICK.items()]
    with ThreadPoolExecutor(len(LONG)) as pool:
        passed += pool.map(run, LONG.keys(), LONG.values())
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
