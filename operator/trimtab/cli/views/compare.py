"""Several things side by side, only where they differ. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.cli.views.table import Table

Facts = Mapping[str, Any]


def flat(facts: Facts, prefix: str = "") -> dict[str, Any]:
    """Nested values by their path.

    >>> flat({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': '[2]'}
    """
    found: dict[str, Any] = {}
    for key, value in facts.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = str(value) if isinstance(value, (list, tuple)) else value
    return found


def differences(titles: Sequence[str], facts: Sequence[Facts], *, everything: bool = False) -> Table:
    """A row for each value in which at least two differ, in the order of the first that has it."""
    each = [flat(one) for one in facts]
    names = dict.fromkeys(name for one in each for name in one)
    rows = [(name, *(one.get(name) for one in each)) for name in names if everything or len({repr(one.get(name)) for one in each}) > 1]
    return Table(("", *titles), tuple(rows), tuple(titles))


def upright(facts: Facts, title: str = "") -> Table:
    """One thing, a line a value; what is empty is left out."""
    rows = [(name, value) for name, value in flat(facts).items() if value not in (None, "", [], {})]
    return Table(("FIELD", "VALUE"), tuple(rows), (title,) if title else ())
