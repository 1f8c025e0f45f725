"""kopf, without the generated client package that it would import only to recognise its classes.

That package costs 1.5 s of CPU and 60 MB, half of all that the operator needs; we hand kopf plain dicts. Everyone here
takes kopf from this module, so that it is never imported any other way.
"""

import sys

PACKAGE = "kubernetes"

if PACKAGE in sys.modules:
    import kopf
else:
    sys.modules[PACKAGE] = None  # type: ignore[assignment]  # as if it were not installed
    import kopf

    del sys.modules[PACKAGE]

__all__ = ["kopf"]
