"""The verb `evaluate` against a real object store: real flights, answered by the server's own code, judged from what it left behind."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from support import watched
from support.watched import Place, Version, between
from trimtab.api.documents import DOCUMENT_VARIABLE
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.evaluation import EvaluateDocument, unpack
from trimtab.api.termination import LOG_BYTES
from trimtab.jobs import run
from trimtab.jobs.errors import UserFault
from trimtab_serving.protocol import Request

SINCE, UNTIL = "2013-05-25", "2013-06-25"
"""A month that no model here has seen, of the season that it learned."""
LATE = "2013-06-12"
"""From then on, in tests of what goes wrong."""
FEWER = {"window": {"duration": "24h", "minRows": 100}}


@pytest.fixture(scope="module")
def good(place: Place) -> Version:
    return place.learned()


@pytest.fixture(scope="module")
def bad(place: Place) -> Version:
    return place.mislearned()


@pytest.fixture(scope="module")
def month() -> pd.DataFrame:
    return between(SINCE, UNTIL, 3)


@pytest.fixture(scope="module")
def calm(place: Place, good: Version, month: pd.DataFrame) -> str:
    """A Deployment that has answered a month of flights, all of whose labels came."""
    place.pod("calm", good).answers(month).is_told(month)
    return "calm"


def late_days(month: pd.DataFrame) -> pd.Series:
    return month.sched_dep >= pd.Timestamp(LATE, tz="UTC")


def report(place: Place, uri: str) -> dict[str, Any]:
    return dict(json.loads(place.store.get(f"{uri}/report.json")))


def test_a_month_like_those_it_learned_from_is_quiet(place, good, calm):
    result, found = place.evaluate(calm, good.pointer, UNTIL, SINCE)
    assert {each.verdict for each in found.windows} == {"Quiet"}
    assert (len(found.windows), found.drift, found.performance) == (20, "Calm", "Calm")
    assert (found.tested, found.drifted, found.left_out, found.faults, found.clock_jump) == (7, 0, ["weekday"], [], False)
    assert found.expected_false_alarms_per_month == 0.0
    assert float(found.skill.skill) > float(found.skill.line)
    assert float(found.skill.matured) > 0.95
    assert (found.replay.replayed, found.replay.mismatched) == (200, 0)
    assert result.message.startswith("flights-v1, window 2013-06-24 00:00: Quiet, 333 rows. Skill ")
    assert report(place, result.uri)["advice"][0]["do"] == "Nothing. Retraining would not pay."


def test_the_report_is_one_page_that_needs_nothing_else(place, good, calm):
    result, _ = place.evaluate(calm, good.pointer, UNTIL, SINCE, name="paged")
    page = place.store.get(f"{result.uri}/report.html").decode()
    assert result.uri.endswith("/reports/paged/2013-06-24T00:00:00Z")
    assert page.startswith("<!doctype html><html lang=en>")
    assert not re.search(r"(src|href)=", page)
    assert all(f"aria-label='{name}" in page for name in ("Skill by window", "Windows of inputs", "Effect of each input"))
    assert good.pointer.uri in page


def test_every_window_that_closed_meanwhile_has_a_report(place, good, calm):
    place.evaluate(calm, good.pointer, "2013-06-03", SINCE, name="each")
    place.evaluate(calm, good.pointer, "2013-06-06", SINCE, name="each")
    folder = place.layout.reports("each")
    found = {each.uri.removeprefix(f"{folder}/")[:10] for each in place.store.list(folder) if each.uri.endswith("report.json")}
    assert found == {f"2013-05-{day}" for day in range(25, 32)} | {f"2013-06-{day:02d}" for day in range(1, 6)}


def test_an_incident_has_a_report_of_its_own(place, good, calm):
    result, _ = place.evaluate(calm, good.pointer, UNTIL, SINCE, name="hurt", incident="0123456789abcdef")
    found = report(place, f"{place.layout.reports('hurt')}/incidents/0123456789abcdef")
    assert found["incident"] == "0123456789abcdef"
    assert found["drift"] == report(place, result.uri)["drift"]


def test_a_column_that_moved_has_drifted(place, good, month):
    moved = month.assign(distance=month.distance.where(~late_days(month), month.distance * 2))
    place.pod("moved", good).answers(moved).is_told(moved)
    result, found = place.evaluate("moved", good.pointer, "2013-06-16", SINCE)
    assert [each.verdict for each in found.windows[-5:]] == ["Quiet", "Drifted", "Drifted", "Drifted", "Drifted"]
    assert (found.drift, found.drifted, found.worst[0].feature) == ("Alarm", 1, "distance")
    assert found.faults == []
    assert "distance" in report(place, result.uri)["advice"][0]["why"]
    once, later = (place.evaluate("moved", good.pointer, until, SINCE)[1] for until in ("2013-06-13", "2013-06-14"))
    assert (once.drift, later.drift) == ("Strange", "Alarm")


def test_a_column_that_went_empty_is_a_fault_and_no_drift(place, good, month):
    emptied = month.assign(distance=month.distance.where(~late_days(month)))
    place.pod("emptied", good).answers(emptied).is_told(emptied)
    result, found = place.evaluate("emptied", good.pointer, "2013-06-16", SINCE)
    assert [(each.name, each.column, each.detail) for each in found.faults] == [
        ("NullFlood", "distance", "100% of distance is missing; in the reference it was at most 0%.")
    ]
    assert "distance" not in [each.feature for each in found.worst]
    assert (found.windows[-1].verdict, found.drift) == ("Quiet", "Calm")
    assert report(place, result.uri)["advice"][0]["do"].startswith("Mend what feeds distance. Do not retrain")


def test_features_that_were_swapped_in_serving_show_when_predictions_are_computed_again(place, good, month):
    def swapped(model: Any, request: Request) -> list[Any]:
        inputs = request.inputs
        places = {"hour": "minute", "minute": "hour"}
        order = [inputs.groups[0].index(places.get(name, name)) for name in inputs.groups[0]]
        return model.predict(request._replace(inputs=inputs._replace(blocks=[inputs.blocks[0][order]])))

    some = month[:2000]
    place.pod("swapped", good).answers(some, answering=swapped)
    _, found = place.evaluate("swapped", good.pointer, "2013-05-28", SINCE)
    assert found.replay.replayed == 200
    assert found.replay.mismatched > 150
    assert re.match(r"2013-05-27T\d\d/\d+ was answered \[.*\]; computed again it is \[.*\]\.", found.replay.detail)
    assert (found.drift, found.faults) == ("Calm", [])


def test_another_model_than_the_one_that_was_registered_shows_too(place, good, bad, month):
    other = place.pod("other", bad).model
    place.pod("other", good).answers(month[:2000], answering=lambda _, request: other.predict(request))
    _, found = place.evaluate("other", good.pointer, "2013-05-28", SINCE)
    assert (found.replay.replayed, found.replay.mismatched) == (200, 200)


def test_a_file_that_was_changed_in_the_store_is_a_mismatch_and_stops_nothing_else(place, good, calm, bad):
    broken = place.model(place.dataset("flights", between("2013-01-01", "2013-07-01", 4)), seed=3)
    place.pod("broken", broken).answers(between(SINCE, "2013-05-28", 2))
    (file,) = (each for each in place.store.list(broken.pointer.uri) if each.uri.endswith("model.onnx"))
    place.store.put(file.uri, place.store.get(file.uri) + b" ")
    _, found = place.evaluate("broken", broken.pointer, "2013-05-28", SINCE, predecessor=good.numbered(2))
    assert found.replay.mismatched == 200
    assert "sha256" in found.replay.detail
    assert found.drift == "Calm"


def test_a_version_worse_than_the_one_before_it_is_told_so(place, good, bad, month):
    some = month[:4000]
    place.pod("worse", bad, 2).answers(some).is_told(some)
    _, found = place.evaluate("worse", bad.numbered(2), "2013-06-06", SINCE, predecessor=good.pointer)
    assert found.judged.outcome == "Worse"
    assert found.judged.lower < found.judged.gain < found.judged.upper < 0
    assert found.judged.labels > 1500


def test_a_better_version_is_told_so(place, good, bad, calm):
    result, found = place.evaluate(calm, good.pointer, UNTIL, SINCE, predecessor=bad.numbered(9))
    assert (found.judged.outcome, found.judged.lower > 0) == ("Improved", True)
    assert report(place, result.uri)["comparison"]["predecessor"] == "flights-v9"


def test_an_equal_version_is_no_gain_and_that_is_told_when_days_are_enough(place, good, calm):
    early = place.evaluate(calm, good.pointer, "2013-06-12", SINCE, predecessor=good.numbered(9))[1]
    later = place.evaluate(calm, good.pointer, "2013-06-16", SINCE, predecessor=good.numbered(9))[1]
    assert early.judged is None
    assert (later.judged.outcome, later.judged.gain) == ("NoGain", 0)


def test_without_enough_labels_nothing_is_said_of_the_versions(place, good, bad, month):
    some = month[:600]
    place.pod("few", bad, 2).answers(some).is_told(some[:150])
    result, found = place.evaluate("few", bad.numbered(2), "2013-05-29", SINCE, predecessor=good.pointer)
    assert (found.judged, found.incomparable) == (None, "")
    assert "it takes 200" in report(place, result.uri)["comparison"]["remark"]


def test_a_predecessor_that_is_gone_is_said_and_stops_nothing(place, good, calm):
    gone = good.pointer.model_copy(update={"uri": good.pointer.uri + "0", "name": "flights-v0"})
    result, found = place.evaluate(calm, good.pointer, "2013-06-10", SINCE, predecessor=gone)
    assert found.judged is None
    assert report(place, result.uri)["comparison"]["remark"] == found.incomparable
    assert found.incomparable.startswith("flights-v0 cannot be asked")
    assert found.drift == "Calm"


def test_versions_are_not_given_up_before_the_new_one_has_logged_anything(place, good, month):
    """Its input may be one that no version before it had."""
    some = month[:1000]
    place.pod("unheard", good, 1, exclude=["carrier"]).answers(some).is_told(some)
    _, found = place.evaluate("unheard", good.numbered(2), "2013-05-31", SINCE, predecessor=good.pointer)
    assert (found.judged, found.incomparable) == (None, "")
    _, found = place.evaluate("never-asked", good.numbered(2), "2013-05-31", SINCE, predecessor=good.pointer)
    assert (found.judged, found.incomparable) == (None, "")


@pytest.mark.parametrize(("hidden", "why"), [("hash", "carrier is hashed in the prediction log"), ("exclude", "carrier is not in the prediction log")])
def test_versions_whose_inputs_the_log_hides_can_never_be_compared_and_that_is_said(place, good, month, hidden, why):
    some = month[:1000]
    place.pod(f"veiled-{hidden}", good, 2, **{hidden: ["carrier"]}).answers(some).is_told(some)
    _, found = place.evaluate(f"veiled-{hidden}", good.numbered(2), "2013-05-31", SINCE, predecessor=good.pointer)
    assert (found.judged, found.incomparable) == (None, f"{why}, so the versions cannot be asked again.")


def test_labels_that_have_not_matured_say_nothing(place, good, month):
    some = month[:3000]
    place.pod("young", good).answers(some).is_told(some)
    _, found = place.evaluate("young", good.pointer, "2013-06-02", SINCE, performance={"labelMaturity": "48h"})
    assert (found.performance, found.skill) == ("Unknown", None)
    _, found = place.evaluate("young", good.pointer, "2013-06-03", SINCE, performance={"labelMaturity": "48h"})
    assert found.performance != "Unknown"
    assert found.skill.labels > 1500


def test_a_window_whose_labels_stopped_coming_is_not_judged(place, good, month):
    some = month[:2400]
    place.pod("stopped", good).answers(some).is_told(some, until="2013-05-28")
    result, found = place.evaluate("stopped", good.pointer, "2013-06-03", SINCE)
    assert (found.performance, found.skill) == ("Unknown", None)
    assert "labels are missing" in report(place, result.uri)["performance"]["windows"][0]["remark"]


def test_skill_that_fell_in_two_windows_is_an_alarm(place, good, bad, month):
    """The registered model promised .05; what answers learned nothing."""
    other = place.pod("fallen", bad).model
    place.pod("fallen", good).answers(month, answering=lambda _, request: other.predict(request)).is_told(month)
    one = place.evaluate("fallen", good.pointer, "2013-06-02", SINCE, performance={"floor": 0.03})[1]
    two = place.evaluate("fallen", good.pointer, "2013-06-09", SINCE, performance={"floor": 0.03})[1]
    assert (one.performance, two.performance) == ("Strange", "Alarm")
    assert (two.skill.line, two.skill_from.isoformat()[:10]) == ("0.03", "2013-06-01")


def test_labels_newer_than_what_the_version_learned_from_are_new(place, month):
    early = place.model(place.dataset("january", between("2013-01-01", "2013-02-01", 4)))
    rows = between("2013-02-01", "2013-02-11", 2)
    place.pod("newer", early).answers(rows).is_told(rows)
    _, found = place.evaluate("newer", early.pointer, "2013-02-11", "2013-02-01")
    known = rows[rows.late.notna() & (rows.sched_dep < pd.Timestamp("2013-02-10", tz="UTC"))]
    assert found.new_rows == len(known)
    assert found.labelled_rows == len(known) + report(place, found.report_uri)["labels"]["learned"]
    assert found.missing_windows > 70
    assert {each.verdict for each in found.windows} == {"Learning"}


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        ({"window": {"duration": "48h"}}, lambda found: len(found.windows) == 15 and found.windows[-1].rows > 500),
        ({"window": {"duration": "6h"}}, lambda found: (found.windows[-1].to - found.windows[-1].from_).days == 1),
        ({"window": {"minRows": 400}}, lambda found: {each.verdict for each in found.windows} == {"DataInsufficient"} and found.drift == "Unknown"),
        ({"features": ["weekday"]}, lambda found: (found.tested, found.left_out, found.worst[0].feature) == (1, [], "weekday")),
        ({"rows": "Independent", "features": ["weekday"]}, lambda found: {each.verdict for each in found.windows} == {"Drifted"}),
        ({"tests": {"alpha": 0.005}}, lambda found: {each.verdict for each in found.windows} == {"Learning"} and found.missing_windows == 71),
        ({"reference": {"type": "Trailing"}}, lambda found: found.windows[-1].verdict == "Learning" and found.missing_windows == 69),
        (
            {"reference": {"type": "Trailing"}, "rows": "Independent", "tests": {"minEffect": 0.0}, "window": {"duration": "12h", "minRows": 20}},
            lambda found: {"Quiet", "Drifted"} >= {each.verdict for each in found.windows} and found.windows[-1].to.hour == 0 and len(found.windows) == 20,
        ),
        ({"performance": {"floor": 0.9}}, lambda found: (found.performance, found.skill.line) == ("Alarm", "0.9")),
        ({"performance": {"tolerance": 0.0}}, lambda found: found.skill.line == found.skill.reference),
        ({"performance": {"window": "672h"}}, lambda found: found.skill.labels > 8000),
        ({"performance": {"labelMaturity": "720h"}}, lambda found: (found.performance, found.new_rows) == ("Unknown", 0)),
        ({"performance": {"minLabels": 5000}}, lambda found: (found.performance, found.skill) == ("Unknown", None)),
        ({"skew": {"replay": 0}}, lambda found: found.replay is None),
        ({"skew": {"replay": 20}}, lambda found: found.replay.replayed == 20),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_each_field_of_the_spec_changes_what_is_found(place, good, calm, spec, changed):
    _, found = place.evaluate(calm, good.pointer, UNTIL, SINCE, name="fields", **spec)
    assert changed(found), found


def test_levels_decide_what_is_drifted_and_how_often(place, good, month):
    moved = month.assign(distance=month.distance.where(~late_days(month), month.distance * 2))[: int(late_days(month).argmax()) + 700]
    place.pod("levels", good).answers(moved)

    def look(**tests: Any) -> Any:
        return place.evaluate("levels", good.pointer, "2013-06-14", SINCE, tests=tests)[1]

    effect = look().windows[-1].effect
    assert look(minEffect=round(effect, 2) + 0.02).drifted == 0
    assert look(minEffect=round(effect, 2) - 0.02).drifted == 1
    assert [look(consecutive={"k": k, "of": 3}).drift for k in (2, 3)] == ["Alarm", "Strange"]


def test_an_input_that_does_not_exist_is_said(place, good, calm):
    with pytest.raises(UserFault, match=r"spec.features: there is no column speed; the columns are carrier, origin"):
        place.evaluate(calm, good.pointer, UNTIL, SINCE, features=["speed"])


def test_before_a_window_has_closed_there_is_nothing_to_say(place, good, calm):
    result, found = place.evaluate(calm, good.pointer, "2013-05-25T07:00:00", SINCE)
    assert (found.windows, found.drift, found.performance, result.uri) == ([], "Unknown", "Unknown", "")
    assert result.message == "No window has closed since the version began to serve."


def test_event_times_that_leap_are_a_clock_jump(place, good, month):
    some = month[:900]
    stray = some[:1].assign(sched_dep=some.sched_dep[:1] + pd.Timedelta(days=60))
    place.pod("leapt", good).answers(pd.concat([some, stray]))
    result, found = place.evaluate("leapt", good.pointer, "2013-07-25", SINCE)
    assert found.clock_jump
    assert report(place, result.uri)["clockJump"].startswith("Event times leapt from 2013-05-")


def test_two_pods_and_a_late_piece_add_up(place, good, month):
    some = month[:1200]
    place.pod("pair", good, name="pod-1").answers(some[::2], prefix="a").is_told(some[::2], prefix="a")
    half = place.evaluate("pair", good.pointer, "2013-05-28", SINCE, **FEWER)[1]
    place.pod("pair", good, name="pod-2").answers(some[1::2], prefix="b").is_told(some[1::2], prefix="b")
    whole = place.evaluate("pair", good.pointer, "2013-05-28", SINCE, **FEWER)[1]
    assert sum(each.rows for each in half.windows) * 2 == pytest.approx(sum(each.rows for each in whole.windows), abs=3)


def test_what_is_not_logged_is_not_looked_at_and_is_no_fault(place, good, month):
    place.pod("veiled", good, exclude=["distance"], hash=["dest"]).answers(month[:900]).is_told(month[:900])
    result, found = place.evaluate("veiled", good.pointer, "2013-05-27", SINCE, predecessor=good.numbered(2), performance={"minLabels": 100})
    assert {"distance", "dest"} <= set(found.left_out)
    assert (found.faults, found.replay, found.judged) == ([], None, None)
    assert report(place, result.uri)["replay"]["remark"] == "distance is not in the prediction log."


def test_a_model_that_a_person_brought_is_judged_by_a_floor_and_against_its_predecessor(place, good, bad, month):
    some = month[:4000]
    (file,) = (each for each in place.store.list(bad.pointer.uri) if each.uri.endswith("model.onnx"))
    brought = place.brought(place.store.get(file.uri), 7)
    place.pod("brought", brought, 7).answers(some).is_told(some)
    assert place.evaluate("brought", brought.pointer, "2013-06-06", SINCE, predecessor=good.pointer)[1].judged.outcome == "Worse"
    _, found = place.evaluate("brought", brought.pointer, "2013-06-03", SINCE)
    assert (found.performance, found.skill.reference, found.skill.line) == ("Unknown", "", "")
    assert {each.verdict for each in found.windows} == {"Learning"}
    assert (found.replay.replayed, found.replay.mismatched) == (200, 0)
    _, found = place.evaluate("brought", brought.pointer, "2013-06-03", SINCE, performance={"floor": 0.03})
    assert (found.performance, found.skill.line) == ("Strange", "0.03")


def test_the_shell_runs_it_and_its_answer_fits_a_termination_message(place, good, calm):
    document = EvaluateDocument(
        namespace="team", name="shell", uid="u", deployment=calm, watching=good.pointer, now=watched.utc(UNTIL), since=watched.utc(SINCE),
        spec=DriftMonitorSpec.model_validate({"deployment": calm, "clock": "Event"}),
    )  # fmt: skip
    env = place.objects.environment(place.bucket) | {DOCUMENT_VARIABLE: document.model_dump_json(by_alias=True), "TRIMTAB_METRICS_PORT": "0"}
    result, code = run.answer(env)
    assert (code, result.outcome, result.reason) == (0, "Succeeded", "Evaluated")
    assert len(result.encode()) <= LOG_BYTES
    assert len(unpack(result.packed).windows) == 20


def test_the_same_look_finds_the_same(place: Place, good: Version, calm: str, tmp_path: Path) -> None:
    first, second = (place.evaluate(calm, good.pointer, UNTIL, SINCE, name=name)[1] for name in ("twice", "twice"))
    assert first == second
    assert np.isfinite(float(first.skill.lower)) if first.skill else False


def test_on_the_clock_on_the_wall_labels_mature_when_their_predictions_were_made_so_long_ago(place, good, calm):
    """The month was answered just now, be it before midnight, whatever time its requests are about."""
    moment = max(pd.Timestamp(each.modified) for each in place.store.list(f"{place.layout.predictions(calm)}/")).tz_convert(None)
    today, since = moment.normalize(), (moment - pd.Timedelta(days=2)).isoformat()
    times = [each.isoformat() for each in (moment, today + pd.Timedelta(days=1), today + pd.Timedelta(days=10))]
    young, tomorrow, old = (place.evaluate(calm, good.pointer, each, since, name="wall", clock="Wall") for each in times)
    assert (young[1].performance, young[1].skill, young[1].new_rows) == ("Unknown", None, 0)
    assert old[1].skill.labels > 8000
    assert report(place, tomorrow[0].uri)["clockJump"].endswith("were about other times; set spec.clock to Event.")


def test_requests_from_the_future_are_a_clock_jump_on_the_wall(place, good, calm):
    _, found = place.evaluate(calm, good.pointer, "2013-06-16", SINCE, name="future", clock="Wall")
    assert found.clock_jump
