"""The termination message: an answer, and before it a note of memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trimtab.api import termination
from trimtab.api.termination import LOG_VARIABLE, keep_a_note_of_memory, leave, memory_limit, memory_peak, noted_peak


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("memory.max", "1048576\n", 1048576),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "2097152", 2097152),
    ],
)
def test_the_limit_is_the_control_groups(tmp_path: Path, file: str, content: str, expected: int | None):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(content)
    assert memory_limit(tmp_path) == expected


def test_the_peak_is_the_kernels_own_or_unknown(tmp_path: Path):
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert memory_peak(status) == 2 << 20
    assert memory_peak(tmp_path / "nothing") == 0
    assert memory_peak() > 1 << 20


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the kubelet makes it: empty, before the container starts."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv(LOG_VARIABLE, str(path))
    return path


def keeping(monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    monkeypatch.setattr(termination, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(termination, "memory_limit", lambda: limit)
    keep_a_note_of_memory()


def settled(log: Path, seconds: float = 5) -> str:
    until = time.monotonic() + seconds
    while not log.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    return log.read_text()


def test_the_peak_is_noted_from_half_of_the_limit_on(log: Path, monkeypatch: pytest.MonkeyPatch):
    keeping(monkeypatch, limit=memory_peak())
    assert noted_peak(settled(log)).endswith("Mi")
    leave("the answer")
    time.sleep(0.05)
    assert log.read_text() == "the answer"


@pytest.mark.parametrize("times", [3, None], ids=["far from the limit", "no limit"])
def test_nothing_is_noted(times: int | None, log: Path, monkeypatch: pytest.MonkeyPatch):
    keeping(monkeypatch, limit=times and times * memory_peak())
    assert settled(log, seconds=0.2) == ""
    leave("")


def test_a_note_makes_no_file_of_its_own(log: Path, monkeypatch: pytest.MonkeyPatch):
    log.unlink()
    keeping(monkeypatch, limit=memory_peak())
    time.sleep(0.1)
    assert not log.exists()
    leave("")


@pytest.mark.parametrize("message", ["", "Killed", "[]", "3", '{"outcome":"Failed"}'])
def test_other_words_are_no_note(message: str):
    assert noted_peak(message) == ""


KILLED = """
from trimtab.api import termination
termination.memory_limit = lambda: 64 << 20
termination.keep_a_note_of_memory()
import os, signal, time
held = bytearray(60 << 20)
while int(termination.noted_peak(open(os.environ[termination.LOG_VARIABLE]).read()).removesuffix("Mi") or 0) < 60:
    time.sleep(0.1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_leaves_its_note(log: Path):
    ended = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": "operator"}, check=False, timeout=60)
    assert ended.returncode == -9
    assert int(noted_peak(log.read_text()).removesuffix("Mi")) >= 60
