"""How the windows of keys are saved: those that have changed in new pages, what old pages still hold moved on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from streams.holding import Held

PAGE = 1_024
"""Keys that are written together: a thousandth of the records, and of the time that each takes when it is read back."""

Histories = Mapping[str, Held | bytes]


class Written(msgspec.Struct, frozen=True, array_like=True):
    """A page as it is saved: keys and their histories, empty for a key that is forgotten."""

    keys: list[str]
    histories: list[bytes]


_write = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Written).decode


@dataclass(slots=True)
class Pages:
    """The pages that are saved, oldest first, with the keys that each was written with; where each key was last.

    Of a key only what the newest page says counts. As in a log-structured file system (Rosenblum and Ousterhout, 1992)
    the oldest page is given up when more than half of what pages hold is outdated, and what is not is written anew.
    It is always the oldest, so that a forgotten key cannot come back: no page from before it outlives the one that
    says so.
    """

    keys: dict[int, list[str]] = field(default_factory=dict)
    home: dict[str, int] = field(default_factory=dict)
    next: int = 0
    entries: int = 0

    def save(self, changed: Iterable[str], histories: Histories) -> Iterator[tuple[int, bytes | None]]:
        """New pages, by number, with the keys that have `changed`, None for pages that are given up.

        For each key that has changed at most two old ones are looked at, and those of one page more.
        """
        due = dict.fromkeys(changed)
        looked, most = 0, 2 * len(due)
        while self.keys and looked < most and self.entries + len(due) > 2 * (len(histories) + PAGE):
            oldest = next(iter(self.keys))
            keys = self.keys.pop(oldest)
            looked += len(keys)
            self.entries -= len(keys)
            due.update(dict.fromkeys(key for key in keys if self.home.get(key) == oldest))
            yield oldest, None
        left = iter(due)
        while page := list(islice(left, PAGE)):
            yield self.next, self._page(page, histories)

    def _page(self, keys: list[str], histories: Histories) -> bytes:
        """The next page."""
        written = []
        for key in keys:
            history = histories.get(key)
            if history is None:
                self.home.pop(key, None)
                written.append(b"")
            else:
                self.home[key] = self.next
                written.append(history if isinstance(history, bytes) else history.write())
        self.keys[self.next] = keys
        self.entries += len(keys)
        self.next += 1
        return _write(Written(keys, written))


def restore(values: Mapping[bytes, bytes], prefix: bytes) -> tuple[dict[str, Held | bytes], Pages]:
    """The histories in the pages that were saved under `prefix` and their numbers, and the pages that hold them."""
    histories: dict[str, Held | bytes] = {}
    pages = Pages()
    for n in sorted(int(key[len(prefix) :]) for key in values if key.startswith(prefix)):
        page = _read(values[b"%s%d" % (prefix, n)])
        histories.update(zip(page.keys, page.histories, strict=True))
        pages.home.update(dict.fromkeys(page.keys, n))
        pages.keys[n] = page.keys
        pages.entries += len(page.keys)
        pages.next = n + 1
        if b"" in page.histories:
            for key in (key for key, history in zip(page.keys, page.histories, strict=True) if not history):
                del histories[key], pages.home[key]
    return histories, pages
