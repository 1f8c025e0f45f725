"""When a window of labels may be judged, and against what."""

import numpy as np
import pytest

from trimtab.api.driftmonitor import PerformanceRule
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.performance import incomplete, standard_of
from trimtab.stats.skill import Interval


def model(**skill):
    return Model(None, "d", None, {"skill": skill} if skill else {}, None, 1e-5, None, None)


@pytest.mark.parametrize(
    ("shares", "remark"),
    [
        ([(100, 97)] * 4, ""),
        ([(100, 97), (100, 97), (100, 45), (100, 97)], ""),
        ([(100, 10)] * 4, ""),
        ([(100, 97), (100, 97), (100, 97), (100, 20)], "labels are missing: 20% of its last quarter have one, 97% of its first."),
        ([(100, 0), (100, 97), (100, 97), (100, 97)], "labels are missing: 0% of its first quarter have one, 97% of its second."),
        ([(100, 97), (5, 0), (100, 97), (100, 97)], ""),
        ([(0, 0)] * 4, ""),
    ],
    ids=["whole", "a storm", "few are ever labelled", "the last are late", "the first are lost", "a quiet night", "nothing"],
)
def test_a_cohort_is_complete_where_every_part_of_it_has_labels(shares, remark):
    assert incomplete(shares) == remark


def test_a_version_is_held_to_what_its_manifest_promised():
    standard = standard_of(model(estimate=0.3, lower=0.25, upper=0.35, blocks=27), PerformanceRule())
    assert (standard.reference, standard.line) == (Interval(0.3, 0.25, 0.35, 27), pytest.approx(0.25))


def test_tolerance_and_floor_move_the_line():
    promised = model(estimate=0.3, lower=0.25, upper=0.35, blocks=27)
    assert standard_of(promised, PerformanceRule(tolerance=0.1)).line == pytest.approx(0.2)
    assert standard_of(promised, PerformanceRule(floor=0.28)).line == 0.28


def test_a_model_that_promised_nothing_has_the_floor_alone():
    assert standard_of(model(), PerformanceRule()) is None
    assert standard_of(model(), PerformanceRule(floor=0.1)).line == 0.1


def test_a_promise_without_bounds_is_no_line():
    assert not np.isfinite(standard_of(model(estimate=0.3), PerformanceRule()).line)
