"""The list of kinds, and what starting the operator costs."""

import subprocess
import sys

from trimtab.api.kinds import KINDS
from trimtab.controllers.registry import BY_KIND, CONTROLLERS


def test_every_kind_has_its_controller() -> None:
    assert [controller.KIND for controller in CONTROLLERS] == list(KINDS)
    assert len(BY_KIND) == len(KINDS)


def test_the_operator_imports_no_generated_client() -> None:
    code = "import sys, trimtab.__main__; print([name for name in sys.modules if name.split('.')[0] in ('kubernetes', 'numpy', 'pandas', 'boto3')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": "operator"}).stdout.strip() == "[]"
