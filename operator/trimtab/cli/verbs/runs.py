"""`trimtab runs ...`: every training that was ever done here, searched with typed filters. What lies beside a run's record: `recorded.py`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import Usage
from trimtab.cli.index import Index
from trimtab.cli.options import Form
from trimtab.cli.recorded import SHORT_KEY, Run, code, curves, file_of, hardware, index_of, opened
from trimtab.cli.render.show import Output, emit, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.compare import differences, upright
from trimtab.cli.views.table import Table

NAME = "runs"
HELP = "Training runs: list, by, show, compare, curves, hardware, code."
EXAMPLES = {
    "list": "trimtab runs list \"params.max_depth > 5 and (metrics.roc_auc >= 0.8 or owner = 'ops')\"",
    "by": "trimtab runs by features.weather --metric log_loss --least",
    "show": "trimtab runs show 13cc0633",
    "compare": "trimtab runs compare 13cc0633 9c970a3b",
    "curves": "trimtab runs curves 13cc0633 --svg curves.svg",
    "hardware": "trimtab runs hardware 13cc0633",
    "code": "trimtab runs code 13cc0633 --source",
}

DEFAULT = ("training_job", "outcome", "started_at", "duration_seconds", "dataset", "dataset_version", "estimator", "metrics.skill")

__all__ = ["EXAMPLES", "HELP", "NAME", "by", "code", "compare", "curves", "hardware", "list_", "show_"]
Where = Annotated[
    str, typer.Argument(metavar="[FILTER]", help="A typed filter: names, =, !=, <, <=, >, >=, like, in, is null, and, or, not.", show_default=False)
]
Columns = Annotated[str, typer.Option("--columns", "-c", help="More columns, with commas between them: params.max_depth,metrics.log_loss")]
Sort = Annotated[str, typer.Option("--sort", help="Column to sort by, largest first.")]
Up = Annotated[bool, typer.Option("--up", help="Smallest first.")]
Limit = Annotated[int, typer.Option("--limit", help="So many runs; 0: all.", min=0)]
Offline = Annotated[bool, typer.Option("--offline", help="Search the copy on this machine as it is.")]
NamesOnly = Annotated[bool, typer.Option("--names", help="Only say what there is to filter by.")]
By = Annotated[str, typer.Argument(metavar="NAME", help="What runs are put together by: dataset_version, features.weather, params.max_depth, estimator ...")]
Metric = Annotated[str, typer.Option("--metric", help="The metric on the test rows that decides.")]
Least = Annotated[bool, typer.Option("--least", help="The smallest value is the best one, as of a loss.")]
Several = Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Beginnings of two or more runs' keys.")]
Everything = Annotated[bool, typer.Option("--all", help="Also what is the same.")]
Record = Annotated[bool, typer.Option("--record", help="The whole record.json.")]


@on_cluster
async def list_(
    cluster: Cluster, where: Where = "", columns: Columns = "", sort: Sort = "started_at", up: Up = False, limit: Limit = 20,
    offline: Offline = False, names: NamesOnly = False, output: Form = Output.TABLE,
) -> None:  # fmt: skip
    """Runs that a filter lets through, newest first."""
    index = await index_of(cluster, offline=offline)
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
async def by(
    cluster: Cluster, name: By, where: Where = "", metric: Metric = "skill", least: Least = False, offline: Offline = False, output: Form = Output.TABLE
) -> None:  # fmt: skip
    """Which gave the better model: runs put together by one value, best first."""
    index = await index_of(cluster, offline=offline)
    rows = index.groups(name, f"metrics.{metric}", where, least=least)
    told = tuple((_told(value), count, best, middle, key[:SHORT_KEY]) for value, count, best, middle, key in rows)
    table = Table((name.upper(), "RUNS", f"BEST {metric.upper()}", "MEDIAN", "BEST RUN"), told, tuple(str(row[-1]) for row in rows))
    show(table, output, table_lines(table))


@on_cluster
async def show_(cluster: Cluster, run: Run, record: Record = False, output: Form = Output.TABLE) -> None:
    """One run: data, parameters, metrics, what it took."""
    async with opened(cluster) as (store, index):
        found = index.one(run)
        if record:
            with tempfile.TemporaryDirectory() as scratch:
                emit((await file_of(store, found, "record.json", Path(scratch))).read_text())
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
    index = await index_of(cluster)
    found = [index.one(run) for run in runs]
    facts = [{name: value for name, value in each.items() if everything or name not in IDENTITY} for each in found]
    table = differences([each["run_key"][:SHORT_KEY] for each in found], facts, everything=everything)
    show(table, output, table_lines(table))
