"""A real Prometheus for tests: Debian's package, on a free loopback port, over a folder that is thrown away.

The one in PATH is taken, else the package is fetched once into the cache and unpacked there; nothing is installed.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

READY_WITHIN = 60.0  # seconds; one on a quiet machine
CACHE = Path(os.environ.get("TRIMTAB_CACHE", Path.home() / ".cache" / "trimtab")) / "debian"


class Prometheus:
    """`with Prometheus(scrape=["127.0.0.1:8080"], rules=[...]) as it:` then `it.url`."""

    def __init__(self, scrape: list[str] | None = None, rules: list[dict[str, str]] | None = None, namespace: str = "") -> None:
        """`namespace`: the label that targets get which bring none, as discovery in a cluster gives it."""
        self.folder = Path(tempfile.mkdtemp(prefix="trimtab-prometheus-"))
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._scrape, self._rules = scrape or [], rules or []
        self._labels = {"namespace": namespace} if namespace else {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def values(self, query: str) -> list[float]:
        """What an expression gives now."""
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=5) as answer:
            return [float(series["value"][1]) for series in json.load(answer)["data"]["result"]]

    def series(self, query: str, back: float = 0.0, step: float = 1.0) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Labels and values of an expression now, or over the last `back` seconds; AssertionError in Prometheus' words where it cannot be read."""
        now = time.time()
        asked = {"query": query} | ({"start": now - back, "end": now, "step": step} if back else {})
        path = f"{self.url}/api/v1/query{'_range' if back else ''}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(path, timeout=30) as answer:
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{query}: {refused.read().decode()}") from refused
        assert data["resultType"] in ("vector", "matrix"), f"{query} gives a {data['resultType']}"
        return [(each["metric"], [(float(at), float(value)) for at, value in each.get("values") or [each["value"]]]) for each in data["result"]]

    def _start(self) -> None:
        # Its configuration is YAML, and so is JSON.
        (self.folder / "prometheus.yml").write_text(json.dumps(self._configuration()))
        (self.folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "it", "interval": "1s", "rules": self._rules}]}))
        flags = [f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen([str(binary()), *flags], stdout=log, stderr=log)
        self._wait_until_ready()

    def _configuration(self) -> dict[str, Any]:
        job = {"job_name": "trimtab", "honor_labels": True, "static_configs": [{"targets": self._scrape, "labels": self._labels}]}
        return {"global": {"scrape_interval": "1s"}, "rule_files": [f"{self.folder}/rules.yml"], "scrape_configs": [job]}

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN
        while not self._answers():
            assert self._process
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def binary() -> Path:
    """The program, fetched where it is missing."""
    if found := shutil.which("prometheus"):
        return Path(found)
    unpacked = CACHE / "prometheus" / "usr" / "bin" / "prometheus"
    if not unpacked.exists():
        _fetch(unpacked.parents[2])
    return unpacked


def _fetch(folder: Path) -> None:
    """By a folder of its own and one rename: two test runs may share the cache."""
    if not shutil.which("apt-get"):
        raise RuntimeError("Install prometheus first: this machine has no apt-get to fetch it with.")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        if subprocess.run(["apt-get", "download", "prometheus"], cwd=place, check=False, capture_output=True).returncode:
            subprocess.run(["apt-get", "update"], check=True, capture_output=True)
            subprocess.run(["apt-get", "download", "prometheus"], cwd=place, check=True, capture_output=True)
        (package,) = Path(place).glob("prometheus_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), f"{place}/unpacked"], check=True, capture_output=True)
        if not folder.exists():
            Path(place, "unpacked").rename(folder)


def _free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])
