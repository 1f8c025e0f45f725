"""`python -m trimtab.jobs`: the worker's container. Does the one verb in its document, answers, ends.

Told to stop, it ends within a moment, also while native code is busy: Python's own handlers would wait for that code, so
a thread listens to the interpreter's wake-up socket, leaves an answer and ends the process.
"""

import os
import signal
import socket
import sys
import threading

from trimtab.api.termination import keep_a_note_of_memory

keep_a_note_of_memory()  # before anything that takes memory, the imports below among it

from trimtab.api.documents import TRY_AGAIN, leave  # noqa: E402
from trimtab.jobs.run import interrupted, main  # noqa: E402


def listen_for_the_end() -> None:
    """From now on SIGTERM ends this process with an answer that says so."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_end_on, args=(ours, theirs), daemon=True, name="end").start()


def _end_on(ours: socket.socket, _kept_open: socket.socket) -> None:
    while signal.SIGTERM not in ours.recv(1):
        pass
    leave(interrupted())
    os._exit(TRY_AGAIN)


if __name__ == "__main__":
    listen_for_the_end()
    sys.exit(main())
