"""The point-in-time join against its peers, in one run: `python tests/bench/join.py [rows] [features] [contender ...]`.

Every contender gets the same two Parquet files (two keys, times in shuffled order, one feature row in twenty corrected later, one
row in a hundred without a key) and must say for each row the value known at its time: published an hour after the event, valid for
three days from then on. Each runs in a process of its own, for its CPU and its memory alone. What is right comes from a fourth way, a sorted
search in numpy. Read the ratios, not the seconds.

    ours          jobs/features/asof.py, all rows in order, corrections chosen
    ours, bounded the same with 1.2 GB for the engine
    bare          DuckDB's ASOF join by itself: no corrections, no order, no missing keys to mind
    pandas        merge_asof on sorted frames, as its documentation has it
    feast, dask | duckdb   Feast's file store, in a Python of its own (see `feast_join.py`), where FEAST_PYTHON names one

Rows lost and values wrong are counted against all rows that came in: a value of a row that is lost is not counted as wrong too.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2] / "operator")]

import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from trimtab.jobs.dataset import engine as engines  # noqa: E402
from trimtab.jobs.features.asof import Match, beside, join  # noqa: E402

DELAY, TTL = timedelta(hours=1), timedelta(days=3, hours=1)
HOUR = 3_600_000_000
KEYS, DAYS = 1000, 365
MATCH = Match((("a", "a"), ("b", "b")), "ts", "event", "created", DELAY, TTL)
BOUNDED = 1200 << 20


def make(folder: Path, rows: int, features: int) -> None:
    """The two files; every feature row has a value of its own, so that a wrong one is seen."""
    rng = np.random.default_rng(0)
    pq.write_table(_table(rng, rows, "ts", number=np.arange(rows)), folder / "rows.parquet")
    offered = _table(rng, features, "event", value=np.arange(features, dtype=np.float64))
    corrections = features // 20
    twice = offered.take(pa.array(rng.choice(features, corrections, replace=False)))
    created = pa.array(np.concatenate([np.zeros(features, np.int64), np.full(corrections, HOUR)]), pa.timestamp("us"))
    twice = twice.set_column(twice.schema.get_field_index("value"), "value", pa.array(np.arange(corrections, dtype=np.float64) + features))
    both = pa.concat_tables([offered, twice]).append_column("created", created)
    pq.write_table(both.take(pa.array(rng.permutation(features + corrections))), folder / "features.parquet")


def _table(rng: np.random.Generator, count: int, time: str, **more: Any) -> pa.Table:
    a, b = rng.integers(0, KEYS // 10, count), rng.integers(0, 10, count)
    missing = rng.random(count) < 0.01
    columns = {"a": pa.array(a, mask=missing), "b": pa.array(np.char.add("b", b.astype(str)))}
    times = rng.integers(0, DAYS * 24 * 60, count) * (HOUR // 60)
    return pa.table(columns | {time: pa.array(times, pa.timestamp("us"))} | {name: pa.array(values) for name, values in more.items()})


def truth(folder: Path) -> np.ndarray:
    """The value of each row, NaN where there is none: features sorted by key, time and creation, and a search in them."""
    rows, offered = pq.read_table(folder / "rows.parquet").to_pandas(), pq.read_table(folder / "features.parquet").to_pandas()
    offered = offered[offered.a.notna()]
    event, created = (offered[each].to_numpy().astype("datetime64[us]").astype(np.int64) for each in ("event", "created"))
    place = _code(offered) * 10**14 + event // 1_000_000
    order = np.lexsort((created, place))
    ts = rows.ts.to_numpy().astype("datetime64[us]").astype(np.int64)
    wanted = _code(rows) * 10**14 + (ts - DELAY // timedelta(microseconds=1)) // 1_000_000
    found = np.searchsorted(place[order], wanted, side="right") - 1
    hit = order[np.maximum(found, 0)]
    same = (found >= 0) & (_code(offered)[hit] == _code(rows)) & rows.a.notna().to_numpy()
    return np.where(same & (ts - event[hit] <= TTL // timedelta(microseconds=1)), offered.value.to_numpy()[hit], np.nan)


def _code(table: Any) -> np.ndarray:
    return (table.a.fillna(-1).to_numpy().astype(np.int64) + 1) * 10 + table.b.str[1:].astype(int).to_numpy()


def ours(folder: Path, limit: int = 4 << 30) -> Any:
    engines.budget = lambda _available: limit
    with engines.opened(folder / "scratch") as engine:
        for table in ("rows", "features"):
            engine.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{folder}/scratch/{table}.parquet')")
        join(engine, "rows", "features", MATCH, columns={"value": "value"}, to="joined")
        beside(engine, "rows", ["joined"])
        return engine.execute("SELECT number, value FROM rows").to_arrow_table()


def bounded(folder: Path) -> Any:
    return ours(folder, BOUNDED)


def bare(folder: Path) -> Any:
    engine = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2, "memory_limit": "4GB"})
    for table in ("rows", "features"):
        engine.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{folder}/scratch/{table}.parquet')")
    engine.execute(f"""CREATE TABLE wide AS SELECT rows.*, CASE WHEN ts - event <= INTERVAL {TTL // timedelta(hours=1)} HOUR THEN value END AS value FROM rows
        ASOF LEFT JOIN features ON rows.a = features.a AND rows.b = features.b AND ts - INTERVAL 1 HOUR >= event""")
    return engine.execute("SELECT number, value FROM wide").to_arrow_table()


def pandas(folder: Path) -> Any:
    import pandas as pd

    rows, offered = (pd.read_parquet(folder / "scratch" / f"{each}.parquet") for each in ("rows", "features"))
    offered["ts"] = offered.event + DELAY
    offered = offered.sort_values(["ts", "created"], kind="stable")
    found = pd.merge_asof(rows.sort_values("ts", kind="stable"), offered[["ts", "a", "b", "value"]], on="ts", by=["a", "b"], tolerance=TTL - DELAY)
    return pa.table({"number": found.number.to_numpy(), "value": found.value.to_numpy()})


CONTENDERS: dict[str, Callable[[Path], Any]] = {"bare": bare, "ours": ours, "ours, bounded": bounded, "pandas": pandas}
FEAST = ("feast, dask", "feast, duckdb")
FEAST_PYTHON = os.environ.get("FEAST_PYTHON", "")


def of_feast(contender: str, folder: Path) -> tuple[Any, dict[str, float]]:
    """By its own Python; what it found, and what that cost."""
    script = Path(__file__).with_name("feast_join.py")
    ended = subprocess.run([FEAST_PYTHON, str(script), contender.rpartition(" ")[2], str(folder / "scratch")], capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit((ended.stderr.strip().splitlines() or [f"Feast was killed by signal {-ended.returncode}."])[-1])
    found = pq.read_table(folder / "scratch" / "feast.parquet")
    return found.set_column(1, "value", found["value"].cast(pa.float64()).fill_null(np.nan)), json.loads(ended.stdout.splitlines()[-1])


def of_ours(contender: str, folder: Path) -> tuple[Any, dict[str, float]]:
    found = CONTENDERS[contender](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Not ru_maxrss: a child inherits that of the process it was forked from.
    peak = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1]) >> 10
    return found, {"cpu": used.ru_utime + used.ru_stime, "peak": peak}


def run_one(contender: str, folder: Path) -> None:
    """In a process of its own: the join, then what is wrong with it."""
    found, cost = (of_feast if contender in FEAST else of_ours)(contender, folder)
    numbers, values = found.column("number").to_numpy(), found.column("value").to_numpy()
    right = np.load(folder / "truth.npy")
    wrong = int((~((values == right[numbers]) | (np.isnan(values) & np.isnan(right[numbers])))).sum())
    lost = len(right) - len(np.unique(numbers))
    in_order = bool((np.diff(numbers) > 0).all())
    print(json.dumps({**cost, "lost": lost, "wrong": wrong, "order": in_order}))


def compare(rows: int, features: int, contenders: list[str]) -> None:
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        (folder / "scratch").mkdir()
        make(folder / "scratch", rows, features)
        np.save(folder / "truth.npy", truth(folder / "scratch"))
        print(f"{rows} rows against {features} feature rows and {features // 20} corrections, {KEYS} keys\n")
        print("| | rows lost | values wrong | in order | CPU s | CPU, bare = 1 | peak MB |\n|---|---|---|---|---|---|---|")
        unit = 0.0
        for each in contenders:
            ended = subprocess.run([sys.executable, __file__, "--one", each, at], capture_output=True, text=True, check=False)
            for left in [folder / "bare.duckdb", folder / "scratch" / "work.duckdb"]:
                left.unlink(missing_ok=True)
            if ended.returncode:
                print(f"| {each} | ended with {ended.returncode}: {ended.stderr.splitlines()[-1] if ended.stderr else 'killed'} | | | | | |")
                continue
            said = json.loads(ended.stdout)
            unit = unit or said["cpu"]
            print(
                f"| {each} | {said['lost']} | {said['wrong']} | {'yes' if said['order'] else 'no'} | {said['cpu']:.1f} | {said['cpu'] / unit:.2f} | {said['peak']} |",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], Path(sys.argv[3]))
    else:
        compare(int((sys.argv[1:] or ["1000000"])[0]), int((sys.argv[2:] or ["5000000"])[0]), sys.argv[3:] or [*CONTENDERS, *(FEAST if FEAST_PYTHON else ())])
