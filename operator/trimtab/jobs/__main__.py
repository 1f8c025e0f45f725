"""`python -m trimtab.jobs`: the worker's container. Does the one verb in its document, answers, ends.

Told to stop, it ends within a moment, also while native code is busy: Python's own handlers would wait for that code, so
a thread listens to the interpreter's wake-up socket, leaves an answer and ends the process.
"""

import os
import signal
import socket
import sys
import threading

from trimtab.api.documents import TRY_AGAIN, leave
from trimtab.jobs.run import interrupted, main


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
