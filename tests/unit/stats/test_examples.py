"""The examples in the statistics' documentation run, and say what they say."""

import doctest
import importlib
import pkgutil

import pytest

from trimtab import stats


@pytest.mark.parametrize("module", [each.name for each in pkgutil.iter_modules(stats.__path__)])
def test_the_examples_are_true(module):
    found = doctest.testmod(importlib.import_module(f"trimtab.stats.{module}"))
    assert found.failed == 0
