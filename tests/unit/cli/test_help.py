"""Every verb explains itself."""

import pytest
from typer.main import get_command

from trimtab.cli.main import build


def commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(get_command(build())))


@pytest.mark.parametrize("name", ALL)
def test_a_verb_has_an_example_that_begins_with_itself(name):
    assert f"Example: trimtab {name}" in (ALL[name].epilog or "")


@pytest.mark.parametrize("name", ALL)
def test_a_verb_says_in_one_sentence_what_it_does(name):
    assert 10 < len(ALL[name].help.splitlines()[0]) <= 100
