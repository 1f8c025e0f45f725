"""Which row is for training, which for validation, which for the test.

One rule for all methods: rows form blocks that stay together, blocks stand in an order, and a block goes where the middle of
it falls on the scale from 0 to 100 percent.

    method      block                 order                      done separately for
    time        rows of one time      by time                    -
    group       rows of one group     by hash of seed and group  -
    random      one row               by hash of seed and row    -
    stratified  one row               by hash of seed and row    each class

A row is known by `spec.id` where that is given, so that the split does not depend on the order of rows; else by its number.
Shares are exact to half a block. The hash is MD5 because every version of every engine agrees on it, not to hide anything.
"""

from dataclasses import dataclass

from trimtab.api.dataset import DatasetSpec, Task
from trimtab.api.reasons import Reason
from trimtab.jobs.dataset.checking import Label
from trimtab.jobs.dataset.engine import Engine, name, text
from trimtab.jobs.errors import UserFault

SPLITS = ("train", "validation", "test")
LEAST_ROWS_OF_A_CLASS = 2


@dataclass(frozen=True)
class Sizes:
    """Rows of each split."""

    train: int
    validation: int
    test: int


def method_of(spec: DatasetSpec, task: Task) -> str:
    """The method a spec asks for, or the right one for its kind of data."""
    fitting = "time" if spec.timestamp else "stratified" if task == "classification" else "random"
    method = spec.split.method or fitting
    if method == "stratified" and task == "regression":
        raise UserFault(
            Reason.LABEL_UNUSABLE, Reason.LABEL_UNUSABLE.say(detail="split.method stratified keeps the shares of classes, and this is regression; use random.")
        )
    return method


def split(engine: Engine, spec: DatasetSpec, label: Label) -> Sizes:
    """Make the table `parts` (row, split) of all labelled rows; TooFewRows where a split or a class is left without."""
    method = method_of(spec, label.task)
    engine.execute(f"CREATE TABLE parts AS {assignment(spec, method)}")
    counts = dict(engine.execute("SELECT split, count(*) FROM parts GROUP BY 1").fetchall())
    sizes = Sizes(*(int(counts.get(each, 0)) for each in SPLITS))
    for each in SPLITS:
        if not counts.get(each):
            raise _too_few(label, f"the {each} split is left without rows; {_why_empty(engine, spec, method)}")
    if label.classes:
        _enough_of_each_class(engine, label)
    return sizes


def assignment(spec: DatasetSpec, method: str) -> str:
    """SQL: every labelled row's number and split."""
    block, order, stratum = _keys(spec, method)
    first_cut, second_cut = spec.split.train, spec.split.train + spec.split.validation
    return f"""
        WITH keyed AS (SELECT rowid AS row, {block} AS block, {order} AS place, {stratum} AS stratum FROM data WHERE {name(spec.label)} IS NOT NULL),
             blocks AS (SELECT stratum, block, place, count(*) AS size FROM keyed GROUP BY ALL),
             middles AS (
                SELECT stratum, block, place, 100 * (
                    sum(size) OVER (PARTITION BY stratum ORDER BY place, block ROWS UNBOUNDED PRECEDING) - size / 2
                ) / sum(size) OVER (PARTITION BY stratum) AS middle FROM blocks)
        SELECT row, CASE WHEN middle < {first_cut} THEN 'train' WHEN middle < {second_cut} THEN 'validation' ELSE 'test' END AS split
        FROM keyed JOIN middles ON keyed.block IS NOT DISTINCT FROM middles.block AND keyed.place = middles.place AND keyed.stratum IS NOT DISTINCT FROM middles.stratum"""


def _keys(spec: DatasetSpec, method: str) -> tuple[str, str, str]:
    """SQL of block, order and stratum."""
    if method == "time":
        return name(spec.timestamp or ""), name(spec.timestamp or ""), "0"
    if method == "group":
        group = name(spec.split.column or "")
        return group, _hash(spec, f"coalesce(CAST({group} AS VARCHAR), '')"), "0"
    row = f"coalesce(CAST({name(spec.id)} AS VARCHAR), '')" if spec.id else "CAST(rowid AS VARCHAR)"
    return "rowid", _hash(spec, row), name(spec.label) if method == "stratified" else "0"


def _hash(spec: DatasetSpec, value: str) -> str:
    return f"md5({text(f'{spec.split.seed}:')} || {value})"


def _why_empty(engine: Engine, spec: DatasetSpec, method: str) -> str:
    """What would help, by method."""
    if method in {"time", "group"}:
        column = spec.timestamp if method == "time" else spec.split.column
        blocks = engine.execute(f"SELECT count(DISTINCT {name(column or '')}) FROM data WHERE {name(spec.label)} IS NOT NULL").fetchone()[0]
        return f"column {column} has {blocks} different values, whose rows stay together. Use another split.method or give more data."
    return "give more rows, or larger percentages."


def _enough_of_each_class(engine: Engine, label: Label) -> None:
    quoted = name(label.name)
    sql = f"SELECT {quoted}, count(*) FILTER (split = 'train') AS n FROM data JOIN parts ON data.rowid = parts.row GROUP BY 1 HAVING n < {LEAST_ROWS_OF_A_CLASS} ORDER BY n, 1 LIMIT 1"
    if found := engine.execute(sql).fetchone():
        raise _too_few(label, f"class {found[0]} of column {label.name} has {found[1]} of them in the train split, and needs {LEAST_ROWS_OF_A_CLASS}.")


def _too_few(label: Label, detail: str) -> UserFault:
    return UserFault(Reason.TOO_FEW_ROWS, Reason.TOO_FEW_ROWS.say(rows=label.labelled, detail=detail))
