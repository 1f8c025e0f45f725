"""Names and texts inside DuckDB's SQL. What a person writes as a value goes as a parameter instead."""


def name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
