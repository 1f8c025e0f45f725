"""Follows the file that the kubelet writes the operator's annotation to.

Read anew five times a second: it is a few hundred bytes in memory, and the kubelet replaces a symbolic link two levels up,
which is more than a watch of one file would see.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

POLL_SECONDS = 0.2
"""The kubelet takes 0.3 to 0.6 s from the annotation to the file; the operator waits for a pod's acknowledgement for 2 s."""

log = structlog.get_logger()


class Watch:
    """Hands each new text to `follow`, once."""

    def __init__(self, path: Path, follow: Callable[[str], None]) -> None:
        self._path, self._follow = path, follow
        self._seen: str | None = None
        self._failed = False

    def look(self) -> None:
        """A file that is not there says nothing, which is a split too: everything is answered here."""
        text = self._read()
        if text != self._seen:
            self._seen = text
            self._follow(text)

    def _read(self) -> str:
        """What was seen last where the file cannot be read now; that is said once."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = ""
        except OSError as error:
            if not self._failed:
                log.warning("split.unreadable", path=str(self._path), error=str(error))
            self._failed = True
            return self._seen or ""
        self._failed = False
        return text

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self.look()
