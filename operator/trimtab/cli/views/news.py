"""What of a tree is new since it was last told: the lines of `watch` where there is no terminal. Pure, but for the memory it is given."""

from collections.abc import Iterator, Sequence

from trimtab.cli.views.tree import Node, Tree


def news(tree: Tree, told: dict[str, str]) -> Iterator[str]:
    """A line for each node that is not as it was told; `told` is brought up to date."""
    for path, node in _all(tree.nodes, ""):
        line = _line(node)
        if told.get(path) != line:
            told[path] = line
            yield f"{path}: {line}"


def _all(nodes: Sequence[Node], above: str) -> Iterator[tuple[str, Node]]:
    for node in nodes:
        path = f"{above}{node.name}"
        yield path, node
        yield from _all(node.children, f"{path} ")


def _line(node: Node) -> str:
    words = " · ".join(filter(None, [node.word, *node.facts]))
    return f"{words or node.mark}{f': {node.message}' if node.message else ''}"
