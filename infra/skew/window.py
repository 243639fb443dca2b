"""Where a window lies, by its definition, and from when on its events must be held."""

from collections.abc import Hashable, Iterable, Mapping

from streams.aggregate import EVERYTHING, Windows
from streams.decayed import FORGOTTEN_AFTER

Span = tuple[int, int]
"""From behind the first time to the last one, milliseconds."""


def span_of(windows: Windows, span_ms: int, time_ms: int) -> Span:
    """The window of so long as of a time; one of tiles is as many whole tiles, of a delay those that were over then."""
    end_ms, tile_ms = time_ms - windows.delay_ms, windows.tile_ms
    if windows.kind != "tiled":
        return end_ms - span_ms, end_ms
    end = end_ms // tile_ms + (0 if windows.delay is not None else 1)
    return end * tile_ms - span_ms - 1, end * tile_ms - 1


def held_ms(windows: Windows) -> int:
    """How long before an event the longest of its windows may begin; for what decays, when it is forgotten."""
    longest_ms = max(windows.spans_ms)
    if windows.kind == "decayed":
        return FORGOTTEN_AFTER * longest_ms
    if windows.kind == "exact":
        return windows.delay_ms + longest_ms
    delay = -(-windows.delay_ms // windows.tile_ms) + 1 if windows.delay is not None else 0
    return longest_ms + delay * windows.tile_ms


def group_of(windows: Windows) -> Hashable:
    """Windows of one group are held as long as the longest of them."""
    itself = windows.kind == "exact" or windows.itself
    return windows.entity, windows.delay_ms, windows.where, windows.kind, windows.tile_ms, windows.most, itself


def held_of(windows: Iterable[Windows], lateness_ms: int) -> Mapping[Hashable, int]:
    """By group how long events are held: also for windows as of an event that is late by `lateness_ms`."""
    held: dict[Hashable, int] = {}
    for each in windows:
        lateness = -(-lateness_ms // each.tile_ms) * each.tile_ms if each.kind == "tiled" else lateness_ms
        held[group_of(each)] = max(held.get(group_of(each), 0), held_ms(each) + lateness)
    return held


def held_from_ms(windows: Windows, held_ms: int, newest_ms: int) -> int:
    """A window that begins at this time or later is whole, where the newest event was at `newest_ms`."""
    if windows.kind != "tiled":
        return newest_ms - held_ms
    return (newest_ms // windows.tile_ms + 1) * windows.tile_ms - held_ms - 1


def key_of(windows: Windows, event: object) -> str:
    """Whose windows they are."""
    return EVERYTHING if windows.entity == EVERYTHING else str(getattr(event, windows.entity))
