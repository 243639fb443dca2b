"""A value as records: a checksum over key and bytes before each chunk, and the chunk's number in the record's key."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np

CHUNK = 512_000
"""Bytes of a value per record at most."""

FIRST = b"0:"
HEAD = 10  # of each record: 8 bytes of checksum, 2 with the number of chunks
ALONE = b"\x00\x01"


def head_of(key: bytes, value: bytes) -> bytes:
    """What each chunk of the value begins with: its checksum and how many chunks there are."""
    checksum = blake2b(b"%d:%b:%b" % (len(key), key, value), digest_size=8).digest()
    return checksum + (ALONE if len(value) <= CHUNK else (-(-len(value) // CHUNK)).to_bytes(2, "big"))


def checksum_of(head: bytes) -> int:
    return int.from_bytes(head[:8], "big")


def sum_of(heads: Iterable[bytes]) -> int:
    """The sum of their checksums, mod 2**64.

    >>> sum_of([bytes([255] * 8) + ALONE, bytes([0] * 7 + [3]) + ALONE])
    2
    """
    checksums = np.frombuffer(b"".join(heads), dtype=[("checksum", ">u8"), ("count", ">u2")])["checksum"]
    return int(checksums.sum(dtype=np.uint64))


def count_of(head: bytes) -> int:
    return int.from_bytes(head[8:HEAD], "big")


def record_key(number: int, key: bytes) -> bytes:
    return b"%d:%b" % (number, key)


def replaced(key: bytes, value: bytes, head: bytes, before: bytes | None) -> Iterator[tuple[bytes, bytes | None]]:
    """The chunks of a value, and tombstones for those that the one of before had beyond them."""
    for number in range(count_of(head)):
        yield record_key(number, key), head + value[number * CHUNK : (number + 1) * CHUNK]
    for number in range(count_of(head), count_of(before) if before is not None else 0):
        yield record_key(number, key), None


def named(key: bytes) -> str:
    return repr(key.decode(errors="backslashreplace"))
