"""A saved state is read back whole or not at all: each kind of damage is named, with the cure."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.problem import Problem
from streams.runtime import checkpoint, chunks
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.chunks import CHUNK
from streams.runtime.manifest import LAYOUT, Manifest
from tests.streams.saved import MANIFEST

Records = dict[bytes, bytes]

LONG = bytes(range(256)) * (CHUNK // 100)  # three chunks


def written(*steps: dict[bytes, bytes | None]) -> Records:
    """What is left on the topic after saving each of `steps`."""
    saving = Checkpoint("taps.state")
    left: Records = {}
    for step in steps:
        for message in saving.messages(step.items(), MANIFEST, 1):
            assert message.key is not None
            if message.value is None:
                del left[message.key]
            else:
                left[message.key] = message.value
    return left


def read(records: Records) -> dict[bytes, bytes]:
    restored = Checkpoint("taps.state").restore(records.items())
    assert restored is not None
    return restored.values


KEYS = st.sampled_from([b"a", b"b", b"1:a", b"0:a", b"manifest ", b""])
VALUES = st.one_of(st.none(), st.binary(max_size=40))


@given(steps=st.lists(st.dictionaries(KEYS, VALUES), max_size=6))
def test_what_is_read_is_the_latest_of_all_that_was_saved(steps: list[dict[bytes, bytes | None]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK", 8)
        merged: dict[bytes, bytes | None] = {}
        for step in steps:
            merged |= step

        assert read(written(*steps, {})) == {key: value for key, value in merged.items() if value is not None}


def test_the_manifest_comes_last_and_says_where_the_task_stood_and_what_there_is() -> None:
    messages = Checkpoint("taps.state").messages([(b"a", b"1"), (b"b", LONG)], MANIFEST, 7)
    restored = Checkpoint("taps.state").restore([(m.key or b"", m.value) for m in messages])

    assert [m.key for m in messages] == [b"0:a", b"0:b", b"1:b", b"2:b", b"0:manifest"]
    assert {(m.topic, m.timestamp_ms) for m in messages} == {("taps.state", 7)}
    assert restored is not None
    assert (restored.manifest.seq, restored.manifest.head, restored.manifest.values) == (7, "ab", 2)
    assert restored.manifest.positions == MANIFEST.positions


def test_what_is_there_already_is_not_written_again() -> None:
    saving = Checkpoint("taps.state")
    saving.messages([(b"a", b"1"), (b"b", LONG)], MANIFEST, 1)

    again = saving.messages([(b"a", b"1"), (b"b", LONG), (b"never", None)], MANIFEST, 1)

    assert [message.key for message in again] == [b"0:manifest"]


def test_a_value_that_shrinks_leaves_no_chunk_behind() -> None:
    assert set(written({b"b": LONG}, {b"b": b"short"})) == {b"0:b", b"0:manifest"}


def test_nothing_on_the_topic_is_no_checkpoint() -> None:
    assert Checkpoint("taps.state").restore([]) is None


GOOD = written({b"a": b"1", b"b": LONG, b"c": b"3"}, {b"c": b"4"})
EARLIER = written({b"a": b"1", b"b": LONG, b"c": b"3"})


def flipped(value: bytes, bit: int) -> bytes:
    return value[: bit // 8] + bytes([value[bit // 8] ^ (1 << bit % 8)]) + value[bit // 8 + 1 :]


@given(key=st.sampled_from(sorted(GOOD)), data=st.data())
def test_one_flipped_bit_is_found(key: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(GOOD[key]) - 1))

    with pytest.raises(Problem, match=r"taps\.state"):
        read({**GOOD, key: flipped(GOOD[key], bit)})


def without(*keys: bytes) -> Records:
    return {key: value for key, value in GOOD.items() if key not in keys}


DAMAGES: dict[str, tuple[Callable[[], Records], str]] = {
    "first chunk": (lambda: without(b"0:b"), "chunks that belong to no value: '1:b'"),
    "middle chunk": (lambda: without(b"1:b"), "lacks a chunk of 'b'"),
    "last chunk": (lambda: without(b"2:b"), "lacks a chunk of 'b'"),
    "value missing": (lambda: without(b"0:a"), "holds 2 values where its manifest says 3"),
    "value too much": (
        lambda: {**GOOD, **without(b"0:manifest"), **extra()},
        "holds 4 values where its manifest says 3",
    ),
    "value of before": (lambda: {**GOOD, b"0:c": EARLIER[b"0:c"]}, "checksums' sum is off"),
    "manifest of before": (lambda: {**GOOD, b"0:manifest": EARLIER[b"0:manifest"]}, "checksums' sum is off"),
    "value under another key": (lambda: {**GOOD, b"0:c": GOOD[b"0:a"]}, "'c' with a checksum"),
    "no manifest": (lambda: without(b"0:manifest"), "'a' among them, but no manifest"),
    "cut off": (lambda: {**GOOD, b"0:a": GOOD[b"0:a"][:-1]}, "'a' with a checksum"),
    "empty": (lambda: {**GOOD, b"0:a": b""}, "'a'"),
}


def extra() -> Records:
    return {b"0:d": written({b"d": b"5"})[b"0:d"]}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named_with_its_cure(damage: Callable[[], Records], said: str) -> None:
    with pytest.raises(Problem, match=r"taps\.state cannot be used") as caught:
        read(damage())

    assert said in str(caught.value)
    assert "delete the topic and run `millrace repair`" in str(caught.value)


def test_a_state_of_another_layout_is_refused_before_anything_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LAYOUT", LAYOUT + 1)
    newer = written({b"a": b"1"})
    monkeypatch.undo()

    with pytest.raises(
        Problem, match=f"saved in layout {LAYOUT + 1} by another version of .*, this one reads {LAYOUT}"
    ):
        read(newer)


@pytest.mark.parametrize("body", [b'{"seq":7}', b'{"seq":7,"head":[],"values":1}', b"nonsense", b"[]"])
def test_a_manifest_of_another_shape_is_refused_by_name(body: bytes) -> None:
    found = {key: value for key, value in GOOD.items() if key != b"0:manifest"}
    found[b"0:manifest"] = chunks.head_of(b"manifest", body) + body

    with pytest.raises(Problem, match=r"taps\.state cannot be used, it (was saved in layout 0|has a manifest that)"):
        read(found)


def test_a_manifest_of_this_layout_that_lacks_a_field_is_refused_by_name() -> None:
    body = b'{"layout":%d,"seq":7}' % LAYOUT
    found = {b"0:manifest": chunks.head_of(b"manifest", body) + body}

    with pytest.raises(Problem, match=r"has a manifest that cannot be read: .*missing required field"):
        read(found)


def test_what_is_saved_says_its_layout() -> None:
    restored = Checkpoint("taps.state").restore(GOOD.items())

    assert MANIFEST.layout != LAYOUT
    assert restored is not None
    assert restored.manifest == Manifest(
        seq=7,
        head="ab",
        epoch=1,
        positions={"e": 3},
        task={},
        environment="here",
        genesis="{}",
        layout=LAYOUT,
        values=3,
        checksum=restored.manifest.checksum,
    )
