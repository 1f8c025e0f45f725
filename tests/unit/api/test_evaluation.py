"""The answer of `evaluate` in the room that a termination message has."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trimtab.api.driftmonitor import FeatureReading, PerformanceReading
from trimtab.api.evaluation import MOST_WINDOWS, ROOM, Comparison, Evaluated, FaultReading, Replay, WindowReading, pack, unpack

START = datetime(2013, 2, 1, tzinfo=UTC)


def evaluated(windows: int = MOST_WINDOWS, worst: int = 10, words: int = 8) -> Evaluated:
    rng = np.random.default_rng(0)
    name = "".join(rng.choice(list("abcdefghijklmnop"), words))
    days = [START + timedelta(days=each) for each in range(windows)]
    return Evaluated(
        windows=[
            WindowReading(from_=day, to=day + timedelta(days=1), rows=900, verdict="Drifted", p=float(rng.random()), effect=float(rng.random())) for day in days
        ],
        drift="Alarm",
        worst=[FeatureReading(feature=f"{name}{each}", effect=f"{rng.random():.3g}", p_value=f"{rng.random():.3g}") for each in range(worst)],
        faults=[FaultReading(name="NullFlood", column=f"{name}{each}", detail=f"{each}% of it is missing.") for each in range(5)],
        skill=PerformanceReading(skill="0.04", lower="0.01", upper="0.07", reference="0.05", line="0.01", labels=900, matured="0.97"),
        replay=Replay(replayed=200, mismatched=0),
        judged=Comparison(outcome="Improved", gain=0.01, lower=0.005, upper=0.02, labels=900),
        labelled_rows=9000,
    )


def test_what_is_packed_comes_out_again():
    assert unpack(pack(evaluated(3))) == evaluated(3)


def test_a_full_answer_fits_and_keeps_its_readings_and_the_newest_windows():
    whole = evaluated(words=100)
    packed = pack(whole)
    kept = unpack(packed)
    assert len(packed) <= ROOM
    assert (kept.drift, kept.skill, kept.judged, kept.faults) == (whole.drift, whole.skill, whole.judged, whole.faults)
    assert kept.windows == whole.windows[-len(kept.windows) :]
    assert kept.worst == whole.worst[: len(kept.worst)]
    assert len(kept.windows) >= 5


def test_what_cannot_be_read_is_said_so():
    for packed in ("", "eJw=", "%"):
        with pytest.raises(ValueError):
            unpack(packed)
