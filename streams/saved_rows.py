"""How remembered events are saved, a segment at a time, and read back."""

from array import array
from collections.abc import Mapping
from heapq import heapify

import numpy as np

from streams import rows as layout
from streams.index import Entries, entries_of
from streams.rows import Rows, straggler
from streams.segment import DIGEST, Segment, read_segment
from streams.stage import Saved


def save(rows: Rows) -> Saved:
    """Segments with new rows, and the truths of those in which a label has come; None for what is forgotten."""
    first, end = (rows.saved // layout.SEGMENT, -(-rows.end // layout.SEGMENT)) if rows.saved < rows.end else (0, 0)
    for n in range(first, end):
        segment = rows.segments.get(n)
        if segment is not None:
            yield b"p/%d" % n, segment.write()
    for n in sorted(rows.settled):
        segment = rows.segments.get(n)
        if segment is not None and segment.truths is not None:
            yield b"t/%d" % n, segment.truths.write()
    for n in rows.dropped:
        yield b"p/%d" % n, None
        yield b"t/%d" % n, None
    rows.saved = rows.end
    rows.settled, rows.dropped = {}, {}


def restore(rows: Rows, values: Mapping[bytes, bytes], *, keep: bool) -> None:
    """Fill in the segments that were saved; `end`, `forgotten_to` and `horizon_ms` are there already.

    `keep` events whose label may be revised.
    """
    rows.saved, rows.passed = rows.end, rows.end
    entries = array("Q")
    for n in sorted(int(key[2:]) for key in values if key.startswith(b"p/")):
        segment = read_segment(values[b"p/%d" % n], values.get(b"t/%d" % n), keep=keep)
        rows.segments[n] = rows.open = segment
        entries.frombytes(_restore_segment(rows, n * layout.SEGMENT, segment).tobytes())
        if len(segment.offsets_ms) == layout.SEGMENT:
            segment.seal()
    rows.index.fill(entries)
    if rows.passed == rows.end:
        rows.passed_ms = rows.newest_ms
    heapify(rows.stragglers)


def _restore_segment(rows: Rows, first: int, segment: Segment) -> Entries:
    """Where its rows belong, from row `first` on; what of them belongs into the index."""
    times_ms = np.array(segment.offsets_ms, dtype=np.int64) + segment.first_ms
    numbers = np.arange(first, first + len(times_ms))
    newest_ms = np.maximum.accumulate(np.append(rows.newest_ms, times_ms))
    alive = (numbers >= rows.forgotten_to) | (times_ms >= rows.horizon_ms)
    in_order = times_ms >= newest_ms[:-1]
    gone = np.flatnonzero(~alive).tolist()
    segment.drop(gone)
    segment.forgotten += len(gone)
    for place in np.flatnonzero(alive & ~in_order).tolist():
        rows.stragglers.append(straggler(segment.time_ms(place), first + place))
    if rows.passed == rows.end and (alive & in_order).any():
        place = int(np.argmax(alive & in_order))
        rows.passed, rows.passed_ms = first + place, int(newest_ms[place])
    rows.newest_ms = int(newest_ms[-1])
    rows.oldest_ms = min([rows.oldest_ms, *times_ms[alive].tolist()])
    tags = np.frombuffer(segment.digests, dtype=">u4")[:: DIGEST // 4].astype(np.uint64)
    return entries_of(tags[alive], numbers[alive].astype(np.uint64))
