"""What a run left in the store beside its row in the index: learning curves, what it cost the machine, its code. Verbs of `trimtab runs`."""

import contextlib
import io
import json
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NotThere
from trimtab.cli.index import Index, folder_of
from trimtab.cli.options import Form
from trimtab.cli.render import png, svg
from trimtab.cli.render.show import Output, emit, lines, say, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.compare import upright
from trimtab.cli.views.plot import Points, plot
from trimtab.cli.views.table import Table

SHORT_KEY = 8
MIB = 1024**2

Run = Annotated[str, typer.Argument(metavar="RUN", help="The beginning of a run's key.")]
Metric = Annotated[str | None, typer.Option("--metric", help="Only this metric.")]
Picture = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write a picture for a browser, a notebook or a report.", show_default=False)]
Bitmap = Annotated[Path | None, typer.Option("--png", metavar="FILE", help="The same as PNG; needs trimtab[png].", show_default=False)]
Source = Annotated[bool, typer.Option("--source", help="Print the code of trainer.python, as it ran.")]

Row = tuple[Any, ...]


@contextlib.asynccontextmanager
async def opened(cluster: Cluster) -> AsyncIterator[tuple[transfer.Transfer, Index]]:
    """The store, and the copy of the index with what is new there."""
    index = Index(folder_of(cluster.access))
    async with transfer.opened(cluster) as store:
        await _bring_up_to_date(store, index)
        yield store, index


async def index_of(cluster: Cluster, *, offline: bool = False) -> Index:
    if offline:
        return Index(folder_of(cluster.access))
    async with opened(cluster) as (_, index):
        return index


async def file_of(store: transfer.Transfer, run: dict[str, Any], name: str, folder: Path) -> Path:
    """A file of a run's record, on this machine."""
    if not run.get("run_uri"):
        raise NotThere(f"Run {short(run)} left no record.", "trimtab runs list")
    uri = f"{run['run_uri']}/{name}"
    return (await store.fetch([uri], folder))[uri]


def short(run: dict[str, Any]) -> str:
    return str(run["run_key"])[:SHORT_KEY]


async def _bring_up_to_date(store: transfer.Transfer, index: Index) -> None:
    listed = [each for each in await store.objects(f"{await store.where()}/index/runs/") if each["uri"].endswith(".parquet")]
    missing = index.missing(listed)
    with tempfile.TemporaryDirectory() as scratch:
        index.take(listed, await store.fetch(missing, Path(scratch)) if missing else {})


async def _rows(cluster: Cluster, run: str, name: str, query: str) -> tuple[dict[str, Any], list[Row]]:
    """The run, and what a query finds in one Parquet file of its record."""
    async with opened(cluster) as (store, index):
        found = index.one(run)
        with tempfile.TemporaryDirectory() as scratch:
            path = await file_of(store, found, name, Path(scratch))
            return found, duckdb.execute(query, [str(path)]).fetchall()


@on_cluster
async def curves(cluster: Cluster, run: Run, metric: Metric = None, picture: Picture = None, bitmap: Bitmap = None, output: Form = Output.TABLE) -> None:
    """Learning curves of a run, drawn in the terminal or as a picture."""
    query = "SELECT iteration, split, metric, value FROM read_parquet(?) ORDER BY metric, split, iteration"
    found, rows = await _rows(cluster, run, "curves.parquet", query)
    wanted = [row for row in rows if metric in (None, row[2])]
    if not wanted:
        raise NotThere(f"Run {short(found)} has no learning curve{f' of {metric}' if metric else ': its estimator does not fit in iterations'}.")
    names = dict.fromkeys(row[2] for row in wanted)
    plots = {name: {split: [(row[0], row[3]) for row in wanted if row[1:3] == (split, name)] for split in _splits(wanted, name)} for name in names}
    table = Table(("ITERATION", "SPLIT", "METRIC", "VALUE"), tuple(wanted), (found["run_key"],))
    _draw(table, plots, (picture, bitmap), output, f"Run {short(found)}")


def _splits(rows: Sequence[Row], metric: str) -> list[str]:
    return list(dict.fromkeys(row[1] for row in rows if row[2] == metric))


@on_cluster
async def hardware(cluster: Cluster, run: Run, picture: Picture = None, bitmap: Bitmap = None, output: Form = Output.TABLE) -> None:
    """CPU and memory of a run over time."""
    query = "SELECT seconds, cpu_percent, memory_bytes, threads, machine_cpu_percent, machine_memory_percent FROM read_parquet(?) ORDER BY seconds"
    found, rows = await _rows(cluster, run, "hardware.parquet", query)
    plots = {
        "CPU, percent of one": {"this run": [(row[0], row[1]) for row in rows], "the machine, all CPUs as 100": [(row[0], row[4]) for row in rows]},
        "memory, MiB": {"this run": [(row[0], row[2] / MIB) for row in rows]},
    }
    titles = ("SECONDS", "CPU PERCENT", "MEMORY BYTES", "THREADS", "MACHINE CPU PERCENT", "MACHINE MEMORY PERCENT")
    _draw(Table(titles, tuple(rows), (found["run_key"],)), plots, (picture, bitmap), output, f"Run {short(found)}, by seconds since it began")


def _draw(table: Table, plots: Mapping[str, Mapping[str, Points]], pictures: tuple[Path | None, Path | None], output: Output, title: str) -> None:
    as_svg, as_png = pictures
    if as_svg:
        as_svg.write_text(svg.page(title, plots))
    if as_png:
        png.write(as_png, title, plots)
    if any(pictures):
        say(f"{' and '.join(str(each) for each in pictures if each)} written.")
    elif output != Output.TABLE:
        show(table, output, [])
    else:
        for name, curves_of in plots.items():
            lines([name, *plot(curves_of), ""])


@on_cluster
async def code(cluster: Cluster, run: Run, source: Source = False, output: Form = Output.TABLE) -> None:
    """What code a run was made by: the person's own and its digest, git, image, libraries."""
    async with opened(cluster) as (store, index):
        found = index.one(run)
        with tempfile.TemporaryDirectory() as scratch:
            record = json.loads((await file_of(store, found, "record.json", Path(scratch))).read_text())
            if source:
                emit(_source(await _archive(store, found, record, Path(scratch))))
                return
    table = upright(_made_by(record), found["run_key"])
    show(table, output, table_lines(table))


async def _archive(store: transfer.Transfer, run: dict[str, Any], record: dict[str, Any], folder: Path) -> bytes:
    if not record.get("code", {}).get("archive"):
        made = record.get("trainer", {}).get("estimator") or "the simple model"
        raise NotThere(f"Run {short(run)} brought no code of its own: it fitted {made}.", f"trimtab runs code {short(run)}")
    return (await file_of(store, run, "code.tar.gz", folder)).read_bytes()


def _source(archive: bytes) -> str:
    """The files of an archive one after another, each under its name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        texts = [(each.name, content.read().decode("utf-8", "replace")) for each in files if each.isfile() and (content := files.extractfile(each))]
    return "\n".join(f"# {name}\n{text.rstrip()}\n" for name, text in sorted(texts)).rstrip()


def _made_by(record: dict[str, Any]) -> dict[str, Any]:
    around = record.get("surroundings", {})
    return {
        "trainer": {key: record.get("trainer", {}).get(key) for key in ("kind", "estimator", "seed")},
        "code": record.get("code", {}),
        "git": record.get("git", {}),
        "features": {each["name"]: f"version {each['version']}, {each['digest'][:16]}" for each in record.get("dataset", {}).get("featureVersions") or []},
        **{key: around.get(key) for key in ("image", "python", "platform", "cpu_model")},
        "libraries": around.get("libraries", {}),
    }
