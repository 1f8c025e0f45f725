"""What a report says and recommends, and its page."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from support.pages import LEAST_CONTRAST, contrasts, is_accessible
from trimtab.api.documents import FeaturePointer
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.evaluation import Comparison, EvaluateDocument, ModelPointer, Parity, Replay
from trimtab.jobs.evaluation.advice import advise
from trimtab.jobs.evaluation.comparing import Contest
from trimtab.jobs.evaluation.drifting import Drift
from trimtab.jobs.evaluation.found import Found, Labels, answer, sentence
from trimtab.jobs.evaluation.hours import Window
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.page import STYLE, page
from trimtab.jobs.evaluation.parity import Compared
from trimtab.jobs.evaluation.performance import Performance, Period
from trimtab.jobs.evaluation.replaying import Replayed
from trimtab.jobs.evaluation.report import at, content, histogram
from trimtab.jobs.evaluation.spans import DAY, Span
from trimtab.stats.drift import FeatureFinding, Finding, Levels
from trimtab.stats.faults import Fault
from trimtab.stats.profiles import Categorical, CategoricalShape, Numeric, NumericShape, Profile
from trimtab.stats.quality import Judgement, Standard
from trimtab.stats.reference import Feature, Reference
from trimtab.stats.skill import Interval

START = datetime(2013, 2, 4, tzinfo=UTC)
SHAPE = NumericShape(np.array([0.0, 1.0]), 0.5)
REFERENCE = Reference(np.arange("2013-01-01", "2013-01-31", dtype="datetime64[D]"), np.full(30, 100), (Feature("temp", "numeric", np.full((30, 5), 20)),))
ODD = "<b>'te&mp'</b>"
"""A column that somebody named with care."""


def window(day: int) -> Window:
    span = Span(START + day * DAY, START + (day + 1) * DAY)
    return Window(span, Profile(300, {"temp": Numeric.of(SHAPE, np.linspace(-1, 2, 300))}), Profile(300, {}))


def finding(verdict="Quiet", effect=0.05, name="temp", faults=()):
    drifted = verdict == "Drifted"
    return Finding(verdict, 300, 0.001 if drifted else 0.6, (FeatureFinding(name, effect, 0.1, 0.01, 0.001 if drifted else 0.6, drifted),), faults)


def period(skill=0.05, standing="Recovered", week=0):
    span = Span(START + 7 * week * DAY, START + 7 * (week + 1) * DAY)
    return Period(span, 1000, 970, Judgement(standing, 970, Interval(skill, skill - 0.02, skill + 0.02, 7)))


def found(**changes) -> Found:
    document = EvaluateDocument(
        namespace="team", name="watch", uid="u", deployment="flights", spec=DriftMonitorSpec(deployment="flights"), now=START + 3 * DAY, since=START,
        watching=ModelPointer(name="flights-v1", version=1, uri="s3://b/m", manifest_digest="0"), predecessor=ModelPointer(name="flights-v0", version=0, uri="s3://b/n"),
    )  # fmt: skip
    model = Model(document.watching, "d1", None, {"datasetDigest": "set1"}, None, 1e-5, None, None)
    drift = Drift([window(0), window(1)], [finding(), finding()], "Calm", Levels(), REFERENCE, 1)
    standard = Standard(Interval(0.06, 0.03, 0.09, 30))
    whole = Found(document, model, drift, Performance([period()], standard, "Calm"), Replayed(Replay(replayed=200, mismatched=0)), [], None, Labels(900, 100))
    return replace(whole, **changes)


WEATHER = FeaturePointer(name="weather", version=2, digest="d", manifest_digest="m", uri="s3://a/b")


def sent(mismatched: int) -> Compared:
    """Of a thousand rows so many with other features than theirs."""
    detail = "a/0 was sent with temp 3; FeatureSet weather version 2 says 4 of 2013-02-01 12:00 UTC." if mismatched else ""
    return Compared(WEATHER, Parity(feature_set="weather", compared=1000, mismatched=mismatched, detail=detail), until=START)


def drift(**changes) -> Drift:
    return replace(found().drift, **changes)


def written(state: Found) -> str:
    return page(json.loads(json.dumps(content(state), allow_nan=False, default=str)))


@pytest.mark.parametrize(
    ("changes", "do"),
    [
        ({}, "Nothing. Retraining would not pay."),
        ({"jump": "Event times leapt."}, "Look at the event times that clients send; conclude nothing from these windows."),
        (
            {"replayed": Replayed(Replay(replayed=200, mismatched=3, detail="x."))},
            "Find the bug between the request and the model, or restore the registered files.",
        ),
        (
            {"drift": drift(findings=[finding(), finding(faults=(Fault("NullFlood", "temp", "100% of temp is missing."),))])},
            "Mend what feeds temp. Do not retrain",
        ),
        ({"compared": [sent(11)]}, "Find out where clients get these features from. Do not retrain"),
        ({"compared": [sent(10)]}, "Nothing. Retraining would not pay."),
        ({"contest": Contest(decided=Comparison(outcome="Worse", gain=-0.02, lower=-0.03, upper=-0.01, labels=900))}, "Go back to the version before."),
        ({"performance": replace(found().performance, reading="Alarm")}, "Retrain on everything so far"),
        ({"drift": drift(findings=[finding("Drifted"), finding("Drifted")], reading="Alarm")}, "Look at what changed; retraining is not called for yet."),
        ({"drift": drift(findings=[], windows=[])}, "Wait."),
        ({"drift": drift(findings=[finding(), Finding("DataInsufficient", 3)])}, "Wait for more requests"),
        ({"drift": drift(findings=[finding(), Finding("Learning", 300, missing_windows=40)])}, "Wait, or allow a larger spec.tests.alpha."),
        ({"performance": replace(found().performance, reading="Unknown")}, "Nothing yet."),
    ],
)
def test_the_first_advice_is_the_most_pressing(changes, do):
    assert advise(found(**changes))[0].do.startswith(do)


def test_every_state_has_a_page_that_is_whole_and_needs_nothing_else():
    states = [
        {},
        {"jump": "Event times leapt."},
        {"replayed": Replayed(remark="spec.skew.replay is 0.")},
        {"compared": [sent(0), sent(20), Compared(WEATHER, remark="origin is hashed in the prediction log.")]},
        {"contest": Contest(Interval(0.01, -0.01, 0.02, 7), 400, early=True)},
        {"contest": Contest(remark="flights-v0 cannot be asked: it is gone.")},
        {"drift": drift(findings=[], windows=[], reading="Unknown"), "performance": Performance([], None, "Unknown")},
        {"drift": drift(findings=[Finding("DataInsufficient", 3)], windows=[window(0)], reference=None)},
        {"performance": Performance([replace(period(), judgement=Judgement("Unknown", 9), remark="9 labels are fewer than 200.")], None, "Unknown")},
        {"performance": Performance([period(-0.2, "Below"), period(-0.3, "Below", 1)], found().performance.standard, "Alarm")},
    ]
    for state in states:
        html = written(found(**state))
        is_accessible(html)
        assert not re.search(r"None|nan|inf\b", html), state


def test_text_is_read_in_the_light_and_in_the_dark():
    assert min(contrasts(STYLE).values()) >= LEAST_CONTRAST


def test_names_that_are_html_are_text_on_the_page():
    strange = drift(findings=[finding(name=ODD), finding("Drifted", 0.4, ODD, faults=(Fault("NullFlood", ODD, f"100% of {ODD} is missing."),))])
    html = written(found(drift=strange))
    is_accessible(html)
    assert ODD not in html
    assert "&lt;b&gt;" in html


def test_an_earlier_window_is_reported_as_it_was_read_then():
    strange = drift(findings=[finding("Drifted"), finding("Drifted")], reading="Alarm")
    assert [content(at(found(drift=strange), place))["drift"]["reading"] for place in (0, 1)] == ["Strange", "Alarm"]
    assert content(at(found(), 0))["drift"]["windows"][-1]["from"] == START.isoformat()


def test_the_answer_says_what_the_operator_decides_by():
    strange = drift(findings=[finding(), finding("Drifted", 0.4)], reading="Strange")
    told = answer(found(drift=strange, contest=Contest(decided=Comparison(outcome="Improved", gain=0.02, lower=0.01, upper=0.03, labels=900))))
    assert (told.drift, told.performance, told.tested, told.drifted, told.judged.outcome) == ("Strange", "Calm", 1, 1, "Improved")
    assert [(each.verdict, each.rows, each.effect) for each in told.windows] == [("Quiet", 300, 0.05), ("Drifted", 300, 0.4)]
    assert (told.skill.skill, told.skill.line, told.skill.matured) == ("0.05", "0.03", "0.970")
    assert (told.labelled_rows, told.new_rows, told.skill_to) == (1000, 100, START + timedelta(days=7))


def test_a_sentence_says_the_last_window_and_skill():
    assert sentence(found()) == "flights-v1, window 2013-02-05 00:00: Quiet, 300 rows. Skill 0.05 [0.03, 0.07], degraded below 0.03."


def test_a_histogram_has_the_shares_of_both_sides_in_the_same_bins():
    shown = histogram(REFERENCE.features[0], Numeric.of(SHAPE, np.array([-1.0, -1.0, 0.5, np.nan])))
    assert [(each["bin"], each["window"]) for each in shown["bins"]] == [("below 0", 0.5), ("0 to 1", 0.25), ("from 1", 0.0), ("infinite", 0.0), ("null", 0.25)]
    assert {each["reference"] for each in shown["bins"]} == {0.2}


def test_of_many_categories_those_with_the_largest_shares_are_shown():
    names = tuple(f"c{each}" for each in range(50))
    counts = np.arange(52)[None, :]
    live = Categorical(CategoricalShape(names), np.arange(50)[::-1], 0, 3)
    shown = [each["bin"] for each in histogram(Feature("carrier", "categorical", counts), live)["bins"]]
    assert len(shown) == 10
    assert {"c0", "c1", "other", "null"} <= set(shown)
