"""Every kind stands before every law. A kind joins by a file `scenarios_<kind>.py` with a SCENARIO in it (or SCENARIOS)."""

import importlib
from pathlib import Path

import pytest

from contract import laws
from support import toy
from support.scenario import Scenario


def scenarios() -> list[Scenario]:
    modules = [importlib.import_module(f"contract.{path.stem}") for path in sorted(Path(__file__).parent.glob("scenarios_*.py"))]
    return [toy.SCENARIO, *(scenario for module in modules for scenario in getattr(module, "SCENARIOS", None) or [module.SCENARIO])]


@pytest.fixture(params=scenarios(), ids=lambda scenario: f"{scenario.kind}")
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return request.param


class TestComesToRest(laws.ComesToRest): ...


class TestSurvivesDeath(laws.SurvivesDeath): ...


class TestSurvivesRestoring(laws.SurvivesRestoring): ...


class TestSurvivesAnOlderLook(laws.SurvivesAnOlderLook): ...


class TestLeavesNothingBehind(laws.LeavesNothingBehind): ...


class TestRefusesWhatIsNotItsOwn(laws.RefusesWhatIsNotItsOwn): ...


class TestSurvivesBadNews(laws.SurvivesBadNews): ...
