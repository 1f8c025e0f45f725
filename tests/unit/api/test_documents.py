"""The termination message: whatever is said in it, the kubelet must not cut it, for a cut answer is a lost one."""

import base64

import pytest

from trimtab.api.documents import Result
from trimtab.api.termination import LOG_BYTES


def result(message: str, packed: str = "p" * 2400) -> Result:
    return Result(
        outcome="Rejected",
        reason="GatesFailed",
        message=message,
        uri=f"s3://bucket/{'k' * 300}",
        manifest_digest="d" * 64,
        facts={f"metric_{number}": "0.123456" for number in range(7)},
        packed=packed,
    )


@pytest.mark.parametrize("letter", ["x", "é", '"', "☃", "😀"])
@pytest.mark.parametrize("characters", [10, 400, 990, 5000])
@pytest.mark.parametrize("packed", [0, 2400, 3000])
def test_an_answer_of_any_length_fits_and_is_read_again(letter: str, characters: int, packed: int) -> None:
    said = result(letter * characters, "p" * packed)
    text = said.encode()
    assert len(text.encode()) <= LOG_BYTES
    read = Result.decode(text)
    assert read is not None
    assert (read.outcome, read.uri, read.packed) == (said.outcome, said.uri, said.packed)
    assert said.message.startswith(read.message)


def test_what_fits_is_not_cut() -> None:
    assert Result.decode(result("It is so.", "").encode()) == result("It is so.", "")


@pytest.mark.parametrize("packed", ["no base64", base64.b64encode(b"no zlib").decode()])
def test_what_cannot_be_unpacked_is_one_kind_of_error(packed: str) -> None:
    with pytest.raises(ValueError):
        result("", packed).trained()
