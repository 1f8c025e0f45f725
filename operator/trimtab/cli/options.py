"""Options that every verb has, written once: which cluster, which namespace, which form of answer."""

from typing import Annotated

import typer

from trimtab.cli.render.show import Output

Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace; absent: the kubeconfig's.", show_default=False)]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig; absent: the current one.", show_default=False)]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Kubeconfig file; absent: KUBECONFIG, or ~/.kube/config.", show_default=False)]
Form = Annotated[Output, typer.Option("--output", "-o", help="table, json, yaml or name.")]
Named = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of an object or a model; with its kind where two share a name: mv/flights-v7.", show_default=False)
]
