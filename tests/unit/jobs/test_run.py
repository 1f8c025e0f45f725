"""The worker's shell: one document in, one result out, an exit code that says whose turn it is."""

import json
import os
import re
import signal
import subprocess
import sys
import types
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from trimtab.api.documents import DOCUMENT_VARIABLE, DONE, TRY_AGAIN, USER_FAULT, GcDocument, Result
from trimtab.api.reasons import Reason
from trimtab.api.termination import LOG_BYTES, LOG_VARIABLE
from trimtab.jobs import memory, run
from trimtab.jobs.context import Context
from trimtab.jobs.errors import TryAgain, UserFault
from trimtab.jobs.logs import redact
from trimtab.jobs.progress import Progress
from trimtab.store.errors import BucketMissing, StoreDenied, StoreUnreachable

SECRET = 'very/secret+"quoted"'
ENVIRONMENT = {
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "TRIMTAB_BUCKET": "b",
    "TRIMTAB_METRICS_PORT": "0",
    DOCUMENT_VARIABLE: GcDocument(namespace="team", name="flights", uid="u", keep=[]).model_dump_json(by_alias=True),
}

Verb = Callable[[GcDocument, Context], Result]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, Result]]:
    """Runs the shell around a verb that the test supplies."""

    def run_it(verb: Verb, **extra: str) -> tuple[int, Result]:
        for name, value in (ENVIRONMENT | {LOG_VARIABLE: str(tmp_path / "message")} | extra).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(run, "import_module", lambda _name: types.SimpleNamespace(run=verb))
        code = run.main(os.environ)
        result = Result.decode((tmp_path / "message").read_text())
        assert result
        return code, result

    return run_it


def raising(error: Exception) -> Verb:
    def verb(_document: GcDocument, _context: Context) -> Result:
        raise error

    return verb


def test_a_verb_that_succeeds_ends_with_zero_and_its_own_words(worker: Callable[..., tuple[int, Result]]) -> None:
    code, result = worker(
        lambda document, context: Result(outcome="Succeeded", reason="Ready", message=f"{document.name} {context.layout.prefix}"), POD_NAMESPACE="team"
    )
    assert (code, result.message) == (DONE, "flights team")


def test_a_rejected_version_is_work_well_done(worker: Callable[..., tuple[int, Result]]) -> None:
    assert worker(lambda *_: Result(outcome="Rejected", reason="GatesFailed"))[0] == DONE


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (UserFault(Reason.LABEL_CONSTANT, "x"), USER_FAULT, Reason.LABEL_CONSTANT),
        (TryAgain(Reason.CODE_CHANGED, "x"), TRY_AGAIN, Reason.CODE_CHANGED),
        (StoreUnreachable("x"), TRY_AGAIN, Reason.STORE_UNREACHABLE),
        (StoreDenied("x"), USER_FAULT, Reason.STORE_DENIED),
        (BucketMissing("x"), USER_FAULT, Reason.BUCKET_MISSING),
        (MemoryError("x"), USER_FAULT, Reason.OUT_OF_MEMORY),
        (KeyError("x"), TRY_AGAIN, Reason.CRASHED),
    ],
)
def test_each_error_says_whose_turn_it_is(worker: Callable[..., tuple[int, Result]], error: Exception, code: int, reason: Reason) -> None:
    got, result = worker(raising(error))
    assert (got, result.reason, result.outcome) == (code, reason, "Failed")


def test_a_crash_is_told_with_its_place(worker: Callable[..., tuple[int, Result]]) -> None:
    _, result = worker(raising(KeyError("column_7")))
    assert re.search(r"KeyError: 'column_7' at .*:\d+ in ", result.message)


def test_no_credential_gets_into_message_facts_or_log(worker: Callable[..., tuple[int, Result]], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    worker(raising(RuntimeError(f"refused {SECRET}")))
    message, log = (tmp_path / "message").read_text(), capsys.readouterr().out
    worker(raising(UserFault(Reason.CRASHED, "x", facts={"a": SECRET})))
    for text in (message, log, (tmp_path / "message").read_text()):
        assert SECRET not in text
        assert json.dumps(SECRET)[1:-1] not in text
    assert "***" in message


def test_the_id_of_the_access_key_is_a_name_and_leaves_addresses_with_that_word_whole() -> None:
    assert redact("s3://trimtab/team/models", {"AWS_ACCESS_KEY_ID": "trimtab", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}) == "s3://trimtab/team/models"


def test_the_log_is_one_json_object_a_line(worker: Callable[..., tuple[int, Result]], capsys: pytest.CaptureFixture[str]) -> None:
    worker(raising(KeyError("x")))
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["worker.started", "worker.crashed", "worker.finished"]


def test_an_endless_sentence_still_fits_the_termination_message(worker: Callable[..., tuple[int, Result]], tmp_path: Path) -> None:
    worker(raising(UserFault(Reason.CRASHED, "ä" * 9000, facts={str(n): "y" * 100 for n in range(16)})))
    assert len((tmp_path / "message").read_bytes()) <= LOG_BYTES


@pytest.mark.parametrize("document", ["", "{}", '{"verb":"fly"}', "no json"])
def test_a_document_of_another_release_is_refused_in_words(worker: Callable[..., tuple[int, Result]], document: str) -> None:
    code, result = worker(raising(AssertionError()), **{DOCUMENT_VARIABLE: document})
    assert (code, result.reason) == (USER_FAULT, Reason.CONFIG_ERROR)
    assert "one release" in result.message


def test_missing_credentials_are_named(worker: Callable[..., tuple[int, Result]]) -> None:
    code, result = worker(raising(AssertionError()), TRIMTAB_BUCKET="", AWS_SECRET_ACCESS_KEY="")
    assert (code, result.reason) == (USER_FAULT, Reason.STORE_NOT_CONFIGURED)
    assert result.message.endswith("Missing: AWS_SECRET_ACCESS_KEY, TRIMTAB_BUCKET.")


def test_progress_is_what_was_last_said_and_at_most_eight_metrics() -> None:
    progress = Progress()
    progress.update(10, "reading")
    progress.part(20, 40).reach(0.5, "splitting")
    progress.update(metrics={f"m{n}": n for n in range(12)})
    assert progress.registry.get_sample_value("trimtab_progress_percent") == 30
    assert progress.registry.get_sample_value("trimtab_progress_info", {"message": "splitting"}) == 1
    assert progress.registry.get_sample_value("trimtab_progress_info", {"message": "reading"}) is None
    assert progress.registry.get_sample_value("trimtab_progress_metric", {"name": "m7"}) == 7
    assert progress.registry.get_sample_value("trimtab_progress_metric", {"name": "m8"}) is None


def test_a_taken_port_is_not_a_failure() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        assert not Progress().serve(taken.getsockname()[1])


MACHINE = psutil.virtual_memory().total


@pytest.mark.parametrize(("limit", "expected"), [(1 << 20, 1 << 20), (None, MACHINE), (2**63 - 4096, MACHINE)])
def test_memory_is_the_containers_limit_else_the_machines(monkeypatch: pytest.MonkeyPatch, limit: int | None, expected: int) -> None:
    monkeypatch.setattr(memory, "memory_limit", lambda: limit)
    assert memory.available() == expected


def test_the_peak_of_memory_can_be_scraped() -> None:
    assert (Progress().registry.get_sample_value("trimtab_memory_peak_bytes") or 0) > 1 << 20


def test_running_out_of_memory_by_its_own_account_names_limit_and_peak(worker: Callable[..., tuple[int, Result]]) -> None:
    _, result = worker(raising(MemoryError("sorting 3 GiB")))
    assert re.search(r"its limit of \d+Mi \(peak \d+Mi, sorting 3 GiB\); raise", result.message)


BUSY_IN_NATIVE_CODE = """
import hashlib, sys, types
from trimtab.jobs import __main__ as entry, run
run.import_module = lambda name: types.SimpleNamespace(run=lambda *_: (print("busy", flush=True), hashlib.pbkdf2_hmac("sha256", b"", b"", 1 << 30)))
entry.listen_for_the_end()
sys.exit(run.main())
"""


def test_told_to_stop_it_ends_at_once_and_says_so(tmp_path: Path) -> None:
    env = {**os.environ, **ENVIRONMENT, LOG_VARIABLE: str(tmp_path / "message"), "PYTHONPATH": "operator"}
    with subprocess.Popen([sys.executable, "-c", BUSY_IN_NATIVE_CODE], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "busy" not in (line := process.stdout.readline()):
            assert line, "ended early"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == TRY_AGAIN
    result = Result.decode((tmp_path / "message").read_text())
    assert result
    assert result.reason == Reason.INTERRUPTED


def test_progress_can_be_scraped_while_the_verb_runs(worker: Callable[..., tuple[int, Result]]) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def verb(_document: GcDocument, context: Context) -> Result:
        context.progress.update(42, "half way")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return Result(outcome="Succeeded", reason="Ready", message=answer.read().decode())

    _, result = worker(verb, TRIMTAB_METRICS_PORT=str(port))
    assert "trimtab_progress_percent 42.0" in result.message
