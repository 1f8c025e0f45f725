"""Running programs, saying what is being done and how long it took, and refusing in one sentence.

What a person reads goes to stderr; stdout is kept for answers (a path, kubectl's output) that scripts read.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("TRIMTAB_CACHE") or Path.home() / ".cache" / "trimtab")

APT_PACKAGES = {
    "containerd": "containerd", "runc": "runc", "/usr/lib/cni/bridge": "containernetworking-plugins", "iptables": "iptables",
    "conntrack": "conntrack", "ip": "iproute2", "openssl": "openssl", "buildah": "buildah", "mmdebstrap": "mmdebstrap",
}  # what a missing program is called in Debian  # fmt: skip


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What is missing or in the way, and what to do about it, in one sentence for the person who called."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step and then its duration."""
    say(f"{what} ...")
    started = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - started:.1f} s")


def run(*command: str | Path, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run to the end and return stdout; a failure is a Refusal that carries the program's own last words."""
    done = subprocess.run([str(word) for word in command], check=False, input=stdin, env=env, capture_output=True, text=True)
    if done.returncode:
        words = " ".join(map(str, command))
        raise Refusal(f"`{words[:200]}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def stream(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run with the program's output passed on to the person as it comes (on stderr)."""
    code = subprocess.run([str(word) for word in command], check=False, env=env, stdout=sys.stderr).returncode
    if code:
        raise Refusal(f"`{' '.join(map(str, command))[:200]}` ended with {code}; its output is above.")


def watch(*command: str | Path, worth: str) -> None:
    """Run with only those lines shown that have `worth` in them; a failure shows the last of all it said."""
    said: list[str] = []
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            said.append(line)
            if worth in line:
                say(f"   {line.rstrip()[:160]}")
    if process.returncode:
        raise Refusal(f"`{' '.join(map(str, command))[:200]}` ended with {process.returncode}:\n{''.join(said[-40:])}")


def until(what: str, seconds: float, ready: Callable[[], object]) -> None:
    """Ask `ready()` four times a second until it says yes."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Refusal(f"{what} did not happen within {seconds:.0f} s.")
        time.sleep(0.25)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One at a time across processes: two test runs must not build the same binary or make the same cluster twice."""
    (CACHE / "locks").mkdir(parents=True, exist_ok=True)
    with (CACHE / "locks" / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def need_root() -> None:
    if os.geteuid():
        raise Refusal("A cluster on this machine needs root: run again with sudo, or install Docker and kind (CLUSTER=kind).")


def install_missing() -> None:
    """Install the Debian packages whose programs are not there."""
    missing = sorted({package for program, package in APT_PACKAGES.items() if not shutil.which(program)})
    if not missing:
        return
    need_root()
    if not shutil.which("apt-get"):
        raise Refusal(f"Install these first ({' '.join(missing)}): this machine has no apt-get to do it with.")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {' '.join(missing)}"):
        run("apt-get", "update", env=quiet)
        run("apt-get", "install", "-y", "--no-install-recommends", *missing, env=quiet)
