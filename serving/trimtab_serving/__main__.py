"""`python -m trimtab_serving`: the serving container, or `--model DIR` for a folder on this machine."""

import os
import sys

# Before numpy is imported: pods scale by processes, and threads of one row only get in each other's way.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# Arrow's own allocator keeps what it once had; the system's gives it back.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

import uvloop  # noqa: E402

from trimtab_serving import logs, settings  # noqa: E402
from trimtab_serving.server import serve  # noqa: E402


def main() -> int:
    given = settings.read(sys.argv[1:])
    logs.configure()
    return uvloop.run(serve(given))


if __name__ == "__main__":
    sys.exit(main())
