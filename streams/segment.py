"""Some events that came one after the other: what is kept of each, packed side by side."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import Any

import msgspec

from streams.truths import Truths

DIGEST = 16

tag_of = Struct(">I").unpack_from
"""The first 32 bits of a digest, as the only one of a tuple."""

_blank = blake2b(digest_size=DIGEST)


def digest_of(event_id: str) -> bytes:
    """What stands for an id: 128 bits of BLAKE2b. Two ids with the same digest are taken for one.

    Of n ids two share a digest with odds of n² / 2**129: of the 5 million that a partition remembers by default less
    than 1 in 10**25. Nor can ids be made up that do, short of 2**64 attempts.
    """
    digest = _blank.copy()  # half the time that a new one takes
    digest.update(event_id.encode())
    return digest.digest()


class Written(msgspec.Struct, frozen=True, array_like=True):
    """A segment as it is saved: digests, times as offsets from the first, and what is packed of those that waited."""

    digests: bytes
    first_ms: int
    kind: str
    offsets_ms: bytes
    packed: list[bytes | None]


_write = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Written).decode


@dataclass(slots=True)
class Segment:
    """What is kept of events, each at its place: digest, time and, until no label is to come, what is packed of it.

    `offsets_ms` are times from `first_ms`, in 4 bytes as long as they fit. A `sealed` segment takes no more
    events and no more space than it needs: `kept` counts those that are packed, `packed` is empty when none is.
    """

    first_ms: int
    digests: bytearray | bytes = field(default_factory=bytearray)
    offsets_ms: "array[int]" = field(default_factory=lambda: array("i"))
    packed: list[bytes | None] = field(default_factory=list)
    truths: Truths | None = None
    forgotten: int = 0
    kept: int = 0
    sealed: bool = False

    def append(self, digest: bytes, time_ms: int, packed: bytes | None) -> None:
        """Take in the next event."""
        self.packed.append(packed)
        self.digests += digest
        try:
            self.offsets_ms.append(time_ms - self.first_ms)
        except OverflowError:  # more than 24 days apart
            self.offsets_ms = array("q", self.offsets_ms)
            self.offsets_ms.append(time_ms - self.first_ms)

    def seal(self) -> None:
        """No event is to come."""
        self.sealed = True
        self.digests = bytes(self.digests)
        self.offsets_ms = self.offsets_ms[:]
        self.kept = len(self.packed) - self.packed.count(None)
        self.packed = self.packed[:] if self.kept else []

    def time_ms(self, place: int) -> int:
        return self.first_ms + self.offsets_ms[place]

    def settle(self, place: int, truth: Any, *, keep: bool = False) -> None:
        """The label has come: of the event only the label's value is kept, unless all is to be."""
        if self.truths is None:
            self.truths = Truths()
        self.truths.put(place, truth)
        if not keep:
            self.unpack(place)

    def unpack(self, place: int) -> bool:
        """Keep no more of the event than its digest and time; whether it still waited."""
        packed = self.packed
        if not packed or packed[place] is None:
            return False
        packed[place] = None
        if self.sealed:
            self.kept -= 1
            if self.kept == 0:
                self.packed = []
        return self.truths is None or not self.truths.has(place)

    def drop(self, places: Iterable[int]) -> None:
        """Keep no more of these events than digest and time, where more can still come."""
        packed = self.packed
        if packed:
            for place in places:
                packed[place] = None

    def write(self) -> bytes:
        """All but the truths."""
        offsets_ms = self.offsets_ms
        return _write(
            Written(bytes(self.digests), self.first_ms, offsets_ms.typecode, offsets_ms.tobytes(), self.packed)
        )


def read_segment(written: bytes, truths: bytes | None, *, keep: bool = False) -> Segment:
    """The segment that was written, its `truths` with it. `keep` what is packed of events with the value of a label."""
    found = _read(written)
    segment = Segment(found.first_ms, bytearray(found.digests), array(found.kind), found.packed)
    segment.offsets_ms.frombytes(found.offsets_ms)
    if truths is not None:
        segment.truths = Truths.read(truths)
        settled = segment.truths.places()
        segment.drop([place for place in settled if segment.truths.are(place, None)] if keep else settled)
    return segment
