"""`trimtab promote mv/NAME --to DEPLOYMENT`: makes a Deployment serve a version, or prints the patch for Git."""

import json
from typing import Annotated

import typer

from trimtab.api.kinds import BY_KIND
from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import Usage
from trimtab.cli.options import Named
from trimtab.cli.render import yaml
from trimtab.cli.render.show import Output, emit, say
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Manifest, at, ref

EXAMPLE = "trimtab promote mv/flights-v7 --to production -o yaml"
MORE = (
    "-o yaml or json prints what to commit and changes nothing. A copy in another namespace waits for its own approval, and its files must be readable there."
)

To = Annotated[str | None, typer.Option("--to", help="Deployment of this namespace that is to serve the version: sets its spec.version.")]
Elsewhere = Annotated[str | None, typer.Option("--to-namespace", help="Namespace that gets a copy of the version.")]
Printed = Annotated[Output | None, typer.Option("--output", "-o", help="yaml or json: print it for Git, change nothing.")]


@on_cluster
async def promote(cluster: Cluster, name: Named, to: To = None, to_namespace: Elsewhere = None, output: Printed = None) -> None:
    """Serve a version by name, or copy it elsewhere."""
    listed = await cluster.listed()
    version = choose(listed, name, ("ModelVersion",))
    if (to is None) == (to_namespace is None):
        raise Usage("Give either --to DEPLOYMENT or --to-namespace NAMESPACE.", EXAMPLE)
    wanted = deeds.pinned(choose(listed, to, ("Deployment",)), version) if to else deeds.copied(version, str(to_namespace))
    if output:
        emit(json.dumps(wanted, indent=2) if output == Output.JSON else yaml.dump(wanted).rstrip("\n"))
        return
    await _do(cluster, version, wanted)


async def _do(cluster: Cluster, version: Manifest, wanted: Manifest) -> None:
    kind, namespace = BY_KIND[wanted["kind"]], at(wanted, "metadata.namespace")
    if wanted["kind"] == "Deployment":
        await cluster.patch(kind, wanted["metadata"]["name"], {"spec": wanted["spec"]})
        say(f"{ref(wanted)} was told to serve {ref(version)}.")
    else:
        await cluster.create(kind.api_version, kind.plural, wanted, namespace)
        say(f"{ref(version)} was copied into namespace {namespace}; it is verified there.")
