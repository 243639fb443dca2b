"""A rejected record says where it came from, and goes back without a trace of the rejection."""

from infra.rejected.record import UNKNOWN, Headers, Rejected, headers_again, origin_of
from schemas.reject import HEADER_PREFIX, HEADER_REPLAY_ID

TOLD: Headers = [
    (f"{HEADER_PREFIX}stage", b"score"),
    (f"{HEADER_PREFIX}topic", b"taps.events"),
    (f"{HEADER_PREFIX}partition", b"1"),
    (f"{HEADER_PREFIX}offset", b"42"),
    (f"{HEADER_PREFIX}timestamp_ms", b"1000"),
    (f"{HEADER_PREFIX}reason", b"invalid"),
    (f"{HEADER_PREFIX}message", b"amount: too small"),
]
OWN: Headers = [("trace", b"\x00\xff"), ("trace", b"again"), ("nothing", None)]


def rejected(headers: Headers) -> Rejected:
    return Rejected(0, 7, 1_000, b"k", b"v", headers, origin_of(headers))


def test_where_a_record_came_from_and_why_it_left_is_read_from_its_headers() -> None:
    origin = rejected([*OWN, *TOLD]).origin

    assert origin == ("taps.events", 1, 42, "score", "invalid", "amount: too small", "1000")


def test_what_was_rejected_twice_came_from_where_it_stood_last() -> None:
    earlier = [(name, b"0" if name.endswith(("partition", "offset")) else b"elsewhere") for name, _ in TOLD]

    origin = rejected([*earlier, *OWN, *TOLD]).origin

    assert origin is not None
    assert origin[:3] == ("taps.events", 1, 42)


def test_a_record_that_somebody_else_wrote_has_no_origin() -> None:
    odd: list[Headers] = [[*TOLD, (f"{HEADER_PREFIX}offset", number)] for number in (b"-1", b"9" * 5_000)]
    for headers in ([], OWN, TOLD[:3], *odd, [(name, None) for name, _ in TOLD]):
        found = rejected(headers)

        assert found.origin is None
        assert found.reason == UNKNOWN


def test_it_goes_back_with_the_headers_that_it_first_came_with_and_one_replay_id() -> None:
    earlier: Headers = [(HEADER_REPLAY_ID, b"an older one")]

    again = headers_again(rejected([*OWN, *earlier, *TOLD]), "taps.rejected/X/0/7")

    assert again == [*OWN, (HEADER_REPLAY_ID, b"taps.rejected/X/0/7")]
