"""Typed filters: what they mean, and what is said where they mean nothing."""

import pytest

from trimtab.cli.errors import Usage
from trimtab.cli.filters import Term, parse

TERMS = {
    "model": Term("model", "text"),
    "owner": Term("owner", "text"),
    "skill": Term("test_skill", "number"),
    "started_at": Term("started_at", "time"),
    "params.max_depth": Term('"params.max_depth"', "text", mixed=True),
    "params.l1": Term("parameters[?]", "text", mixed=True, parameters=("l1",)),
}


def sql(text):
    found = parse(text, TERMS.get, list(TERMS))
    return found.sql, found.parameters


def test_no_filter_lets_everything_through():
    assert sql("") == sql("   ") == ("true", ())


def test_and_binds_more_than_or():
    assert sql("skill > 1 or skill < 2 and model = 'a'") == ("(test_skill > ? or (test_skill < ? and model = ?))", (1, 2, "a"))


def test_parentheses_bind_first():
    assert sql("(skill > 1 or skill < 2) and model = 'a'")[0] == "((test_skill > ? or test_skill < ?) and model = ?)"


def test_the_example_of_the_help():
    found = sql("params.max_depth > 5 and (skill >= 0.8 or owner = 'ops')")
    assert found == ('(try_cast("params.max_depth" AS DOUBLE) > ? and (test_skill >= ? or owner = ?))', (5.0, 0.8, "ops"))


def test_a_parameter_is_compared_as_a_number_or_as_text_by_what_is_given():
    assert sql("params.max_depth = 'None'") == ('"params.max_depth" = ?', ("None",))
    assert sql("params.max_depth = true") == ('"params.max_depth" = ?', ("true",))


def test_marks_and_parameters_stay_in_step():
    assert sql("params.l1 < 2 and model in ('a', 'b')") == ("(try_cast(parameters[?] AS DOUBLE) < ? and (model = ? or model = ?))", ("l1", 2.0, "a", "b"))


def test_a_time_without_a_zone_is_utc():
    assert sql("started_at >= '2026-01-05'") == ("started_at >= ?::TIMESTAMPTZ", ("2026-01-05T00:00:00Z",))
    assert sql("started_at < '2026-01-05T12:00:00+01:00'")[1] == ("2026-01-05T12:00:00+01:00",)


def test_not_null_and_like():
    assert sql("not model like 'fl%'") == ("(NOT coalesce((model)::VARCHAR ILIKE ?, false))", ("fl%",))
    assert sql("skill is not null")[0] == "(test_skill) IS NOT NULL"


def test_quotes_may_stand_in_a_text():
    assert sql("owner = 'o''brien'")[1] == ("o'brien",)
    assert sql('owner = "a\'b"')[1] == ("a'b",)


def test_what_a_person_writes_never_reaches_the_sql():
    assert sql("owner = '1'' OR 1=1 --'") == ("owner = ?", ("1' OR 1=1 --",))
    with pytest.raises(Usage):
        sql("owner; DROP TABLE runs = 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("skil > 1", "Did you mean skill?"),
        ("skill > 'much'", "expected a number"),
        ("skill >", "expected a value"),
        ("skill 5", "expected =, !="),
        ("(skill > 5", "expected `\\)`"),
        ("skill > 5 model = 'a'", "expected `and`, `or` or the end"),
        ("model = flights", "text stands in quotes: 'flights'"),
        ("started_at > 5", "a time as text"),
        ("skill > 5 and", "expected a name"),
        ("skill > 5 ?", "means nothing at 11"),
        ("model in 'a'", "expected `\\(`"),
    ],
)
def test_what_means_nothing_is_told_with_its_place(text, said):
    with pytest.raises(Usage, match=said):
        sql(text)


def test_the_place_is_pointed_at():
    with pytest.raises(Usage) as error:
        sql("skill > 'much'")
    assert error.value.sentence.splitlines()[1:] == ["  skill > 'much'", "          ^"]
