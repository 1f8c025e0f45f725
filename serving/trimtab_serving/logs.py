"""Log lines as JSON, one event word and its keys; other libraries' warnings take the same way.

Bodies are never logged; hence tracebacks come without the values of variables, which bodies and credentials are among.
"""

import logging

import structlog

PROCESSORS: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
]


def configure() -> None:
    renderer = structlog.processors.JSONRenderer()
    structlog.configure([*PROCESSORS, renderer], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), cache_logger_on_first_use=True)
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=PROCESSORS))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
