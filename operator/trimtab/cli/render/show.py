"""What a verb found, in the form that was asked for: for people, or for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from trimtab.cli.render import yaml


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class View(Protocol):
    @property
    def names(self) -> tuple[str, ...]: ...

    def data(self) -> Any: ...


def console(*, error: bool = False) -> Console:
    """Never cuts or wraps: a sentence is one line, whatever the window; pipes get no colours."""
    return Console(stderr=error, soft_wrap=True, highlight=False, emoji=False, markup=False)


def say(text: str | Text) -> None:
    console().print(text)


def aside(text: str) -> None:
    """For people, not for pipes: progress, commands that are run, hints."""
    console(error=True).print(Text(text, "dim"))


def lines(found: Iterable[Text | str]) -> None:
    out = console()
    for line in found:
        out.print(line)


def show(view: View, output: Output, text: Sequence[Text | str]) -> None:
    """`text` is the form for people."""
    match output:
        case Output.JSON:
            emit(json.dumps(view.data(), indent=2, default=str, ensure_ascii=False))
        case Output.YAML:
            emit(yaml.dump(json.loads(json.dumps(view.data(), default=str))).rstrip("\n"))
        case Output.NAME:
            emit("\n".join(view.names))
        case _:
            lines(text)


def emit(text: str) -> None:
    """As it is, for pipes."""
    sys.stdout.write(f"{text}\n")
