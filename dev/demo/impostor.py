"""Act 3: a model that knows nothing, brought by a person and named by its number. It is fast and never fails, so the canary lets it in."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from kube import EXAMPLE, NAMESPACE, Resource, every, follow, kubectl, upload_pod, wait
from launch import flights
from months import SPEED, serving, speed
from telling import Telling
from terminal import say

FOLDER = EXAMPLE / "story" / "impostor"
BLOCKED = "blocked.trimtab.dev/flights"


def play(telling: Telling) -> None:
    before = serving()["stable"]["version"]
    number = bring()
    wait(f"version {number} serves", lambda: serving().get("stable", {}).get("version") == number, 300)
    say(f"   {telling.date}: version {number} has passed the canary and answers everything")
    wait(f"version {number} is blocked", lambda: telling.is_over or BLOCKED in annotations(number), 400 * SPEED / speed())
    wait("another version serves", lambda: telling.is_over or serving().get("stable", {}).get("version") != number, 120)
    after = serving()["stable"]["version"]
    say(
        f"   {telling.date}: version {after} serves again{'' if after == before else f', not {before}'}. {annotations(number).get(BLOCKED, 'It was not taken back.')}"
    )


def bring() -> int:
    """Fitted here, uploaded, registered, named; its version."""
    content = fitted()
    with upload_pod() as put:
        put("brought/impostor.onnx", content)
    number = 1 + max(each["spec"]["version"] for each in every("modelversions"))
    values = {"1000": str(number), "0" * 64: hashlib.sha256(content).hexdigest()}
    apply("modelversion.yaml", values)
    follow("modelversions", f"flights-v{number}")
    apply("deployment.yaml", values)
    return number


def fitted() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        table, model = Path(folder) / "flights.csv", Path(folder) / "impostor.onnx"
        table.write_bytes(flights("2013-05", "2013-06"))
        subprocess.run([sys.executable, str(FOLDER / "impostor.py"), str(table), str(model)], check=True)
        return model.read_bytes()


def apply(name: str, values: dict[str, str]) -> None:
    text = (FOLDER / name).read_text()
    for word, value in values.items():
        text = text.replace(word, value)
    print(
        f"$ kubectl apply -f examples/flights/story/impostor/{name}    # as version {values['1000']}\n{kubectl('apply', '-n', NAMESPACE, '-f', '-', stdin=text.encode())}"
    )


def annotations(number: int) -> Resource:
    return next((each["metadata"].get("annotations", {}) for each in every("modelversions") if each["spec"]["version"] == number), {})
