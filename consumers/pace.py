"""How much the sink may hold: what a record occupies, and which partitions are read no further for now. Pure."""

from collections.abc import Mapping

from consumers.buffer import Buffer, Limits
from consumers.kafka import Place
from consumers.rows import Raw

ROW_BYTES = 1_024
PER_BYTE = 4
"""A row occupies about so much, and so much for each byte of its message's value: measured on the stored examples."""


def occupied(raw: Raw) -> int:
    """Bytes of memory that the row of a record takes, about."""
    return ROW_BYTES + PER_BYTE * len(raw.value or b"")


def held(buffers: Mapping[Place, Buffer], under_way_bytes: int) -> int:
    """Bytes of memory that all rows take which are not written yet."""
    return under_way_bytes + sum(buffer.size_bytes for buffer in buffers.values())


def to_pause(buffers: Mapping[Place, Buffer], limits: Limits, held_bytes: int) -> set[Place]:
    """The partitions whose buffer is full; all of them where enough is held altogether.

    Except those whose intent cannot go before its range has been read: they would wait for ever.
    """
    enough = held_bytes >= limits.all_bytes
    return {place for place, one in buffers.items() if one.full(limits) or (enough and not one.resuming)}
