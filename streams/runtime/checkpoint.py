"""A state on its compacted topic: values with checksums, in chunks, under a manifest that says what must be there."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from schemas.problem import Problem
from streams.runtime.codec import Message

CHUNK = 512_000
"""Bytes of a value per record at most."""

MANIFEST = b"manifest"
_HEAD = 10  # of each record: 8 bytes of checksum, 2 with the number of chunks
_SUMS = 1 << 64


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stood when its state was saved, and what its values add up to.

    `task` is what the task carries beside its stage's state (how far the merge has come, rejects in a row), plain JSON.
    `values` and `checksum` are filled in by `Checkpoint`.
    """

    seq: int
    head: str
    epoch: int
    positions: dict[str, int]
    task: dict[str, Any]
    environment: str
    genesis: str
    values: int = 0
    checksum: int = 0


class Restored(NamedTuple):
    """What was saved last: `values` is what `Stage.restore` takes."""

    manifest: Manifest
    values: dict[bytes, bytes]


class Checkpoint:
    """What the topic `topic` holds of one task's state. Records are keyed `<number of the chunk>:<key>`.

    After a compaction the latest record of each key is left. So every value has a checksum over key and bytes, each of
    its chunks repeats it, and the manifest has the count of all values and the sum of their checksums (mod 2**64).
    What `messages` gives must be committed in one transaction or else be sent again: it counts as being there.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.checksum = 0
        self._live: dict[bytes, bytes] = {}
        self._manifest: bytes | None = None

    @property
    def values(self) -> int:
        """How many values there are."""
        return len(self._live)

    def messages(
        self, pairs: Iterable[tuple[bytes, bytes | None]], manifest: Manifest, timestamp_ms: int
    ) -> list[Message]:
        """What to produce for values that have changed (None: is gone), with the manifest last.

        What is there already is left out: a value that is the same, a tombstone for what was never written.
        """
        records: list[tuple[bytes, bytes | None]] = []
        for key, value in pairs:
            records += self._gone(key) if value is None else self._put(key, value)
        told = msgspec.structs.replace(manifest, values=self.values, checksum=self.checksum)
        body = msgspec.json.encode(told)
        head, before = _head(MANIFEST, body), self._manifest
        self._manifest = head
        records += _replaced(MANIFEST, body, head, before)
        return [Message(self.topic, key, value, timestamp_ms, []) for key, value in records]

    def _put(self, key: bytes, value: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        head = _head(key, value)
        before = self._live.get(key)
        if head == before:
            return
        self._live[key] = head
        self._add(head, before)
        yield from _replaced(key, value, head, before)

    def _gone(self, key: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        before = self._live.pop(key, None)
        if before is not None:
            self._add(None, before)
            yield from ((_record_key(n, key), None) for n in range(_count(before)))

    def _add(self, head: bytes | None, before: bytes | None) -> None:
        added = _checksum(head) if head is not None else 0
        dropped = _checksum(before) if before is not None else 0
        self.checksum = (self.checksum + added - dropped) % _SUMS

    def restore(self, records: Iterable[tuple[bytes, bytes | None]]) -> Restored | None:
        """What `records`, in the order of the log, leave behind; None where nothing was ever saved.

        Raises `Problem`, naming the key, where anything is damaged, missing or too much.
        """
        latest: dict[bytes, bytes] = {}
        for key, value in records:
            if value is None:
                latest.pop(key, None)
            else:
                latest[key] = value
        values = self._assembled(latest)
        body = values.pop(MANIFEST, None)
        if body is None:
            if values:
                raise self._broken(
                    f"holds {len(values)} values, {_named(next(iter(values)))} among them, but no manifest"
                )
            return None
        manifest = msgspec.json.decode(body, type=Manifest)
        self._manifest = self._live.pop(MANIFEST)
        self._compare(manifest)
        return Restored(manifest, values)

    def _assembled(self, latest: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Each value from its chunks, which must be all there and as they were written."""
        values: dict[bytes, bytes] = {}
        used = 0
        for record_key, first in latest.items():
            number, _, key = record_key.partition(b":")
            if number != b"0":
                continue
            head = first[:_HEAD]
            chunks = [latest.get(_record_key(n, key), b"") for n in range(_count(head))]
            if any(chunk[:_HEAD] != head for chunk in chunks):
                raise self._broken(f"lacks a chunk of {_named(key)}")
            value = b"".join(chunk[_HEAD:] for chunk in chunks)
            if _head(key, value) != head:
                raise self._broken(f"has {_named(key)} with a checksum that is not that of its bytes")
            values[key], self._live[key] = value, head
            used += len(chunks)
        if used != len(latest):
            raise self._broken(f"has chunks that belong to no value: {self._stray(latest)}")
        return values

    def _stray(self, latest: Mapping[bytes, bytes]) -> str:
        """The first record that is part of no value."""
        used = {_record_key(n, key) for key, head in self._live.items() for n in range(_count(head))}
        return next(_named(key) for key in latest if key not in used)

    def _compare(self, manifest: Manifest) -> None:
        self.checksum = sum(map(_checksum, self._live.values())) % _SUMS
        if self.values != manifest.values:
            raise self._broken(f"holds {self.values} values where its manifest says {manifest.values}")
        if self.checksum != manifest.checksum:
            raise self._broken(
                "holds a value that is not the one its manifest was written with: the checksums' sum is off"
            )

    def _broken(self, what: str) -> Problem:
        return Problem(
            f"the saved state in {self.topic} cannot be used, it {what}: bring the topic's records back from a copy, "
            f"or delete them, so that the state is folded again from the log"
        )


def _head(key: bytes, value: bytes) -> bytes:
    """What each chunk of the value begins with: its checksum and how many chunks there are."""
    checksum = blake2b(len(key).to_bytes(4, "big") + key, digest_size=8)
    checksum.update(value)
    return checksum.digest() + max(1, -(-len(value) // CHUNK)).to_bytes(2, "big")


def _checksum(head: bytes) -> int:
    return int.from_bytes(head[:8], "big")


def _count(head: bytes) -> int:
    return int.from_bytes(head[8:_HEAD], "big")


def _record_key(number: int, key: bytes) -> bytes:
    return b"%d:%b" % (number, key)


def _replaced(key: bytes, value: bytes, head: bytes, before: bytes | None) -> Iterator[tuple[bytes, bytes | None]]:
    """The chunks of a value, and tombstones for those that the one of before had beyond them."""
    for number in range(_count(head)):
        yield _record_key(number, key), head + value[number * CHUNK : (number + 1) * CHUNK]
    for number in range(_count(head), _count(before) if before is not None else 0):
        yield _record_key(number, key), None


def _named(key: bytes) -> str:
    return repr(key.decode(errors="backslashreplace"))
