"""`trimtab init NAME --data FILE`: looks at the data, says what it found, and writes the first manifests."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli import checking
from trimtab.cli.access import kubeconfig, transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.beginning import manifests
from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.looking import Look, look
from trimtab.cli.options import Context, Kubeconfig, Namespace
from trimtab.cli.render.show import say

EXAMPLE = "trimtab init flights --data january.csv --upload"
MORE = "A file of this machine is only looked at, unless --upload puts it into the namespace's store. A file in the store is read through a short-lived pod."

MOST_NAME = 44

New = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model and of the four objects.", show_default=False)]
Data = Annotated[str, typer.Option("--data", help="CSV or Parquet: a file here, or s3://bucket/file or s3://bucket/folder/.")]
Label = Annotated[str | None, typer.Option("--label", help="Column to predict; absent: guessed, and said so.")]
Timestamp = Annotated[str | None, typer.Option("--timestamp", help="Column with each row's time; absent: guessed, and said so.")]
Upload = Annotated[bool, typer.Option("--upload", help="Put the file into the namespace's store.")]
Uri = Annotated[str | None, typer.Option("--uri", help="Where the file lies, or will: s3://bucket/folder/.")]
Folder = Annotated[Path | None, typer.Option("--to", help="Folder for the manifests; absent: NAME.")]


def init(
    name: New, data: Data, label: Label = None, timestamp: Timestamp = None, upload: Upload = False, uri: Uri = None, to: Folder = None,
    namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None,
) -> None:  # fmt: skip
    """Look at data and write the first manifests."""
    if not checking.NAME.fullmatch(name) or len(name) > MOST_NAME:
        raise Usage(f"{name} is no name: small letters, digits and dashes, at most {MOST_NAME}.")
    folder = to or Path(name)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty.", f"trimtab init {name} --data {data} --to <another folder>")
    found, address = asyncio.run(_looked(Place(namespace, context, kubeconfig), name, data, (label, timestamp), upload=upload, uri=uri))
    for line in sentences(data, found):
        say(line)
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in manifests(name, address, found).items():
        (folder / file).write_text(text)
        say(f"{folder / file} was written.")
    if "<" in address:
        say(f"Next: put the file into the store, and write its address into {folder / 'dataset.yaml'} (or begin again with --upload).")
        return
    say(f"Next: trimtab lint {folder}; kubectl apply -f {folder}; trimtab watch {name}")


async def _looked(place: Place, name: str, data: str, given: tuple[str | None, str | None], *, upload: bool, uri: str | None) -> tuple[Look, str]:
    """What is in the data, and the address that the Dataset gets."""
    if data.startswith("s3://"):
        async with Cluster(kubeconfig.find(place)) as cluster, transfer.opened(cluster) as store:
            return await _look_there(store, data, given), data
    file = Path(data)
    found = look(file, *given)
    if not upload:
        return found, uri or f"s3://<bucket>/{name}/"
    async with Cluster(kubeconfig.find(place)) as cluster, transfer.opened(cluster) as store:
        address = uri or f"{await store.where()}/data/{name}/"
        say(await store.put(file, f"{address.rstrip('/')}/{file.name}"))
    return found, address


async def _look_there(store: transfer.Transfer, uri: str, given: tuple[str | None, str | None]) -> Look:
    objects = [each for each in await store.objects(uri) if each["uri"].endswith((".csv", ".csv.gz", ".parquet", ".pq"))]
    if not objects:
        raise NotThere(f"There is no CSV or Parquet file under {uri}.")
    with tempfile.TemporaryDirectory() as scratch:
        first = objects[0]["uri"]
        return look((await store.fetch([first], Path(scratch)))[first], *given)


def sentences(data: str, found: Look) -> list[str]:
    """What was found, for a person to object to."""
    missing = [f"{each.name} ({each.nulls / found.rows:.0%})" for each in found.columns if each.nulls and each.name != found.label]
    unknown = next(each.nulls for each in found.columns if each.name == found.label)
    told = [
        f"{data}: {found.rows:,} rows, {len(found.columns)} columns.",
        f"Label: {found.label} ({found.label_reason}); {found.task}{'' if not found.values else ': ' + ', '.join(f'{value} {count:,}' for value, count in found.values)}.",
        f"Time: {found.timestamp}." if found.timestamp else "Time: no column is one; the split will not be by time.",
    ]
    told += [f"{unknown:,} rows have no label yet; they are kept out of training and counted."] if unknown else []
    told += [f"Missing values: {', '.join(missing)}."] if missing else []
    return told + [f"Careful: {name}: {why}; it is left out until you say that it was known before the label." for name, why in found.leaks]
