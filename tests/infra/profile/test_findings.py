"""Which findings come first, and how they are worded."""

from datetime import UTC, datetime

from infra.profile.findings import begin, length, of_rejected, ordered
from infra.profile.model import Finding


def finding(severity: str, what: str, text: str = "") -> Finding:
    return Finding.model_validate({"severity": severity, "what": what, "field": None, "text": text})


def test_the_gravest_come_first_and_leaks_before_all_that_is_as_grave() -> None:
    found = [
        finding("note", "leak"),
        finding("look", "missing", "one"),
        finding("look", "missing", "two"),
        finding("serious", "drift"),
        finding("look", "leak"),
        finding("serious", "leak"),
    ]

    assert ordered(found) == tuple(found[place] for place in (5, 3, 4, 1, 2, 0))


def test_one_reject_in_a_hundred_is_serious() -> None:
    few, many = next(of_rejected({"events: empty": 1}, 999)), next(of_rejected({"events: empty": 10}, 990))

    assert (few.severity, many.severity) == ("look", "serious")
    assert many.text == "10 records (1.0%) would be rejected: 10 events: empty"
    assert list(of_rejected({}, 10)) == []


def test_a_period_that_begins_at_midnight_is_a_day() -> None:
    assert begin(datetime(2025, 3, 10, tzinfo=UTC)) == "2025-03-10"
    assert begin(datetime(2025, 3, 10, 6, tzinfo=UTC)) == "2025-03-10 06:00"


def test_lengths_are_in_their_largest_unit() -> None:
    assert [length(each) for each in (0.25, 90.0, 200_000.0, -7_200.0)] == ["250 ms", "90 s", "2.3 d", "-2.0 h"]
