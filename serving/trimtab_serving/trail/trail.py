"""Everything that one server of one model leaves behind, put together from what the pod was told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from trimtab.api.documents import SPOOL_PATH, SPOOL_VARIABLE, ServingDocument
from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab.store.settings import StoreSettings
from trimtab_serving.model import Model
from trimtab_serving.trail import label_files
from trimtab_serving.trail.labels import Desk
from trimtab_serving.trail.recorder import Recorder
from trimtab_serving.trail.rows import Rows
from trimtab_serving.trail.tally import Tally
from trimtab_serving.trail.upload import Place, upload
from trimtab_serving.trail.windows import Windows

log = structlog.get_logger()


@dataclass(frozen=True)
class Trail:
    """The prediction log, where the pod's disk allows one, and the desk that takes labels."""

    recorder: Recorder | None
    labels: Desk
    place: Place


def lay(document: ServingDocument, env: Mapping[str, str], tally: Tally, model: Model) -> Trail:
    """Both, not yet started."""
    settings = StoreSettings.from_environment(env)
    place = Place(Store(settings), Layout.of(settings), document.deployment, env.get("POD_NAME") or os.uname().nodename)
    return Trail(_recorder(document, env, tally, model, place), Desk(partial(label_files.put, place)), place)


def _recorder(document: ServingDocument, env: Mapping[str, str], tally: Tally, model: Model, place: Place) -> Recorder | None:
    facts = {"deployment": document.deployment, "model": document.model, "version": document.version, "modelDigest": model.digest, "pod": place.pod}
    constants: dict[str, str | int | None] = {
        "deployment": document.deployment, "model": document.model, "version": document.version, "model_digest": model.digest,
        "dataset_digest": document.dataset_digest or None, "pod": place.pod,
    }  # fmt: skip
    rows = Rows(model.signature, model.runtime.dtypes, document.logging, constants)
    windows = Windows(model.profile, model.signature, rows.plain, facts) if model.profile else None
    try:
        return Recorder(rows, Path(env.get(SPOOL_VARIABLE, SPOOL_PATH)), document.logging, partial(upload, place=place, windows=windows), tally)
    except OSError as error:
        # The model answers all the same; that nothing is logged is said here, and no row is counted as taken.
        log.warning("prediction_log.off", reason=str(error))
        return None
