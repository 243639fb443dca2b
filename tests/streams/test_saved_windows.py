"""Windows of keys in pages: what comes back is what was last saved, and outdated pages are given up."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.saved_windows
from streams.holding import Held
from streams.saved_windows import Pages, restore

PAGE = 3
KEYS = st.text("abcdefghij", min_size=1, max_size=1)
CHANGES = st.lists(st.dictionaries(KEYS, st.one_of(st.none(), st.binary(min_size=1, max_size=3)), max_size=6))


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.saved_windows, "PAGE", PAGE)
        yield


class Topic:
    """What is saved of some keys, save by save; None: forgotten."""

    def __init__(self) -> None:
        self.pages = Pages()
        self.histories: dict[str, Held | bytes] = {}
        self.values: dict[bytes, bytes] = {}
        self.written = 0

    def save(self, changes: dict[str, bytes | None]) -> None:
        for name, history in changes.items():
            if history is None:
                self.histories.pop(name, None)
            else:
                self.histories[name] = history
        for number, page in self.pages.save(changes, self.histories):
            key = b"w/%d" % number
            if page is None:
                del self.values[key]
            else:
                self.values[key] = page
                self.written += 1

    def restart(self) -> None:
        histories, self.pages = restore(self.values, b"w/")
        assert histories == self.histories
        self.histories = histories


@given(saves=CHANGES)
def test_what_comes_back_is_what_was_last_saved(saves: list[dict[str, bytes | None]]) -> None:
    topic = Topic()
    for changes in saves:
        topic.save(changes)

        assert restore(topic.values, b"w/") == (topic.histories, topic.pages)


@given(saves=CHANGES)
def test_who_begins_with_what_was_saved_saves_the_same(saves: list[dict[str, bytes | None]]) -> None:
    lasting, restarted = Topic(), Topic()
    for changes in saves:
        lasting.save(changes)
        restarted.save(changes)
        restarted.restart()

        assert restarted.values == lasting.values


def test_nothing_is_written_where_nothing_has_changed() -> None:
    topic = Topic()
    topic.save({str(n): b"x" for n in range(10)})
    for _ in range(20):
        topic.save({"0": b"y"})
    written = topic.written

    topic.save({})

    assert topic.written == written


@pytest.mark.parametrize("often", [1, 3, 50])
def test_what_is_outdated_is_given_up_while_some_keys_change_and_others_never_do(often: int) -> None:
    """At most three times what lives is kept, and for each key that changes two more are written at most."""
    topic = Topic()
    topic.save({f"still {n}": b"x" for n in range(100)})
    for n in range(500):
        topic.save({f"{n * often % 50 + each}": b"%d" % n for each in range(often)})

        assert topic.pages.entries <= 3 * (len(topic.histories) + PAGE)
    assert topic.written <= 100 + 500 * (often + 2 * often + PAGE)


def test_a_forgotten_key_does_not_come_back() -> None:
    topic = Topic()
    topic.save({"gone": b"x", "b": b"x", "c": b"x"})
    topic.save({"gone": None})
    for n in range(60):
        topic.save({"b": b"%d" % n, "c": b"%d" % n})

        assert "gone" not in restore(topic.values, b"w/")[0]
    assert all(b"gone" not in page for page in topic.values.values())
