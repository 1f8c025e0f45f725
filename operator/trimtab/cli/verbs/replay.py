"""`trimtab replay NAME --data FILE`: the past asked again, by event time, with the labels as late as they were."""

import asyncio
import contextlib
import itertools
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.asking import call, reached
from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, aside, show
from trimtab.cli.replaying import ANSWER_SECONDS, CONNECTIONS, Clock, Columns, Replay, read, time_of
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Listed, Manifest, at
from trimtab.cli.views.waiting import duration

EXAMPLE = "trimtab replay flights --data february.csv --speed 3600 --delay 3h"
MORE = """Each row is asked about once, at its moment, with that moment as its event time; its label is told when it had become known. The open loop waits for no answer:
latency counts from when a request was due. A pod is reached through the API server; for high rates run it where --url reaches the Service.

Ends with 1 where any request was not answered; Ctrl-C asks no more, and tells what is known."""

Data = Annotated[str, typer.Option("--data", help="CSV or Parquet: a file here, or s3://bucket/file.", show_default=False)]
Label = Annotated[str | None, typer.Option("--label", help="Column with the label; absent: the label of the Dataset that the model learned from.")]
Time = Annotated[str | None, typer.Option("--time", help="Column with each row's time; absent: the Dataset's timestamp.")]
Id = Annotated[str | None, typer.Option("--id", help="Column that names a row; absent: the Dataset's id, or else its place in the file.")]
Known = Annotated[str | None, typer.Option("--known", help="Column with the time when the label became known, empty where it never did.")]
Delay = Annotated[str, typer.Option("--delay", help="How long after its row a label is known, such as 3h; not with --known.")]
Speed = Annotated[float, typer.Option("--speed", help="Seconds of the past in a second.", min=0.001)]
Since = Annotated[str | None, typer.Option("--from", help="First moment; absent: the first row's.")]
Until = Annotated[str | None, typer.Option("--until", help="Moment to end at; absent: when the last label is told.")]
Hold = Annotated[bool, typer.Option("--hold", help="Let the clock stand still while the model cannot follow, instead of letting requests pile up.")]
Url = Annotated[str | None, typer.Option("--url", help="Where the model answers; absent: a pod is reached through the API server.")]


@on_cluster
async def replay(
    cluster: Cluster, name: Named, data: Data, label: Label = None, time: Time = None, id: Id = None, known: Known = None, delay: Delay = "0s",  # noqa: A002
    speed: Speed = 3600, since: Since = None, until: Until = None, hold: Hold = False, url: Url = None, output: Form = Output.TABLE,
) -> None:  # fmt: skip
    """Ask a served model about the past again, and tell it the labels as late as they were known."""
    listed = await cluster.listed()
    deployment = choose(listed, name, ("Deployment",))
    columns = columns_of(_dataset(listed, deployment), {"label": label, "time": time, "id": id}, known, delay)
    begin, end = (_moment(option, text) for option, text in (("--from", since), ("--until", until)))
    async with _local(cluster, data) as file, reached(cluster, deployment, url) as (base, _):
        past = read(file, columns)
        first = next((each for each in past if begin is None or each.moment >= begin or (each.known and each.known >= begin)), None)
        if first is None:
            raise UserError(f"{data} has no row at or after {begin}." if begin else f"{data} has no rows.")
        path = f"{base}/v2/models/{deployment['spec']['model']}"
        connector, patience = aiohttp.TCPConnector(limit=CONNECTIONS), aiohttp.ClientTimeout(ANSWER_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:
            metadata, _ = await call(session, "GET", path)
            it = Replay(session, path, metadata, Clock(begin or first.moment, speed), aside)
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, it.stop)
            await it.run(itertools.chain([first], past), end, hold=hold)
    _show(it, output, f"trimtab why mdep/{deployment['metadata']['name']}")


def columns_of(dataset: Manifest | None, said: Mapping[str, str | None], known: str | None = None, delay: str = "0s") -> Columns:
    """What was said of the label, the time and the id, and else what the Dataset says."""
    spec = at(dataset, "spec", {})
    found = {"label": said.get("label") or spec.get("label"), "time": said.get("time") or spec.get("timestamp"), "id": said.get("id") or spec.get("id") or ""}
    for what in ("label", "time"):
        if not found[what]:
            raise Usage(f"Nothing says which column is the {what}: the Dataset that the model learned from is not there, or names none.", f"--{what} COLUMN")
    after = timedelta(seconds=duration("--delay", delay))
    if known and after:
        raise Usage("--known and --delay exclude each other: a label is known at the time of a column, or so long after its row.", EXAMPLE)
    return Columns(**found, known=known or "", delay=after)


MOST_SAID = 20


def _dataset(listed: Listed, deployment: Manifest) -> Manifest | None:
    """What the version that is served learned from."""
    served = f"{deployment['spec']['model']}-v{at(deployment, 'status.stable.version')}"
    return listed.find("Dataset", at(listed.find("ModelVersion", served), "spec.lineage.dataset.name"))


def _moment(option: str, text: str | None) -> datetime | None:
    found = time_of(text) if text else None
    if text and not found:
        raise Usage(f"{option} is {text!r}, which is no time such as 2013-01-31 or 2013-01-31T18:00:00Z.", EXAMPLE)
    return found


@contextlib.asynccontextmanager
async def _local(cluster: Cluster, data: str) -> AsyncIterator[Path]:
    """The file, fetched first where it is in the store."""
    if not data.startswith("s3://"):
        if not Path(data).is_file():
            raise NotThere(f"There is no file {data}.")
        yield Path(data)
        return
    with tempfile.TemporaryDirectory() as scratch:
        async with transfer.opened(cluster) as store:
            file = (await store.fetch([data], Path(scratch)))[data]
        named = file.with_name(data.rpartition("/")[2])
        yield file.rename(named)


@dataclass(frozen=True)
class Came:
    """What came of it, for scripts."""

    found: dict[str, Any]
    names: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        return self.found


def _show(it: Replay, output: Output, next_: str) -> None:
    tally = it.tally
    by = ", ".join(f"v{version} {count:,}" for version, count in sorted(tally.versions.items()))
    lines = [f"asked about {tally.asked:,} rows, {tally.answered:,} answered{f' by {by}' if by else ''}; {tally.labels:,} labels taken"]
    show(Came(tally.data(it.clock.held)), output, [*lines, *(f"  {count:6,} {what}" for what, count in tally.failed.most_common(MOST_SAID))])
    if tally.failed:
        raise UserError(f"{tally.failed.total():,} of {tally.asked:,} requests were not answered.", next_)
    if it.complaint:
        raise UserError(f"The last labels were not taken: {it.complaint}.", next_)
