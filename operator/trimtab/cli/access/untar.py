"""A tar that comes in pieces, unpacked by a thread as it comes: names are `bucket/key` and go under one folder, nowhere else."""

import queue
import tarfile
import threading
from pathlib import Path
from typing import Any

from trimtab.cli.errors import UserError

AHEAD = 64
"""Pieces that may wait: a slow disk slows the stream, it does not fill the memory."""


class Untar:
    """`feed` each piece, then `finish` for the files by their addresses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._pieces: queue.Queue[bytes] = queue.Queue(AHEAD)
        self._rest, self._found = b"", dict[str, Path]()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._unpack, daemon=True)
        self._thread.start()

    def feed(self, piece: bytes) -> None:
        while self._thread.is_alive():
            try:
                self._pieces.put(piece, timeout=1)
            except queue.Full:
                continue
            return

    def finish(self) -> dict[str, Path]:
        self.feed(b"")
        self._thread.join()
        if self._error:
            raise UserError(f"What came from the store cannot be unpacked: {self._error}") from self._error
        return self._found

    def read(self, size: int) -> bytes:
        """For tarfile, which reads in blocks of its own size."""
        while len(self._rest) < size and (piece := self._pieces.get()):
            self._rest += piece
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _unpack(self) -> None:
        try:
            source: Any = self
            with tarfile.open(fileobj=source, mode="r|") as archive:
                for member in archive:
                    self._one(archive, member)
        except (tarfile.TarError, OSError, ValueError) as error:
            self._error = error

    def _one(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = (self._folder / member.name).resolve()
        if not path.is_relative_to(self._folder):
            raise ValueError(f"{member.name} would lie outside of {self._folder}")
        content = archive.extractfile(member)
        if content is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while chunk := content.read(1 << 20):
                file.write(chunk)
        self._found[f"s3://{member.name}"] = path
