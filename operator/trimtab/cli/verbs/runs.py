"""`trimtab runs ...`: every training that was ever done here, searched with typed filters."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NotThere, Usage
from trimtab.cli.index import Index, folder_of
from trimtab.cli.options import Form
from trimtab.cli.render.show import Output, emit, lines, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.compare import differences, upright
from trimtab.cli.views.plot import plot
from trimtab.cli.views.table import Table

NAME = "runs"
HELP = "Training runs: list, show, compare, curves."
EXAMPLES = {
    "list": "trimtab runs list \"params.max_depth > 5 and (metrics.roc_auc >= 0.8 or owner = 'ops')\"",
    "show": "trimtab runs show 13cc0633",
    "compare": "trimtab runs compare 13cc0633 9c970a3b",
    "curves": "trimtab runs curves 13cc0633",
}

DEFAULT = ("training_job", "outcome", "started_at", "duration_seconds", "dataset", "dataset_version", "estimator", "metrics.skill")
SHORT_KEY = 8

Where = Annotated[
    str, typer.Argument(metavar="[FILTER]", help="A typed filter: names, =, !=, <, <=, >, >=, like, in, is null, and, or, not.", show_default=False)
]
Columns = Annotated[str, typer.Option("--columns", "-c", help="More columns, with commas between them: params.max_depth,metrics.log_loss")]
Sort = Annotated[str, typer.Option("--sort", help="Column to sort by, largest first.")]
Up = Annotated[bool, typer.Option("--up", help="Smallest first.")]
Limit = Annotated[int, typer.Option("--limit", help="So many runs; 0: all.", min=0)]
Offline = Annotated[bool, typer.Option("--offline", help="Search the copy on this machine as it is.")]
NamesOnly = Annotated[bool, typer.Option("--names", help="Only say what there is to filter by.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The beginning of a run's key.")]
Several = Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Beginnings of two or more runs' keys.")]
Everything = Annotated[bool, typer.Option("--all", help="Also what is the same.")]
Record = Annotated[bool, typer.Option("--record", help="The whole record.json.")]
Metric = Annotated[str | None, typer.Option("--metric", help="Only this metric.")]


@contextlib.asynccontextmanager
async def _opened(cluster: Cluster) -> AsyncIterator[tuple[transfer.Transfer, Index]]:
    """The store, and the copy of the index with what is new there."""
    index = Index(folder_of(cluster.access))
    async with transfer.opened(cluster) as store:
        await _bring_up_to_date(store, index)
        yield store, index


async def _index(cluster: Cluster, *, offline: bool = False) -> Index:
    if offline:
        return Index(folder_of(cluster.access))
    async with _opened(cluster) as (_, index):
        return index


async def _file(store: transfer.Transfer, run: dict[str, Any], name: str, folder: Path) -> Path:
    """A file of a run's record, on this machine."""
    if not run.get("run_uri"):
        raise NotThere(f"Run {run['run_key'][:SHORT_KEY]} left no record.", "trimtab runs list")
    uri = f"{run['run_uri']}/{name}"
    return (await store.fetch([uri], folder))[uri]


async def _bring_up_to_date(store: transfer.Transfer, index: Index) -> None:
    listed = [each for each in await store.objects(f"{await store.where()}/index/runs/") if each["uri"].endswith(".parquet")]
    missing = index.missing(listed)
    with tempfile.TemporaryDirectory() as scratch:
        index.take(listed, await store.fetch(missing, Path(scratch)) if missing else {})


@on_cluster
async def list_(
    cluster: Cluster, where: Where = "", columns: Columns = "", sort: Sort = "started_at", up: Up = False, limit: Limit = 20,
    offline: Offline = False, names: NamesOnly = False, output: Form = Output.TABLE,
) -> None:  # fmt: skip
    """Runs that a filter lets through, newest first."""
    index = await _index(cluster, offline=offline)
    if names:
        emit("\n".join(index.names))
        return
    table = _table(index, [*DEFAULT, *(each.strip() for each in columns.split(",") if each.strip())], where, sort, limit, up=up)
    show(table, output, table_lines(table))


def _table(index: Index, names: Sequence[str], where: str, sort: str, limit: int, *, up: bool) -> Table:
    wanted = dict.fromkeys(("run_key", *names, *([sort] if sort not in names else [])))
    rows = index.select([*wanted], where, sort, ascending=up, limit=limit)
    told = [(row[0][:SHORT_KEY], *(_told(value) for value in row[1:])) for row in rows]
    return Table(("RUN", *(name.upper().removeprefix("METRICS.") for name in [*wanted][1:])), tuple(told), tuple(row[0] for row in rows))


def _told(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="seconds")
    return value.rpartition(".")[2] if isinstance(value, str) and value.startswith("sklearn.") else value


@on_cluster
async def show_(cluster: Cluster, run: Run, record: Record = False, output: Form = Output.TABLE) -> None:
    """One run: data, parameters, metrics, what it took."""
    async with _opened(cluster) as (store, index):
        found = index.one(run)
        if record:
            with tempfile.TemporaryDirectory() as scratch:
                emit((await _file(store, found, "record.json", Path(scratch))).read_text())
            return
    table = upright(found, found["run_key"])
    show(table, output, table_lines(table))


IDENTITY = (
    "run_key",
    "attempt",
    "started_at",
    "finished_at",
    "duration_seconds",
    "cpu_seconds",
    "peak_memory_bytes",
    "run_uri",
    "artifact_uri",
    "artifact_digest",
    "message",
)
"""What differs between any two runs and says nothing about why."""


@on_cluster
async def compare(cluster: Cluster, runs: Several, everything: Everything = False, output: Form = Output.TABLE) -> None:
    """Runs side by side, only where they differ."""
    if len(runs) < 2:
        raise Usage("Give two runs or more.", EXAMPLES["compare"])
    index = await _index(cluster)
    found = [index.one(run) for run in runs]
    facts = [{name: value for name, value in each.items() if everything or name not in IDENTITY} for each in found]
    table = differences([each["run_key"][:SHORT_KEY] for each in found], facts, everything=everything)
    show(table, output, table_lines(table))


@on_cluster
async def curves(cluster: Cluster, run: Run, metric: Metric = None, output: Form = Output.TABLE) -> None:
    """Learning curves of a run, drawn in the terminal."""
    async with _opened(cluster) as (store, index):
        found = index.one(run)
        with tempfile.TemporaryDirectory() as scratch:
            path = await _file(store, found, "curves.parquet", Path(scratch))
            rows = duckdb.execute("SELECT iteration, split, metric, value FROM read_parquet(?) ORDER BY metric, split, iteration", [str(path)]).fetchall()
    wanted = [row for row in rows if metric in (None, row[2])]
    if not wanted:
        raise NotThere(
            f"Run {found['run_key'][:SHORT_KEY]} has no learning curve{f' of {metric}' if metric else ': its estimator does not fit in iterations'}."
        )
    table = Table(("ITERATION", "SPLIT", "METRIC", "VALUE"), tuple(wanted), (found["run_key"],))
    if output != Output.TABLE:
        show(table, output, [])
        return
    for name in dict.fromkeys(row[2] for row in wanted):
        splits = dict.fromkeys(row[1] for row in wanted if row[2] == name)
        lines([name, *plot({split: [(row[0], row[3]) for row in wanted if row[1:3] == (split, name)] for split in splits}), ""])
