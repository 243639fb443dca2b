"""Intents in the metadata of committed offsets."""

import pytest

from consumers.intent import Intent, intent_of
from schemas.problem import Problem


def test_an_intent_comes_back_from_its_text() -> None:
    intent = Intent(start=7, end=19, token="abc")

    assert intent_of(intent.text(), offset=7, where="t[0]") == intent


@pytest.mark.parametrize("metadata", [None, ""])
def test_an_offset_without_metadata_has_no_intent(metadata: str | None) -> None:
    assert intent_of(metadata, offset=7, where="t[0]") is None


@pytest.mark.parametrize(
    "metadata",
    [
        "another program",
        '{"v":2,"from":7,"to":19,"token":"a"}',
        '{"v":1,"from":6,"to":19,"token":"a"}',
        '{"v":1,"from":7,"to":6,"token":"a"}',
        '{"v":1,"from":7,"to":19,"token":""}',
        '{"v":1,"from":7,"to":19,"token":"a","more":1}',
    ],
)
def test_metadata_that_the_sink_did_not_write_stops_it(metadata: str) -> None:
    with pytest.raises(Problem, match=r"t\[0\].*another program"):
        intent_of(metadata, offset=7, where="t[0]")


def test_the_longest_intent_fits_into_an_offsets_metadata() -> None:
    assert len(Intent(start=2**63 - 1, end=2**63 - 1, token="f" * 32).text()) < 200
