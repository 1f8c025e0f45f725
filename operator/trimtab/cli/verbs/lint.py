"""`trimtab lint DIR`: what is wrong with manifests, before anything is applied."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.api.kinds import BY_KIND
from trimtab.cli.access import kubeconfig
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.checking import Problem, is_ours, problems, references
from trimtab.cli.errors import NoCluster, UserError
from trimtab.cli.options import Context, Kubeconfig, Namespace
from trimtab.cli.reading import documents, files
from trimtab.cli.render.show import say

EXAMPLE = "trimtab lint ./flights"
MORE = "Exit codes: 0 nothing is wrong; 1 something is. Schema and rules between fields are checked here, without a cluster; --server also asks it what it would say: policies, permissions, and what may not change."

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with manifests, or one file.", exists=True)]
Server = Annotated[bool, typer.Option("--server", help="Also let the API server check each, as kubectl apply --dry-run=server does.")]

Manifest = dict[str, Any]
Found = list[tuple[Path, Manifest]]


def lint(place: Folder, server: Server = False, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Check manifests before they are applied."""
    found = [(path, each) for path in files(place) for each in documents(path.read_text(), str(path)) if is_ours(each)]
    wrong = [(path, each, problem) for path, each in found for problem in problems(each)]
    where = {id(each): path for path, each in found}
    wrong += [(where[id(each)], each, problem) for each, problem in references([each for _, each in found])]
    if server:
        wrong += asyncio.run(_asked(Place(namespace, context, kubeconfig), found))
    for path, each, problem in wrong:
        say(_line(path, each, problem))
    _end(found, [problem for _, _, problem in wrong])


def _line(path: Path, manifest: Manifest, problem: Problem) -> str:
    name = (manifest.get("metadata") or {}).get("name") if isinstance(manifest.get("metadata"), dict) else None
    return f"{path}: {manifest.get('kind')} {name or '?'}: {'doubt: ' if problem.doubt else ''}{problem.where}: {problem.said}"


def _end(found: Found, wrong: Sequence[Problem]) -> None:
    errors = sum(not problem.doubt for problem in wrong)
    if errors:
        raise UserError(f"{errors} of what {len(found)} manifests say cannot be applied.")
    say(f"{len(found)} manifests of Trimtab's, nothing wrong{f', {len(wrong)} in doubt' if wrong else ''}.")


async def _asked(place: Place, found: Found) -> list[tuple[Path, Manifest, Problem]]:
    """What the API server objects to; nothing is written."""
    async with Cluster(kubeconfig.find(place)) as cluster:
        return [(path, each, problem) for path, each in found if each.get("kind") in BY_KIND for problem in await _dry_run(cluster, each)]


async def _dry_run(cluster: Cluster, manifest: Manifest) -> list[Problem]:
    kind = BY_KIND[manifest["kind"]]
    name = (manifest.get("metadata") or {}).get("name", "")
    try:
        url = cluster.path(kind.api_version, kind.plural, name, (manifest.get("metadata") or {}).get("namespace", ""))
        query = {"dryRun": "All", "fieldManager": "trimtab-cli", "force": "true", "fieldValidation": "Strict"}
        await cluster.request("PATCH", url, manifest, "application/apply-patch+yaml", query=query)
    except NoCluster:
        raise
    except UserError as error:
        return [Problem("the API server", error.sentence)]
    return []
