"""A state on its compacted topic: values with checksums, in chunks, under a manifest that says what must be there."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from schemas.problem import Problem
from streams.runtime.chunks import (
    ALONE,
    FIRST,
    HEAD,
    checksum_of,
    count_of,
    head_of,
    named,
    record_key,
    replaced,
    sum_of,
)
from streams.runtime.codec import Message
from streams.runtime.manifest import CURE, LAYOUT, MANIFEST, Manifest, Restored, read_layout, read_manifest
from streams.runtime.slices import Slices, at_once

_SUMS = 1 << 64


class Checkpoint:
    """What the topic `topic` holds of one task's state. Records are keyed `<number of the chunk>:<key>`.

    After a compaction the latest record of each key is left. So every value has a checksum over key and bytes, each of
    its chunks repeats it, and the manifest has the count of all values and the sum of their checksums (mod 2**64).
    What `messages` gives must be committed in one transaction or else be sent again: it counts as being there.
    `cure` is what a person can do where it cannot be used.
    """

    def __init__(self, topic: str, *, cure: str = CURE) -> None:
        self.topic = topic
        self.cure = cure
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
        return at_once(self.writing(pairs, manifest, timestamp_ms))

    def writing(
        self, pairs: Iterable[tuple[bytes, bytes | None]], manifest: Manifest, timestamp_ms: int
    ) -> Slices[list[Message]]:
        """The same value by value."""
        records: list[tuple[bytes, bytes | None]] = []
        for key, value in pairs:
            yield
            if value is None:
                records += self._gone(key)
            else:
                self._put(key, value, records)
        told = msgspec.structs.replace(manifest, layout=LAYOUT, values=self.values, checksum=self.checksum)
        body = msgspec.json.encode(told)
        head, before = head_of(MANIFEST, body), self._manifest
        self._manifest = head
        records += replaced(MANIFEST, body, head, before)
        return [Message(self.topic, key, value, timestamp_ms, []) for key, value in records]

    def _put(self, key: bytes, value: bytes, records: list[tuple[bytes, bytes | None]]) -> None:
        head, before = head_of(key, value), self._live.get(key)
        if head == before:
            return
        self._live[key] = head
        self._add(head, before)
        if head[8:] == ALONE and (before is None or before[8:] == ALONE):
            records.append((FIRST + key, head + value))
        else:
            records += replaced(key, value, head, before)

    def _gone(self, key: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        before = self._live.pop(key, None)
        if before is not None:
            self._add(None, before)
            yield from ((record_key(n, key), None) for n in range(count_of(before)))

    def _add(self, head: bytes | None, before: bytes | None) -> None:
        added = checksum_of(head) if head is not None else 0
        dropped = checksum_of(before) if before is not None else 0
        self.checksum = (self.checksum + added - dropped) % _SUMS

    def restore(self, records: Iterable[tuple[bytes, bytes | None]]) -> Restored | None:
        """What `records`, in the order of the log, leave behind; None where nothing was ever saved.

        Raises `Problem`, naming the key, where anything is damaged, missing or too much, and where it was saved by code
        of another layout.
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
                    f"holds {len(values)} values, {named(next(iter(values)))} among them, but no manifest"
                )
            return None
        manifest = self._read(body)
        self._manifest = self._live.pop(MANIFEST)
        self._compare(manifest)
        return Restored(manifest, values, self.topic, self.cure)

    def _read(self, manifest: bytes) -> Manifest:
        try:
            layout = read_layout(manifest).layout
            if layout != LAYOUT:
                raise self._broken(
                    f"was saved in layout {layout} by another version of Millrace, this one reads {LAYOUT}"
                )
            return read_manifest(manifest)
        except msgspec.DecodeError as error:
            raise self._broken(f"has a manifest that cannot be read: {error}") from error

    def _assembled(self, latest: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Each value from its chunks, which must be all there and as they were written."""
        values: dict[bytes, bytes] = {}
        live, parts = self._live, 0
        for place, first in latest.items():
            if place[:2] != FIRST:
                continue
            key, head = place[2:], first[:HEAD]
            if head[8:] == ALONE:
                value = first[HEAD:]
            else:
                value = self._joined(latest, key, head)
                parts += count_of(head) - 1
            if head_of(key, value) != head:
                raise self._broken(f"has {named(key)} with a checksum that is not that of its bytes")
            values[key], live[key] = value, head
        if len(values) + parts != len(latest):
            raise self._broken(f"has chunks that belong to no value: {self._stray(latest)}")
        return values

    def _joined(self, latest: Mapping[bytes, bytes], key: bytes, head: bytes) -> bytes:
        """The value of several chunks."""
        chunks = [latest.get(record_key(n, key), b"") for n in range(count_of(head))]
        if any(chunk[:HEAD] != head for chunk in chunks):
            raise self._broken(f"lacks a chunk of {named(key)}")
        return b"".join(chunk[HEAD:] for chunk in chunks)

    def _stray(self, latest: Mapping[bytes, bytes]) -> str:
        """The first record that is part of no value."""
        used = {record_key(n, key) for key, head in self._live.items() for n in range(count_of(head))}
        return next(named(key) for key in latest if key not in used)

    def _compare(self, manifest: Manifest) -> None:
        self.checksum = sum_of(self._live.values())
        if self.values != manifest.values:
            raise self._broken(f"holds {self.values} values where its manifest says {manifest.values}")
        if self.checksum != manifest.checksum:
            raise self._broken(
                "holds a value that is not the one its manifest was written with: the checksums' sum is off"
            )

    def _broken(self, what: str) -> Problem:
        return Problem(f"the saved state in {self.topic} cannot be used, it {what}. To go on, {self.cure}")
