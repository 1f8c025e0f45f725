"""A person's code from a ConfigMap: read, checked, found, called; and what it raises told with the line it happened on.

The code that runs is the code the work was started for, byte by byte, or it does not run. What it raises is the person's
fault; the whole traceback goes into the pod's log.
"""

import hashlib
import traceback
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.api.documents import CODE_PATH
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.jobs.errors import TryAgain, UserFault

MODULE = "mounted_code"


@dataclass(frozen=True)
class Mounted:
    """Which function of which file; `field` of the spec names it, and `reason` is what its failure is called."""

    config_map: ConfigMapKey
    function: str
    field: str
    reason: Reason

    @property
    def key(self) -> str:
        return self.config_map.key


def read_code(config_map: ConfigMapKey, expected: str, folder: Path = Path(CODE_PATH)) -> str:
    """The mounted source. Another digest than the work was started for: the kubelet mounted a newer ConfigMap; try again."""
    try:
        source = (folder / config_map.key).read_bytes()
    except OSError as error:
        raise TryAgain(Reason.CODE_CHANGED, f"{Reason.CODE_CHANGED.sentence} ({config_map.key}: {error.strerror})") from error
    if hashlib.sha256(source).hexdigest() != expected:
        raise TryAgain(Reason.CODE_CHANGED, Reason.CODE_CHANGED.sentence)
    return source.decode()


def function(code: Mounted, source: str) -> Callable[[Any], Any]:
    """The function, with what it raises told as the person's fault."""
    module = types.ModuleType(MODULE)
    _told(code, lambda: exec(compile(source, code.key, "exec"), module.__dict__))  # noqa: S102 (running it is what was asked)
    found = getattr(module, code.function, None)
    if not callable(found):
        named = [name for name, value in vars(module).items() if isinstance(value, types.FunctionType) and value.__module__ == MODULE]
        raise UserFault(code.reason, f"{code.field}.function: {code.key} has no function {code.function}; it has {', '.join(named) or 'none'}.")
    return lambda given: _told(code, lambda: found(given))


def _told(code: Mounted, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except MemoryError:
        raise  # told with limit and peak, as for everybody
    except Exception as error:
        traceback.print_exc()
        raise UserFault(code.reason, f"{code.field}: {_where(code.key, error)}{type(error).__name__}: {error}") from error
    except SystemExit as error:
        raise UserFault(code.reason, f"{code.field}: the code called exit({error.code}); return its result instead.") from error


def _where(key: str, error: Exception) -> str:
    """The last line of the person's own file that was on the way to the error."""
    if isinstance(error, SyntaxError):
        return f"{key}, line {error.lineno}: "
    frames: Sequence[traceback.FrameSummary] = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == key]
    return f"{key}, line {frames[-1].lineno}, in {frames[-1].name}: " if frames else f"{key}: "
