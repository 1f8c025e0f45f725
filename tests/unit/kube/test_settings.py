"""Configuration from the environment, the log it leads to, and who we are to the API server."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from trimtab.kube import connection, log
from trimtab.kube.settings import Settings


@pytest.fixture
def _logging() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(("value", "expected"), [("", ()), ("a", ("a",)), ("a, b,", ("a", "b"))])
def test_namespaces_are_separated_by_commas_and_none_means_all(monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, ...]) -> None:
    monkeypatch.setenv("TRIMTAB_NAMESPACES", value)
    assert Settings().namespaces == expected


def test_each_setting_is_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_WORKER_IMAGE", "registry/worker:1")
    monkeypatch.setenv("TRIMTAB_RESYNC_SECONDS", "60")
    assert (Settings().worker_image, Settings().resync_seconds) == ("registry/worker:1", 60)


@pytest.mark.usefixtures("_logging")
def test_in_a_pod_a_line_is_one_json_object_libraries_included(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "INFO")
    structlog.get_logger().info("plan.applied", created=1)
    logging.getLogger("a.library").warning("said by %s", "it")
    logging.getLogger("kopf.x").info("every watch")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["created"], first["level"]) == ("plan.applied", 1, "info")
    assert second["event"] == "said by it"


@pytest.mark.usefixtures("_logging")
def test_an_error_keeps_its_trace_on_its_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "INFO")
    try:
        int("of a kind nobody expected")
    except ValueError:
        structlog.get_logger().exception("reconcile.failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_in_a_pod_the_service_account_is_used_by_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("token", "t\n"), ("ca.crt", ""), ("namespace", "trimtab")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    found = connection.find()
    assert (found.server, found.token) == ("https://[fd00::1]:6443", "t")


def test_elsewhere_the_kubeconfig_is_used_and_without_one_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(connection.NoClusterError, match="set KUBECONFIG"):
        connection.find()
