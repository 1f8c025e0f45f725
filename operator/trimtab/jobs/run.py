"""The shell of every verb: from the document in the environment to the termination message and the exit code.

Whatever happens inside a verb becomes a result: typed errors say themselves whose fault they are; anything else is a
defect of ours or a hiccup of the machine, is told with its last frame, and may be tried again.
"""

import os
import tempfile
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from trimtab.api.documents import (
    DOCUMENT_VARIABLE,
    DONE,
    TRY_AGAIN,
    USER_FAULT,
    GcDocument,
    MaterializeDocument,
    Result,
    SnapshotDocument,
    TrainDocument,
    leave,
)
from trimtab.api.evaluation import EvaluateDocument
from trimtab.api.reasons import RAISE_MEMORY, Reason
from trimtab.api.termination import mebibytes, memory_peak
from trimtab.jobs import logs
from trimtab.jobs.context import Context, Pod
from trimtab.jobs.errors import UserFault, WorkerError
from trimtab.jobs.progress import PORT, PORT_VARIABLE, Progress
from trimtab.store.client import Store
from trimtab.store.errors import StoreError
from trimtab.store.layout import Layout
from trimtab.store.settings import StoreSettings

AnyDocument = SnapshotDocument | MaterializeDocument | TrainDocument | EvaluateDocument | GcDocument

VERBS = {
    "snapshot": "trimtab.jobs.snapshot",
    "materialize": "trimtab.jobs.materialize",
    "train": "trimtab.jobs.train",
    "evaluate": "trimtab.jobs.evaluate",
    "gc": "trimtab.jobs.collect",
}
"""Each module has `run(document, context) -> Result`; it is imported when it is asked for, with the libraries it needs."""

log = structlog.get_logger()


def main(env: Mapping[str, str] = os.environ) -> int:
    """Do what the document says; the exit code. The result is in the termination message."""
    logs.configure()
    result, code = answer(env)
    result = _without_secrets(result, env)
    leave(result)
    log.info("worker.finished", outcome=result.outcome, reason=result.reason, message=result.message, uri=result.uri, exit_code=code)
    return code


def answer(env: Mapping[str, str]) -> tuple[Result, int]:
    """Run the verb; never raises."""
    try:
        result = _run(env)
    except WorkerError as error:
        return error.result, error.exit_code
    except StoreError as error:
        return Result(outcome="Failed", reason=error.reason.value, message=error.message), TRY_AGAIN if error.temporary else USER_FAULT
    except MemoryError as error:
        return _out_of_memory(error), USER_FAULT
    except Exception as error:
        log.exception("worker.crashed")
        return Result(outcome="Failed", reason=Reason.CRASHED.value, message=_last_words(error)), TRY_AGAIN
    return result, USER_FAULT if result.outcome == "Failed" else DONE


def interrupted() -> Result:
    """What is left behind by a pod that was told to stop."""
    return Result(outcome="Failed", reason=Reason.INTERRUPTED.value, message=Reason.INTERRUPTED.say())


def _run(env: Mapping[str, str]) -> Result:
    document = parse(env.get(DOCUMENT_VARIABLE, ""))
    structlog.contextvars.bind_contextvars(verb=document.verb, namespace=document.namespace, name=document.name, request=document.request)
    progress = Progress()
    port = int(env.get(PORT_VARIABLE) or PORT)
    if not progress.serve(port):
        log.warning("progress.not_served", port=port)
    settings = StoreSettings.from_environment(env)
    log.info("worker.started", bucket=settings.bucket, prefix=settings.prefix)
    with tempfile.TemporaryDirectory(prefix="trimtab-", ignore_cleanup_errors=True) as scratch:
        context = Context(Store(settings), Layout.of(settings), progress, Path(scratch), Pod.from_environment(env), env.get("TRIMTAB_IMAGE", ""))
        result: Result = import_module(VERBS[document.verb]).run(document, context)
    return result


def parse(text: str) -> AnyDocument:
    """The document in the environment; one that this image does not understand is a person's to mend, by matching the images."""
    try:
        return TypeAdapter[AnyDocument](AnyDocument).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        detail = f"{DOCUMENT_VARIABLE} is not a document of this worker ({'.'.join(map(str, first['loc']))}: {first['msg']})."
        raise UserFault(Reason.CONFIG_ERROR, f"{detail} Use operator and worker images of one release.") from error


def _last_words(error: Exception) -> str:
    """The error, and the last place in our own code on the way to it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "trimtab" in frame.filename] or frames
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else ""
    return Reason.CRASHED.say(code=TRY_AGAIN, detail=f"{type(error).__name__}: {error}{place}.")


def _out_of_memory(error: MemoryError) -> Result:
    from trimtab.jobs import memory

    limit, peak = mebibytes(memory.available()), mebibytes(memory_peak())
    known = " (" + ", ".join([f"peak {peak}", *filter(None, [str(error)])]) + ")"
    return Result(outcome="Failed", reason=Reason.OUT_OF_MEMORY.value, message=Reason.OUT_OF_MEMORY.say(limit=limit, peak=known, advice=RAISE_MEMORY))


def _without_secrets(result: Result, env: Mapping[str, str]) -> Result:
    return result.model_copy(
        update={
            "message": logs.redact(result.message, env),
            "uri": logs.redact(result.uri, env),
            "facts": {name: logs.redact(value, env) for name, value in result.facts.items()},
        }
    )
