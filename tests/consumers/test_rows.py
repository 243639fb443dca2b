"""From message to row: stored examples of every message, and headers as they really come."""

import json
from pathlib import Path
from typing import Any

import pytest

from consumers import ledger, rows
from consumers.rows import Position, Raw
from consumers.tables import REJECTED
from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.passed import Passed
from schemas.reject import Reason, Reject
from schemas.reply import Reply
from tests.schemas.stored import DIRECTORY, OWN, Example, examples

AT = Position("p.topic", 3, 41, 1_523_145_600_000)
ANSWER = (
    [12.5, 0.0, -3.25],
    "0f3c9a7be211",
    0.8125,
    "true",
    {"false": 0.1875, "true": 0.8125},
    "9d2c/1041",
    "champion",
)
EXPECTED: dict[str, rows.Row] = {
    "scored": (
        *("t-1", {"customer_id": "c-7", "terminal_id": "tür-9"}, 1_523_145_600_000),
        *ANSWER,
        *({"amount": 0.75}, "payments.events", 2, 40),
    ),
    "scored_by_prior": (
        *("t-0", {"customer_id": "c-7"}, 1_523_145_500_000),
        *([12.5, 0.0, -3.25], "0f3c9a7be211", 0.5, None, {}, "9d2c/0", "prior"),
        *({}, "payments.events", 2, 39),
    ),
    "outcome": (
        *("t-1", {"customer_id": "c-7"}, 1_523_145_600_000, 1_523_750_400_000),
        *ANSWER,
        *("true", 1.0, True, "payments.labels", 2, 11),
    ),
    "outcome_of_a_class": (
        *("t-2", {}, 1_523_145_600_000, 1_523_145_600_000),
        *([12.5, 0.0, -3.25], "0f3c9a7be211", 0.8125, "grass", {"grass": 0.75, "sky": 0.25}, "9d2c/1041", "champion"),
        *("sky", None, False, "images.events", 0, 0),
    ),
    "metric": (
        *(1, "feature", "amount", 3, 1_523_145_600_000, 1_523_149_200_000, 0, 600, 4),
        *({"mean": 53.5, "distance": 0.03125}, [0.0, 50.0, 1000.0], [400, 200], b"\x01\x02KLL"),
    ),
    "metric_without_sketch": (
        *(1, "quality", "quality", 0, 0, 3_600_000, 2, 2, 9),
        *({"log_loss_sum": 0.5}, [0.0, 0.5, 1.0], [1, 0, 0, 1], b""),
    ),
    "alert": (
        *(1, "stability", "amount", 3, 1_523_149_200_000, 1_523_145_600_000, 1_523_149_200_000),
        *(0.5, 0.25, "amount moved away from its reference"),
    ),
    "ledger_entry": (
        *("payments", 1, "score", 0, 1, "batch"),
        *({"payments.labels": 0, "payments.events": 0}, {"payments.labels": 2, "payments.events": 5}),
        *(7, {"labels": 2, "events": 5}, 1, 1, {"events.scored": 4, "events.rejected": 1, "labels.learnt": 1}),
        *(
            1_523_149_200_000,
            "0a1b2c3d4e5f/1",
            6,
            "ab" * 32,
            True,
            "python 3.11.9; river 0.26.1; numpy 2.3.5; x86_64; code 0f1e2d3c4b5a",
            None,
        ),
        *(
            "8e57423aa758b3234300c00d693068b440446ee6800430ba266bd7c832bc4906",
            "69ffa24fd598d8425355cc0349375cdf808e7ec7fce335c7bf95adbb23ca9fd4",
            "747dff78:2386f270e401c266e26a5f7552218bf1911f00f5080cbd3a8889d25c4a3c0d7c",
        ),
    ),
}
NOT_KEPT = (Reply, Passed)
"""Answers to whoever asked, and what one stage hands to the next: no table has them."""

STORED = [example for example in examples() if example.model in OWN and example.model not in NOT_KEPT]


@pytest.mark.parametrize("example", STORED, ids=lambda example: example.name)
def test_a_stored_message_gives_its_row(example: Example) -> None:
    model = next(each for each in OWN if each is example.model)
    known: dict[Any, Any] = {**rows.MESSAGES, Entry: (ledger.LEDGER, ledger.entry)}
    table, to_row = known[model]

    row = to_row(AT, own_decoder(model, example.registry)(example.value))

    assert row == (*AT, *EXPECTED[Path(example.name).name])
    assert len(row) == len(table.columns)


@pytest.mark.parametrize("path", sorted(DIRECTORY.glob("v*/rejected.json")), ids=lambda path: path.parent.name)
def test_a_stored_reject_gives_its_row(path: Path) -> None:
    told = json.loads(path.read_text())
    headers = [(name, value.encode()) for name, value in told["headers"]]
    value = bytes.fromhex(told["value_hex"])

    row = rows.rejected(Position(*told["row"][:4]), Raw(told["key"].encode(), value, headers))

    original = [(name, each.encode()) for name, each in told["row"][-1]]
    assert row == (*told["row"][:-3], told["key"].encode(), value, original)
    assert len(row) == len(REJECTED.columns)


def test_a_reject_without_any_header_is_kept_all_the_same() -> None:
    row = rows.rejected(AT, Raw(None, None, ()))

    assert row == (*AT, "", "", "", "", None, None, None, None, None, [])


@pytest.mark.parametrize("odd", [b"", b"-1", b"four", b"\xff", "²".encode(), None, b"9" * 5_000, b"2147483648"])
def test_a_number_in_a_header_that_is_none_leaves_the_column_empty(odd: bytes | None) -> None:
    row = rows.rejected(AT, Raw(b"k", b"v", [("millrace.error.partition", odd), ("millrace.error.offset", b"9")]))

    named = dict(zip(REJECTED.columns, row, strict=True))
    assert (named["source_partition"], named["source_offset"]) == (None, 9)


def test_what_is_no_message_of_ours_keeps_its_bytes_and_says_why() -> None:
    row = rows.unreadable(AT, Raw(b"k", b"junk", [("h", None)]), Reject(Reason.NOT_AVRO, "starts with byte 106"))

    named = dict(zip(REJECTED.columns, row, strict=True))
    assert named["stage"] == "sink"
    assert named["reason"] == "not_avro"
    assert (named["source_topic"], named["source_offset"], named["value"]) == ("p.topic", 41, b"junk")
    assert named["headers"] == [("h", b"")]
