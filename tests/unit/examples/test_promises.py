"""What the story promises is looked at in the end, and what was broken is named."""

import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[3]

RUNS = [{"request": "i1", "cause": "Incident", "outcome": "Registered"}, {"request": "", "cause": "Change", "outcome": "Registered"}]
VERSIONS = [
    {"metadata": {"name": "flights-v1"}, "spec": {"version": 1, "artifact": {"manifestDigest": "d1"}, "lineage": {"runKey": "k1"}}},
    {"metadata": {"name": "flights-v2"}, "spec": {"version": 2, "artifact": {"manifestDigest": "d2"}, "lineage": {"runKey": "k2"}}},
    {
        "metadata": {"name": "flights-v3", "annotations": {"blocked.trimtab.dev/flights": "worse"}},
        "spec": {"version": 3, "artifact": {"sha256": "d3"}},
    },
]
WELL = {
    "trainingjobs": [{"status": {"runs": RUNS}}],
    "modelversions": VERSIONS,
    "driftmonitors": [{"status": {"lastIncidents": [{"id": "i1", "outcome": "Improved", "message": "better"}]}}],
    "modeldeployments": [{"status": {"stable": {"version": 2}}}],
}
SAID = "asked about 1,200 flights, 1,200 answered, 1,190 labels taken, 3 connections reopened"


@pytest.fixture
def promises(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "dev" / "demo"))
    import promises as found

    yield found
    for name in ("promises", "kube", "telling", "terminal"):
        sys.modules.pop(name, None)


def broken(promises, monkeypatch, world: dict, said: str = SAID) -> list[str]:
    monkeypatch.setattr(promises, "every", lambda plural: world[plural])
    return promises.broken(SimpleNamespace(replayed=["2013-02-01 ...", said]))


def test_when_all_is_well_nothing_is_broken(promises, monkeypatch, capsys):
    assert broken(promises, monkeypatch, WELL) == []
    assert capsys.readouterr().out.count("kept") == len(promises.PROMISES)


def changed(**changes) -> dict:
    return deepcopy(WELL) | changes


@pytest.mark.parametrize(
    ("world", "said", "which"),
    [
        (WELL, SAID.replace("1,200 answered", "1,199 answered"), "every flight was answered"),
        (WELL, "2013-05-01 still going", "every flight was answered"),
        (changed(trainingjobs=[{"status": {"runs": [*RUNS, RUNS[0]]}}]), SAID, "one run for each incident"),
        (changed(trainingjobs=[{"status": {"runs": RUNS[1:]}}]), SAID, "one run for each incident"),
        (changed(modelversions=[*VERSIONS[:2], {**VERSIONS[1], "spec": {**VERSIONS[1]["spec"], "version": 4}}, VERSIONS[2]]), SAID, "one version for each run"),
        (changed(modelversions=[VERSIONS[0], VERSIONS[2]]), SAID, "versions are numbered without gaps"),
        (changed(driftmonitors=[{"status": {"lastIncidents": [{"id": "i1", "outcome": "NoGain"}]}}]), SAID, "a retraining was judged better"),
        (changed(modeldeployments=[{"status": {"stable": {"version": 3}}}]), SAID, "the impostor was taken back"),
        (changed(modelversions=[*VERSIONS[:2], {**VERSIONS[2], "metadata": {"name": "flights-v3"}}]), SAID, "the impostor was taken back"),
    ],
)
def test_what_was_broken_is_named(promises, monkeypatch, world, said, which):
    assert which in broken(promises, monkeypatch, world, said)
