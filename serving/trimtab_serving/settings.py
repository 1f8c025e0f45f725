"""What a server is told, once, at its start: by the operator in the environment, or by a person on the command line."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from trimtab.api.documents import SERVING_VARIABLE, ServingDocument
from trimtab.api.modelversion import Artifact
from trimtab.api.split import SPLIT_PATH, SPLIT_VARIABLE
from trimtab.store.client import Store
from trimtab.store.settings import StoreSettings
from trimtab_serving.artifact import Files, download, local
from trimtab_serving.model import Identity, Model
from trimtab_serving.trail.tally import Tally

if TYPE_CHECKING:
    from trimtab_serving.trail.trail import Trail

INFERENCE_PORT, ADMIN_PORT = 8080, 8081
MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """`fetch` brings the model's files into a folder and vouches for them."""

    identity: Identity
    fetch: Callable[[Path], Files]
    host: str = "0.0.0.0"  # noqa: S104 (a pod's own network)
    port: int = INFERENCE_PORT
    admin_port: int = ADMIN_PORT
    drain_seconds: float = 0.0
    max_body_bytes: int = MAX_BODY_BYTES
    trail: "Callable[[Tally, Model], Trail] | None" = None
    """Puts together what the server leaves behind; a local folder leaves nothing."""
    split: Path = Path(SPLIT_PATH)
    """Where the operator's word on sharing requests with another version comes in."""


def read(arguments: Sequence[str], env: Mapping[str, str] = os.environ) -> Settings:
    """Settings, or an end of the process with a sentence (exit code 2)."""
    parser = argparse.ArgumentParser("trimtab_serving", description="Serves one model over the Open Inference Protocol V2.")
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help=f"serve a local folder with model.onnx or model.skops and signature.json; else {SERVING_VARIABLE} says what"
    )
    parser.add_argument("--name", help="name of the model (default: that of the folder)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on with --model")
    parser.add_argument("--port", type=int, default=INFERENCE_PORT)
    parser.add_argument("--admin-port", type=int, default=ADMIN_PORT, help="port of /metrics, /healthz and /readyz")
    given = parser.parse_args(arguments)
    if given.model:
        identity = Identity(given.name or given.model.resolve().name, "local")
        return Settings(identity, lambda _: local(given.model), given.host, given.port, given.admin_port, split=_split(env))
    try:
        return _from_document(ServingDocument.model_validate_json(env.get(SERVING_VARIABLE, "")), given.port, given.admin_port, env)
    except ValidationError as error:
        first = error.errors()[0]
        parser.error(f"{SERVING_VARIABLE}: {'.'.join(map(str, first['loc']))} {first['msg']}; or give --model DIR to serve a local folder.")


def _from_document(document: ServingDocument, port: int, admin_port: int, env: Mapping[str, str]) -> Settings:
    return Settings(
        Identity(document.model, str(document.version), document.deployment, document.dataset_digest),
        partial(from_store, document.artifact, env),
        port=port,
        admin_port=admin_port,
        drain_seconds=document.drain_seconds,
        max_body_bytes=document.max_body_bytes,
        trail=partial(_trail, document, env),
        split=_split(env),
    )


def _split(env: Mapping[str, str]) -> Path:
    return Path(env.get(SPLIT_VARIABLE, SPLIT_PATH))


def _trail(document: ServingDocument, env: Mapping[str, str], tally: Tally, model: Model) -> "Trail":
    from trimtab_serving.trail import arrays, trail  # brings pyarrow along, which a local folder does not need

    arrays.without_pandas()
    return trail.lay(document, env, tally, model)


def from_store(artifact: Artifact, env: Mapping[str, str], folder: Path) -> Files:
    return download(artifact, Store(StoreSettings.from_environment(env)), folder)
