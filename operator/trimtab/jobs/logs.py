"""Logs of the worker: one JSON object a line on standard output, without secrets.

Secrets are known by value, not by the name of a field: whatever an exception of some library prints, the credentials in
our environment do not leave it. Other people's loggers go the same way, from warnings upward.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from trimtab.store.settings import SECRETS

MASK = "***"
SHORTEST = 4
"""Shorter values are not taken for secrets: masking `a` everywhere would leave no text."""


def redact(text: str, env: Mapping[str, str] = os.environ) -> str:
    """The text without the values of our credentials, as they are and as they look inside JSON."""
    for value in (env.get(name, "") for name in SECRETS):
        if len(value) >= SHORTEST:
            text = text.replace(value, MASK).replace(json.dumps(value)[1:-1], MASK)
    return text


def configure() -> None:
    """Logs and warnings of everybody in this process go to standard output as JSON."""
    chain: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    render: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(), _redacted]
    structlog.configure(processors=[*chain, *render], logger_factory=structlog.PrintLoggerFactory(sys.stdout), cache_logger_on_first_use=False)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render], foreign_pre_chain=chain)
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def _redacted(_logger: Any, _method: str, line: str | MutableMapping[str, Any]) -> str:
    return redact(str(line))
