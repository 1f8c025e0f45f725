"""Property tests try the same examples each time, so that what passes does not depend on luck; EXPLORE=1 draws others.

Run side by side, the tests of a file stay together in one process, those of a cluster too."""

import os
from pathlib import PurePath

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("default" if os.environ.get("EXPLORE") else "same")

CLUSTERS = ({"test_wheel.py", "test_flights.py", "test_flights_by_command.py", "test_cluster_smoke.py"}, {"test_kills.py", "test_mistakes.py", "test_sizes.py"})
"""End-to-end tests that share a cluster; both take about as long. They mostly wait, so that two clusters are no slower than one."""


def together(test: str) -> str:
    """What one process runs: the tests of a cluster, or else of a file. With CLUSTER=none there is only one cluster."""
    file = PurePath(test.partition("::")[0])
    if file.parent.name != "e2e":
        return str(file)
    return next((f"cluster {number}" for number, files in enumerate(CLUSTERS) if file.name in files and os.environ.get("CLUSTER") != "none"), "cluster")


class Together(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return Together(config, log)
