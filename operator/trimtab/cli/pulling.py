"""A version of a model on this machine: fetched, every byte checked against what the ModelVersion says, with a program that runs it."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from trimtab.cli.access.transfer import Transfer
from trimtab.cli.errors import UserError
from trimtab.cli.views.listed import Manifest

RUNNER = Path(__file__).parent / "pulled" / "predict.py"
MANIFEST = "manifest.json"


async def pull(store: Transfer, version: Manifest, folder: Path) -> list[str]:
    """Fills the folder; sentences that say what is there and what to do with it."""
    name, artifact = version["metadata"]["name"], version["spec"]["artifact"]
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty.", f"trimtab models pull {name} ./{name}")
    with tempfile.TemporaryDirectory() as scratch:
        files = await (_made(store, artifact, Path(scratch)) if artifact.get("manifestDigest") else _brought(store, artifact, Path(scratch)))
        folder.mkdir(parents=True, exist_ok=True)
        for file, path in files.items():
            shutil.move(path, folder / file)
    shutil.copyfile(RUNNER, folder / "predict.py")
    example = _example(folder)
    return [
        f"{name} is in {folder}: {', '.join(sorted(files))}; every file has the sha256 that {'its manifest' if artifact.get('manifestDigest') else 'the version'} says.",
        f"It runs without Kubernetes: pip install {'onnxruntime numpy' if artifact['format'] == 'onnx' else 'skops scikit-learn pandas'}; python {folder}/predict.py {example}",
        f"As a server: python -m trimtab_serving --model {folder}   (pip install 'trimtab[serving]')",
    ]


async def _made(store: Transfer, artifact: dict[str, Any], scratch: Path) -> dict[str, Path]:
    """The files that the manifest names, by their name alone; the manifest itself is the one that the version pins."""
    root = artifact["uri"].rstrip("/")
    content = await store.get(f"{root}/{MANIFEST}", scratch)
    _check(f"{root}/{MANIFEST}", content, artifact["manifestDigest"])
    wanted = {f"{root}/{each['path']}": each for each in json.loads(content)["files"]}
    found = await store.fetch(list(wanted), scratch)
    for uri, each in wanted.items():
        _check(uri, found[uri].read_bytes(), each["sha256"])
    (scratch / MANIFEST).write_bytes(content)
    return {each["path"].rpartition("/")[2]: found[uri] for uri, each in wanted.items()} | {MANIFEST: scratch / MANIFEST}


async def _brought(store: Transfer, artifact: dict[str, Any], scratch: Path) -> dict[str, Path]:
    """The one file of a model that a person brought."""
    found = (await store.fetch([artifact["uri"]], scratch))[artifact["uri"]]
    _check(artifact["uri"], found.read_bytes(), artifact["sha256"])
    return {f"model.{artifact['format']}": found}


def _check(uri: str, content: bytes, wanted: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise UserError(f"{uri} has sha256 {found[:12]}… and not {wanted[:12]}…: it was changed after registration. Nothing was kept.")


def _example(folder: Path) -> str:
    """A row to try it with, from the golden examples."""
    try:
        golden = json.loads((folder / "golden.json").read_text())
        row = {name: values[0] for name, values in golden["inputs"].items()}
    except (OSError, ValueError, KeyError, IndexError):
        return "row.json"
    (folder / "row.json").write_text(json.dumps(row, indent=1) + "\n")
    return f"{folder}/row.json"
