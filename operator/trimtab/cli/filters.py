"""Typed filters over a table of columns: `params.max_depth > 5 and (metrics.roc_auc >= 0.8 or owner = 'ops')`, as SQL with parameters.

    either   := both ("or" both)*                      both  := one ("and" one)*
    one      := "not" one | "(" either ")" | name test
    test     := ("=" | "!=" | "<" | "<=" | ">" | ">=") value | "like" text | "in" "(" value ("," value)* ")" | "is" ["not"] "null"
    value    := number | 'text' | "text" | true | false

A name's type decides how it is compared: a number with numbers, a time with times written as text, text with text. Nothing a person
writes reaches the SQL but through a parameter or a name that is known.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from trimtab.cli.errors import Usage

Type = Literal["text", "number", "time"]


@dataclass(frozen=True)
class Term:
    """What a name stands for: SQL and its type. `mixed` is text that is compared as a number where a number is given."""

    sql: str
    type: Type
    mixed: bool = False
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Filter:
    """A condition for WHERE, and its parameters in the order of their marks."""

    sql: str = "true"
    parameters: tuple[Any, ...] = ()


Names = Callable[[str], Term | None]
"""What a name means; None where it means nothing."""

TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|(?P<name>[A-Za-z_][\w.\-/]*)|(?P<mark><=|>=|!=|<>|==|[=<>(),]))"""
)
COMPARISONS = {"=": "=", "==": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    place: int

    def is_word(self, word: str) -> bool:
        return self.kind == "name" and self.text.lower() == word


def parse(text: str, names: Names, known: list[str]) -> Filter:
    """The filter; Usage with the place and what was expected where it means nothing."""
    return _Parser(text, names, known).whole()


class _Parser:
    def __init__(self, text: str, names: Names, known: list[str]) -> None:
        self._text, self._names, self._known = text, names, known
        self._tokens, self._next = tokens(text), 0

    def whole(self) -> Filter:
        if not self._tokens:
            return Filter()
        found = self._either()
        if self._peek():
            raise self._error("`and`, `or` or the end")
        return found

    def _either(self) -> Filter:
        return self._chain("or", lambda: self._chain("and", self._one))

    def _chain(self, word: str, part: Callable[[], Filter]) -> Filter:
        parts = [part()]
        while (token := self._peek()) and token.is_word(word):
            self._next += 1
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return Filter(f"({f' {word} '.join(each.sql for each in parts)})", tuple(value for each in parts for value in each.parameters))

    def _one(self) -> Filter:
        token = self._peek()
        if token and token.is_word("not"):
            self._next += 1
            inner = self._one()
            return Filter(f"(NOT coalesce({inner.sql}, false))", inner.parameters)
        if token and token.text == "(":
            self._next += 1
            inner = self._either()
            self._expect(")")
            return inner
        if token is None or token.kind != "name":
            raise self._error("a name")
        self._next += 1
        return self._test(self._term(token))

    def _term(self, token: Token) -> Term:
        found = self._names(token.text)
        if found:
            return found
        near = difflib.get_close_matches(token.text, self._known, 1)
        said = f" Did you mean {near[0]}?" if near else f" Names are {', '.join(self._known[:12])} ..."
        raise Usage(f"There is nothing called {token.text} to filter by.{said}", "trimtab runs list --columns")

    def _test(self, term: Term) -> Filter:
        token = self._peek()
        if token and token.kind == "mark" and token.text in COMPARISONS:
            self._next += 1
            return self._compared(term, COMPARISONS[token.text], self._value())
        if token and token.is_word("like"):
            self._next += 1
            return Filter(f"({term.sql})::VARCHAR ILIKE ?", (*term.parameters, str(self._value())))
        if token and token.is_word("in"):
            self._next += 1
            return self._in(term)
        if token and token.is_word("is"):
            self._next += 1
            return self._null(term)
        raise self._error("=, !=, <, <=, >, >=, like, in or is")

    def _in(self, term: Term) -> Filter:
        self._expect("(")
        parts = [self._compared(term, "=", self._value())]
        while (token := self._peek()) and token.text == ",":
            self._next += 1
            parts.append(self._compared(term, "=", self._value()))
        self._expect(")")
        return Filter(f"({' or '.join(each.sql for each in parts)})", tuple(value for each in parts for value in each.parameters))

    def _null(self, term: Term) -> Filter:
        token = self._peek()
        negated = bool(token and token.is_word("not"))
        self._next += negated
        token = self._peek()
        if not token or not token.is_word("null"):
            raise self._error("null")
        self._next += 1
        return Filter(f"({term.sql}) IS {'NOT ' if negated else ''}NULL", term.parameters)

    def _compared(self, term: Term, sign: str, value: Any) -> Filter:
        if term.mixed and isinstance(value, (int, float)) and not isinstance(value, bool):
            return Filter(f"try_cast({term.sql} AS DOUBLE) {sign} ?", (*term.parameters, float(value)))
        if term.mixed or term.type == "text":
            return Filter(f"{term.sql} {sign} ?", (*term.parameters, _as_text(value)))
        if term.type == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise self._error("a number", before=True)
        if term.type == "time":
            return Filter(f"{term.sql} {sign} ?::TIMESTAMPTZ", (*term.parameters, self._time(value)))
        return Filter(f"{term.sql} {sign} ?", (*term.parameters, value))

    def _time(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", value):
            raise self._error("a time as text, such as '2026-01-05'", before=True)
        return value if re.search(r"(Z|[+-]\d\d:?\d\d)$", value[10:]) else f"{value}{'T00:00:00' if len(value) == 10 else ''}Z"

    def _value(self) -> Any:
        token = self._peek()
        if token is None or token.kind == "mark":
            raise self._error("a value: a number, or text in quotes")
        self._next += 1
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        if token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        raise self._error(f"a value; text stands in quotes: '{token.text}'", before=True)

    def _expect(self, mark: str) -> None:
        token = self._peek()
        if token is None or token.text != mark:
            raise self._error(f"`{mark}`")
        self._next += 1

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _error(self, wanted: str, *, before: bool = False) -> Usage:
        place = self._next - before
        at = self._tokens[place].place if place < len(self._tokens) else len(self._text)
        return Usage(f"The filter means nothing at character {at + 1}; expected {wanted}:\n  {self._text}\n  {' ' * at}^")


def tokens(text: str) -> list[Token]:
    found, place = [], 0
    while place < len(text.rstrip()):
        place += len(text[place:]) - len(text[place:].lstrip())
        match = TOKEN.match(text, place)
        if not match or not match.lastgroup:
            raise Usage(f"The filter has a character that means nothing at {place + 1}:\n  {text}\n  {' ' * place}^")
        kind = match.lastgroup
        found.append(Token(kind, match[kind], match.start(kind)))
        place = match.end()
    return found


def _as_text(value: Any) -> str:
    """As the index has it: booleans and numbers as JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)
