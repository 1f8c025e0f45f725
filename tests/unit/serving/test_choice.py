"""Who is in a share: exactly so many, always the same ones, and more when it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from trimtab_serving.split.choice import Share, pseudonym

CHANCE = 1e-9


@given(salt=st.text(max_size=20), percent=st.floats(0, 100), begin=st.integers(0, 10**9))
def test_a_share_takes_its_part_of_any_keys(salt: str, percent: float, begin: int) -> None:
    share = Share(salt, percent)
    taken = sum(share.takes(b"%d" % key) for key in range(begin, begin + 2000))
    assert binom.ppf(CHANCE, 2000, percent / 100) <= taken <= binom.ppf(1 - CHANCE, 2000, percent / 100)


@given(key=st.binary(max_size=200), small=st.floats(0, 100), large=st.floats(0, 100))
def test_who_is_in_stays_in_when_the_share_grows(key: bytes, small: float, large: float) -> None:
    small, large = sorted((small, large))
    assert not Share("prod/8", small).takes(key) or Share("prod/8", large).takes(key)


@given(key=st.binary(max_size=200))
def test_nobody_is_in_at_0_and_everybody_at_100(key: bytes) -> None:
    assert (Share("prod/8", 0).takes(key), Share("prod/8", 100).takes(key)) == (False, True)


@pytest.mark.parametrize("other", ["prod/9", "staging/8", "prod/8/shadow"])
def test_the_next_version_is_tried_by_others(other: str) -> None:
    keys = [b"%d" % i for i in range(4000)]
    both = sum(Share("prod/8", 50).takes(key) and Share(other, 50).takes(key) for key in keys)
    assert binom.ppf(CHANCE, 4000, 0.25) <= both <= binom.ppf(1 - CHANCE, 4000, 0.25)


def test_a_pseudonym_tells_users_apart_and_nothing_else() -> None:
    assert pseudonym("prod", b"ann") == pseudonym("prod", b"ann")
    assert len({pseudonym("prod", b"ann"), pseudonym("prod", b"bob"), pseudonym("staging", b"ann")}) == 3
    assert len(pseudonym("prod", b"ann")) * 4 == 128
    assert "ann" not in pseudonym("prod", b"ann")
