"""The index of runs on this machine: a copy of the namespace's, brought up to date by what is new, and searched with typed filters.

The workers write one small file a run, and put many together (`trimtab.store.run_index`); here all rows lie in one Parquet file, with the address and ETag of the
file that each row came from, so that only what is new or changed is fetched again.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from trimtab.cli import filters
from trimtab.cli.access.kubeconfig import Access
from trimtab.cli.errors import NotThere, UserError
from trimtab.cli.filters import Filter, Term
from trimtab.cli.quoting import name as _name
from trimtab.cli.quoting import text as _text
from trimtab.store.run_index import COLUMNS, NEWEST, SPLITS

URI, ETAG = "source_uri", "source_etag"
OURS = (URI, ETAG)
ALIASES = {"dataset": "dataset_name", "job": "training_job", "run": "run_key", "started": "started_at", "seconds": "duration_seconds"}
SPREAD = {"parameters": "params", "feature_versions": "features"}
"""Maps whose entries also stand as columns of the copy, `params.max_depth`: a query then reads that column and not every map."""
MOST_SPREAD = 400
"""Columns made of one map; what is beyond is still found in the map, more slowly."""
MAPS = {"params": "parameters", "parameters": "parameters", "given": "given", "features": "feature_versions"}
METRICS = "metrics."
"""`metrics.roc_auc` is the test split's; `metrics.train.roc_auc` names another."""


def folder_of(access: Access) -> Path:
    """Where the copy of one namespace of one cluster lies."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "trimtab-cli" / hashlib.sha256(f"{access.server} {access.namespace}".encode()).hexdigest()[:16]


class Index:
    """`Index(folder)`; `missing`, then `take`, then any number of `select`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "runs.parquet"
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        self._open()

    def _open(self) -> None:
        source = f"read_parquet({_text(str(self.file))})" if self.file.exists() else _nothing()
        self._db.execute(f"CREATE OR REPLACE VIEW runs AS FROM {source}")
        self.types: dict[str, str] = {name: kind for name, kind, *_ in self._db.execute("DESCRIBE runs").fetchall() if name not in OURS}

    def missing(self, listed: Sequence[Mapping[str, Any]]) -> list[str]:
        """Addresses of the files that are not here as they are there."""
        known = dict(self._db.execute(f"SELECT {URI}, {ETAG} FROM runs").fetchall())
        return [str(each["uri"]) for each in listed if known.get(each["uri"]) != each["etag"]]

    def take(self, listed: Sequence[Mapping[str, Any]], files: Mapping[str, Path]) -> None:
        """From now on the copy has these files, and nothing that is not listed any more."""
        etags = {str(each["uri"]): str(each["etag"]) for each in listed}
        self._db.execute("CREATE OR REPLACE TEMP TABLE there (uri VARCHAR, etag VARCHAR, path VARCHAR)")
        rows = [(uri, etag, str(files[uri]) if uri in files else None) for uri, etag in etags.items()]
        if rows:
            self._db.executemany("INSERT INTO there VALUES (?, ?, ?)", rows)
        kept = f"SELECT {self._written()} FROM runs WHERE ({URI}, {ETAG}) IN (SELECT (uri, etag) FROM there WHERE path IS NULL)"
        self._replace(f"{kept} UNION ALL BY NAME {_read(list(files.values()))}" if files else kept)

    def _replace(self, query: str) -> None:
        """Written beside and moved over: another command that reads at this moment sees the old or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".parquet", delete=False) as beside:
            path = Path(beside.name)
        try:
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE whole AS FROM ({query}) QUALIFY {NEWEST}")
            self._db.execute(f"COPY (SELECT *{self._spread()} FROM whole) TO {_text(str(path))} (FORMAT parquet)")
            path.replace(self.file)
        finally:
            path.unlink(missing_ok=True)
        self._open()

    def _written(self) -> str:
        """The columns of the index itself, without those that were made of maps."""
        return f"* EXCLUDE ({', '.join(made)})" if (made := [_name(name) for name in self.types if "." in name]) else "*"

    def _spread(self) -> str:
        there = {name for name, *_ in self._db.execute("DESCRIBE whole").fetchall()}
        keys = [(column, key) for column in SPREAD if column in there for key in self._keys(column, "whole")[:MOST_SPREAD]]
        return "".join(f", {column}[{_text(key)}] AS {_name(f'{SPREAD[column]}.{key}')}" for column, key in keys)

    def select(self, names: Sequence[str], where: str = "", sort: str = "started_at", *, ascending: bool = False, limit: int = 0) -> list[tuple[Any, ...]]:
        """The named values of the runs that the filter lets through."""
        wanted, condition, order = [self.term(name) for name in names], self.filter(where), self.term(sort)
        columns = ", ".join(each.sql for each in wanted)
        query = f"SELECT {columns} FROM runs WHERE {condition.sql} ORDER BY {order.sql} {'ASC' if ascending else 'DESC'} NULLS LAST, run_key"
        parameters = [value for each in wanted for value in each.parameters] + [*condition.parameters, *order.parameters]
        return list(self._db.execute(query + (f" LIMIT {int(limit)}" if limit else ""), parameters).fetchall())

    def groups(self, name: str, metric: str, where: str = "", *, least: bool = False) -> list[tuple[Any, int, float, float, str]]:
        """Runs put together by the value of `name`: that value, how many, their best and median metric, and the key of the best; best first."""
        value, told, condition = self.term(name), self.term(metric), self.filter(where)
        best, order = ("min", "ASC") if least else ("max", "DESC")
        query = f"""
            WITH told AS (SELECT {value.sql} AS value, {told.sql} AS metric, run_key FROM runs WHERE {condition.sql})
            SELECT value, count(*), {best}(metric), median(metric), arg_{best}(run_key, metric) FROM told
            WHERE metric IS NOT NULL GROUP BY value ORDER BY {best}(metric) {order}, value"""
        return list(self._db.execute(query, [*value.parameters, *told.parameters, *condition.parameters]).fetchall())

    def one(self, run: str) -> dict[str, Any]:
        """The run whose key begins so; where several attempts or jobs share it, the newest."""
        found = self._db.execute("SELECT * FROM runs WHERE starts_with(run_key, ?) ORDER BY started_at DESC", [run])
        names, rows = [each[0] for each in found.description or []], found.fetchall()
        if not rows:
            raise NotThere(f"There is no run whose key begins with {run}.", "trimtab runs list")
        keys = {dict(zip(names, row, strict=True))["run_key"] for row in rows}
        if len(keys) > 1:
            raise UserError(f"{len(keys)} runs begin with {run}: {', '.join(sorted(keys)[:4])}; write more of the key.")
        return {name: value for name, value in zip(names, rows[0], strict=True) if name not in OURS and "." not in name}

    def filter(self, text: str) -> Filter:
        return filters.parse(text, self.named, self.names)

    def term(self, name: str) -> Term:
        """What a name stands for; Usage with the nearest where it stands for nothing."""
        found = self.named(name)
        if found is None:
            self.filter(f"{name} is null")  # says so
        return found or Term("NULL", "text")

    def named(self, name: str) -> Term | None:
        head, _, rest = name.partition(".")
        if rest and MAPS.get(head) in self.types:
            return self._entry(MAPS[head], rest)
        if name.startswith(METRICS):
            return self._column(rest.replace(".", "_") if rest.partition(".")[0] in SPLITS else f"test_{rest}")
        return self._column(ALIASES.get(name, name))

    def _entry(self, column: str, key: str) -> Term | None:
        """One entry of a map: the column made of it, else the map itself; None where no run has it."""
        mixed = column != "feature_versions"
        made = [name for name in self.types if name.startswith(f"{SPREAD.get(column)}.")]
        if f"{SPREAD.get(column)}.{key}" in made:
            return Term(_name(f"{SPREAD[column]}.{key}"), "text" if mixed else "number", mixed=mixed)
        if column in SPREAD and len(made) < MOST_SPREAD:
            return None
        return Term(f"{column}[?]", "text" if mixed else "number", mixed=mixed, parameters=(key,))

    def _column(self, name: str) -> Term | None:
        kind = self.types.get(name)
        if kind is None or kind.startswith("MAP"):
            return None
        return Term(_name(name), "time" if kind.startswith("TIMESTAMP") else "text" if kind == "VARCHAR" else "number")

    @property
    def names(self) -> list[str]:
        """Everything there is to filter by."""
        plain = [name for name, kind in self.types.items() if not kind.startswith("MAP")]
        metrics = [METRICS + name.removeprefix("test_") for name in plain if name.startswith("test_")]
        return [*plain, *metrics]

    def _keys(self, column: str, table: str) -> list[str]:
        return [key for (key,) in self._db.execute(f"SELECT DISTINCT unnest(map_keys({column})) AS key FROM {table} ORDER BY key").fetchall()]


def _read(paths: Sequence[Path]) -> str:
    files = ", ".join(_text(str(path)) for path in paths)
    rows = f"read_parquet([{files}], union_by_name = true, filename = true)"
    return f"SELECT run.* EXCLUDE (filename), there.uri AS {URI}, there.etag AS {ETAG} FROM {rows} AS run JOIN there ON there.path = run.filename"


def _nothing() -> str:
    """What an index without a run looks like."""
    columns = [f"CAST(NULL AS {each.type}) AS {each.name}" for each in COLUMNS] + [f"CAST(NULL AS VARCHAR) AS {name}" for name in OURS]
    return f"(SELECT {', '.join(columns)} LIMIT 0)"
