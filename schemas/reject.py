"""Why a record was rejected, and how that travels: reasons and header names."""

from enum import StrEnum


class Reason(StrEnum):
    """Every reason for which a record goes to `rejected`."""

    EMPTY = "empty"
    NOT_AVRO = "not_avro"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    NOT_FINITE = "not_finite"
    TIME_AHEAD = "time_ahead"
    WRONG_KEY = "wrong_key"
    WRONG_PARTITION = "wrong_partition"
    FEATURE_FAILED = "feature_failed"


class Reject(Exception):
    """A record that cannot be used, with the reason and a message for the person who looks at it later.

    >>> str(Reject(Reason.EMPTY, "the value has no bytes"))
    'empty: the value has no bytes'
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


TOPIC = "rejected"
"""The last part of the topic that holds rejected records: original key, value bytes and headers."""

HEADER_PREFIX = "millrace.error."
HEADER_STAGE = HEADER_PREFIX + "stage"
HEADER_TOPIC = HEADER_PREFIX + "topic"
HEADER_PARTITION = HEADER_PREFIX + "partition"
HEADER_OFFSET = HEADER_PREFIX + "offset"
HEADER_TIMESTAMP_MS = HEADER_PREFIX + "timestamp_ms"
HEADER_REASON = HEADER_PREFIX + "reason"
HEADER_MESSAGE = HEADER_PREFIX + "message"

LONGEST = 2_000
"""Characters of a message that travel: a record may have a long key, of which they tell."""

REPLAYED_TOPIC = "replayed"
"""The last part of the topic that remembers which rejected records have been replayed, under their replay ids."""

HEADER_REPLAY_ID = "millrace.replay.id"
"""Names the rejected record that a replayed one was."""
