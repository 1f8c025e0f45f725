"""Property tests try the same examples each time, so that what passes does not depend on luck; EXPLORE=1 draws others."""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("default" if os.environ.get("EXPLORE") else "same")
