"""Logs: one event word and its facts a line; JSON in pods, readable in a terminal. Libraries' own lines come out the same way.

No manifest and no document is ever logged: an object is named, and what went wrong is said in the error's sentence.
"""

import logging
import sys
from typing import Any, Literal

import structlog

# These speak of every watch and every connection; what they have to say below a warning is not the operator's story.
QUIET = ("kopf", "aiohttp", "asyncio", "urllib3")


def configure(form: Literal["json", "console"], level: str) -> None:
    """Once, at the start of the process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last(form)))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _last(form: Literal["json", "console"]) -> list[Any]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "json":
        return [remove, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [remove, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
