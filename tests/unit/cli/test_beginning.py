"""`init`: what it sees in a table, and the manifests it makes of that."""

from pathlib import Path

import duckdb
import pytest
import yaml

from support.command import alone
from trimtab.cli.beginning import manifests
from trimtab.cli.checking import problems
from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.looking import look

COLUMNS = """
    'f' || i AS flight_id, TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS due, i % 700 AS distance, ['UA', 'AA', 'DL'][i % 3 + 1] AS carrier,
    (hash(i) % 4 = 0)::VARCHAR AS late, CASE WHEN hash(i) % 4 = 0 THEN 30 + i % 9 ELSE i % 9 END AS delay, CASE WHEN i % 10 = 0 THEN NULL ELSE 1.5 END AS wind"""


def made(tmp_path: Path, columns: str = COLUMNS, rows: int = 2000) -> Path:
    file = tmp_path / "flights.csv"
    duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) AS r(i)) TO '{file}'")
    return file


def test_label_time_and_id_are_found(tmp_path):
    found = look(made(tmp_path))
    assert (found.label, found.timestamp, found.id, found.task, found.rows) == ("late", "due", "flight_id", "classification", 2000)


def test_a_column_that_tells_the_label_is_told(tmp_path):
    assert [name for name, _ in look(made(tmp_path)).leaks] == ["delay"]


def test_a_number_of_many_values_is_a_regression(tmp_path):
    assert look(made(tmp_path), label="distance").task == "regression"


def test_values_of_the_label_are_counted_without_those_that_are_missing(tmp_path):
    file = made(tmp_path, "CASE WHEN i % 10 = 0 THEN NULL ELSE (i % 2 = 0) END AS late, i AS x")
    assert look(file).values == (("false", 1000), ("true", 800))


def test_which_column_is_meant_is_asked_where_it_cannot_be_told(tmp_path):
    with pytest.raises(Usage, match="the columns are a, b"):
        look(made(tmp_path, "i AS a, i + 1 AS b"))


def test_what_cannot_be_learned_or_read_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="has 1 value"):
        look(made(tmp_path, "1 AS label, i AS a"))
    with pytest.raises(NotThere):
        look(tmp_path / "none.csv")
    (tmp_path / "a.xlsx").write_text("")
    with pytest.raises(Usage, match="neither CSV nor Parquet"):
        look(tmp_path / "a.xlsx")


def test_the_manifests_are_valid_and_say_why(tmp_path):
    texts = manifests("flights", "s3://lake/flights/", look(made(tmp_path)))
    for text in texts.values():
        assert problems(yaml.safe_load(text)) == []
    spec = yaml.safe_load(texts["dataset.yaml"])["spec"]
    assert spec == {"source": {"uri": "s3://lake/flights/"}, "timestamp": "due", "id": "flight_id", "label": "late", "exclude": ["delay"]}
    assert "# so the split is by time" in texts["dataset.yaml"]
    assert "was it known before the label?" in texts["dataset.yaml"]


def test_a_column_called_like_a_yaml_boolean_is_quoted(tmp_path):
    file = made(tmp_path, "(i % 2 = 0) AS y, i AS n")
    assert yaml.safe_load(manifests("a", "s3://lake/d/", look(file))["dataset.yaml"])["spec"]["label"] == "y"


def test_init_writes_four_manifests_that_lint_accepts(tmp_path):
    done = alone("init", "flights", "--data", str(made(tmp_path)), "--uri", "s3://lake/flights/", "--to", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert "2,000 rows, 7 columns." in done.out
    assert "Careful: delay: it tells the label" in done.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset.yaml", "deployment.yaml", "driftmonitor.yaml", "trainingjob.yaml"]
    assert alone("lint", str(tmp_path / "out")).code == 0


def test_init_overwrites_nothing(tmp_path):
    (tmp_path / "mine").write_text("mine")
    done = alone("init", "flights", "--data", "x.csv", "--to", str(tmp_path))
    assert (done.code, "is not empty" in done.err) == (1, True)
