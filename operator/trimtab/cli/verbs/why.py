"""`trimtab why NAME`: the chain of conditions that keeps an object from being Ready, the last cause first."""

from collections.abc import Iterator

from rich.text import Text

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, show
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.why import Answer, Link
from trimtab.cli.views.why import why as answer_of

EXAMPLE = "trimtab why flights"


@on_cluster
async def why(cluster: Cluster, name: Named, output: Form = Output.TABLE) -> None:
    """Why something is not Ready. The last cause first; and why the newest version is not served."""
    answer = answer_of(await cluster.listed(), name)
    show(answer, output, list(_lines(answer)))


def _lines(answer: Answer) -> Iterator[Text]:
    if answer.ready:
        yield Text.assemble((answer.object, "bold"), " is Ready. ", answer.message)
    for place, link in enumerate(answer.links):
        yield _line(link, "" if place == 0 else f"{'  ' * place}so ")
    for note in answer.notes:
        yield Text(f"But: {note}" if answer.ready else f"Also: {note}", "yellow")


def _line(link: Link, indent: str) -> Text:
    since = f" since {link.since:%Y-%m-%d %H:%M:%S}" if link.since else ""
    style = "cyan" if link.by_itself else "red"
    return Text.assemble(indent, (link.object, "bold"), "  ", (f"{link.reason}{since}", style), f": {link.message}")
