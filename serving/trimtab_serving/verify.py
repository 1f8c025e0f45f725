"""`python -m trimtab_serving.verify`: check a model in the image that will serve it, the way serving itself takes it up.

The document comes in the environment and the result goes into the termination message, as in every verb of the worker;
this one lives here because only this image can say whether it can serve.
"""

import os
import sys
from collections.abc import Mapping
from functools import partial

import structlog
from pydantic import ValidationError

from trimtab.api import termination
from trimtab.api.documents import DOCUMENT_VARIABLE, DONE, USER_FAULT, Result, VerifyDocument, leave
from trimtab.api.reasons import Reason
from trimtab_serving import logs
from trimtab_serving.model import Identity
from trimtab_serving.server import failure, prepare
from trimtab_serving.settings import from_store

log = structlog.get_logger()


def verify(document: VerifyDocument, env: Mapping[str, str]) -> tuple[Result, int]:
    """Digest, loading, golden examples; the result and the exit code."""
    identity = Identity(document.model, str(document.version))
    try:
        model, examples = prepare(partial(from_store, document.artifact, env), identity)
    except Exception as error:  # noqa: BLE001 (whatever it was, it is left behind in words)
        return failure(error)
    facts = {
        "golden": str(examples),
        "format": document.artifact.format,
        "load_ms": str(model.load_ms),
        "digest": model.digest,
        "signature": model.signature.digest(),
    }
    return Result(outcome="Succeeded", reason=Reason.VERIFIED, message=Reason.VERIFIED.say(count=examples), uri=document.artifact.uri, facts=facts), DONE


def main(env: Mapping[str, str] = os.environ) -> int:
    logs.configure()
    termination.keep_a_note_of_memory()
    try:
        result, code = verify(VerifyDocument.model_validate_json(env.get(DOCUMENT_VARIABLE, "")), env)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        detail = f"{DOCUMENT_VARIABLE} is not a document of this image ({'.'.join(map(str, first['loc']))}: {first['msg']}). Use operator and serving images of one release."
        result, code = Result(outcome="Failed", reason=Reason.CONFIG_ERROR, message=Reason.CONFIG_ERROR.say(detail=detail)), USER_FAULT
    log.info("verify.done", outcome=result.outcome, reason=result.reason, message=result.message, code=code)
    leave(result)
    return code


if __name__ == "__main__":
    sys.exit(main())
