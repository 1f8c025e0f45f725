"""The long form of tests/property/test_simulations.py, as a table: `python tests/bench/simulations.py > table.md` (some minutes).

What it printed last stands in docs/statistics.md. Seeds are fixed; nothing is asserted.
"""

import sys
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / each) for each in ("operator", "tests")]

from support import flights, simulations  # noqa: E402

Row = tuple[str, str, str]


def independent_rows() -> Iterator[Row]:
    for rows, features, runs in ((50, 5, 400), (50, 200, 40), (200, 50, 100), (1000, 5, 400), (1000, 200, 40), (10_000, 20, 100)):
        found = simulations.family_wise(rows, features, runs, 0.05, reference=5000)
        yield f"independent rows, {rows} rows, {features} features: false alarms", "at most .05", str(found)
    for rows in (200, 500, 1000):
        ours, exact = simulations.power(rows, 0.15, 300, 0.01)
        yield f"a shift of 0.15 sigma among {rows} rows: found", f"exact KS on the rows {exact.share:.2f}", str(ours)


def days() -> Iterator[Row]:
    for pattern in simulations.PATTERNS:
        for count, alpha in ((60, 0.05), (120, 0.01), (360, 0.01)):
            found = simulations.blocked_false_alarms(pattern, 60, count, 60, alpha, seed=5)
            yield f"{pattern}, {count} days of reference: false alarms", f"at most {alpha:g}", str(found)
        tested, cut = simulations.row_wise_alarms(pattern, 60, 0.01)
        yield f"{pattern}, the same days by tests of rows (Holm) / PSI above 0.1", "what not to do", f"{tested.share:.2f} / {cut.share:.2f}"


def rollouts() -> Iterator[Row]:
    for weight, rate in ((0.1, 0.01), (0.5, 0.05)):
        ours, usual = (simulate(weight, rate, 20_000, 400, 0.05) for simulate in (simulations.false_rollbacks, simulations.false_rollbacks_of_fixed_tests))
        yield f"equal versions, weight {weight:.0%}, errors {rate:.0%}, 60 looks: taken back", f"at most .05 (z-test at each look {usual.share:.2f})", str(ours)
    yield "a version at its bound of 2%, 100 looks: found above it", "at most .05", str(simulations.false_alarms_of_bound(0.02, 20_000, 400, 0.05))
    for weight in (0.1, 0.5):
        for name, stable, candidate in (("errors 1% to 2%", 0.01, 0.02), ("accuracy 90% to 85%", 0.10, 0.15), ("errors 1% to 10%", 0.01, 0.10)):
            mean, detected = simulations.requests_to_detect(weight, stable, candidate, 100, 0.01)
            yield f"{name}, weight {weight:.0%}, alpha .01: mean requests of both until noticed", "", f"{mean:,.0f} (noticed: {detected.share:.0%})"


def real_flights() -> Iterator[Row]:
    reference = flights.days_of_half_a_year()
    for name, folds in (("in ten random parts", flights.in_tens(reference)), ("each month by the other five", flights.by_month(reference))):
        for alpha in (0.05, 0.01):
            found = simulations.share(flights.held_out_alarms(reference, alpha, folds))
            yield f"flights, days of January to June {name}: alarms", f"{alpha:g}", str(found)
    yield "flights, the same days by chi-square of rows (BH)", "what not to do", f"{np.mean(flights.row_wise_alarms(reference, 0.01)):.2f}"
    for name, until in (("January", "2013-02-01"), ("January-June", "2013-07-01")):
        model = flights.model_of(until)
        losses = flights.losses_by_month(model, [f"2013-{month:02d}" for month in range(8, 11)])
        told = ", ".join(f"{month[-2:]}: {loss:.3f}" for month, loss in losses.items())
        yield f"flights, {name} model: first degraded up to 30 September", f"log loss {told}", str(model.first_degraded("2013-09-30") or "quiet")
        yield f"flights, {name} model: most evidence of the betting test up to 30 September", "20 is alpha .05", f"{model.evidence('2013-09-30'):.1f}"


MONTHS = [partial(flights.of_months, f"2013-{first:02d}-01", f"2013-{until:02d}-01") for first, until in ((1, 2), (1, 4), (1, 6), (4, 6))]


def versions() -> Iterator[Row]:
    """Equal versions, and one that learned nothing against one that did, from each Sunday of June to November on."""
    found = [flights.contestants(seed) for seed in range(5)]
    for every in (1, 6):
        equal = [told for each in found for told in each.outcomes(each.one, each.other, every=every)]
        worse = [told for each in found for told in each.outcomes(each.shuffled, each.other, every=every)]
        which = "all flights" if every == 1 else "one flight in six"
        shares = [np.mean([told == each for told, _ in equal]) for each in ("Worse", "Improved")]
        right = [day for told, day in worse if told == "Worse"]
        yield (
            f"{which}: of {len(equal)} pairs of equal versions looked at each day, called worse / better",
            "about .05 each",
            " / ".join(f"{each:.3f}" for each in shares),
        )
        right_way = [each for mine, theirs in permutations(MONTHS, 2) for each in flights.decided(found[0], mine(), theirs(), every)]
        yield (
            f"{which}: of {len(right_way)} decisions about versions of different months, the way round that four weeks say",
            "",
            f"{np.mean(right_way):.3f}",
        )
        yield f"{which}: versions that learned from shuffled labels, called worse within four weeks", "", f"{len(right) / len(worse):.3f}"


def main() -> None:
    print("| simulation | promised, or beside it | found |\n|---|---|---|")
    for part in (independent_rows, days, rollouts, real_flights, versions):
        for row in part():
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
