"""Each landing of the year with how late it was, as the source that the three `featureset-*-delays.yaml` describe.

    python examples/flights/prepare_landings.py > landings-2013.csv

A delay is known when its flight has landed, and not before: `landed` is reckoned as `known` in `prepare.py`. What airline, airport
or aircraft a flight has is all that joins it to later ones.
"""

import sys

import pandas as pd
from prepare import TAXI_MINUTES, flights

COLUMNS = ["carrier", "origin", "tailnum", "landed", "arr_delay"]


def landings(table: pd.DataFrame) -> pd.DataFrame:
    """The flights that arrived, in the order in which they did."""
    rows = table[table.arr_delay.notna()].copy()
    departed = pd.to_datetime(rows.time_hour) + pd.to_timedelta(rows.minute + rows.dep_delay, unit="min")
    rows["landed"] = departed + pd.to_timedelta(rows.air_time + TAXI_MINUTES, unit="min")
    return rows.sort_values(["landed", "carrier", "flight"])[COLUMNS]


if __name__ == "__main__":
    landings(flights()).to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
