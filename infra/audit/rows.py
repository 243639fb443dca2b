"""Rows of the output topics, as they are read back."""

from typing import Any

from schemas.decode import Decode
from schemas.reject import Reject

Row = dict[str, Any]


def own_row(decode: Decode, value: bytes | None) -> Row | None:
    """What a record says; None where it is none of our messages, so a stranger's, which `millrace verify` names."""
    try:
        row: Row = decode(value)
    except Reject:
        return None
    return row
