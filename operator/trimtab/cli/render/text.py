"""Trees and tables as text: aligned like kubectl's, coloured where the console shows colours (NO_COLOR is kept by rich)."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from trimtab.cli.views.health import Mark
from trimtab.cli.views.table import Table
from trimtab.cli.views.tree import Node, Tree

SIGNS = {
    Mark.OK: ("✔", "green"),
    Mark.WARNING: ("!", "yellow"),
    Mark.WORKING: ("◌", "cyan"),
    Mark.FAILED: ("✖", "red"),
    Mark.PAUSED: ("=", "magenta"),
    Mark.WAITING: ("?", "dim"),
}


def tree_lines(tree: Tree) -> list[Text]:
    return [Text(tree.title, "bold"), *_branches(tree.nodes, "")]


def _branches(nodes: Sequence[Node], indent: str) -> Iterable[Text]:
    for place, node in enumerate(nodes):
        last = place == len(nodes) - 1
        yield _line(node, f"{indent}{'└─ ' if last else '├─ '}")
        deeper = f"{indent}{'   ' if last else '│  '}"
        if node.message and node.mark != Mark.OK:
            yield Text(f"{deeper}{'│  ' if node.children else '   '}{node.message}", "dim")
        yield from _branches(node.children, deeper)


def _line(node: Node, indent: str) -> Text:
    sign, style = SIGNS[node.mark]
    words = [node.word, *node.facts]
    return Text.assemble(indent, (sign, style), " ", (node.name, "bold"), "  ", (" · ".join(filter(None, words)), style if node.mark != Mark.OK else ""))


def table_lines(table: Table) -> list[Text]:
    """Columns aligned, the last one as long as it is; a column that nobody has anything in is left out."""
    kept = [place for place, title in enumerate(table.columns) if any(_cell(row[place]).plain for row in table.rows) or not table.rows]
    cells = [[_cell(row[place]) for place in kept] for row in table.rows]
    titles = [Text(table.columns[place], "bold") for place in kept]
    widths = [max(len(row[column]) for row in [titles, *cells]) for column in range(len(kept))]
    return [_row(row, widths) for row in [titles, *cells]]


def _row(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        line.append_text(cell)
        if place < len(cells) - 1:
            line.append(" " * (width - len(cell) + 2))
    return line


def _cell(value: Any) -> Text:
    if isinstance(value, Mark):
        return Text(*SIGNS[value])
    if isinstance(value, float):
        return Text(f"{value:.5g}")
    return Text("" if value is None else str(value))
