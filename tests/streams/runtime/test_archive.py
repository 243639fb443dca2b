"""An archived state stands for the inputs before it, and is refused by name unless it is this ledger's own."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.memory import NUMBERS
from streams.runtime import archive as archives
from streams.runtime import checkpoint, folding, recovery
from streams.runtime.archive import Archive, sealed, unsealed
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.findings import Audit
from streams.runtime.ledger import Signer
from streams.runtime.manifest import LAYOUT, Restored
from tests.streams.builders import EVENTS, LABELS
from tests.streams.runtime.taps import LEDGER, STATE, Taps
from tests.streams.runtime.test_audit import KEY, calm, entries, flipped

NAME = "taps.archive"


def saved(taps: Taps) -> Restored:
    found = Checkpoint(STATE).restore(recovery.records(taps.kafka, STATE, 0))
    assert found is not None
    return found


def archived(taps: Taps, state: Restored | None = None) -> bytes:
    return sealed(taps.binding, 0, state if state is not None else saved(taps), taps.signer)


def read(taps: Taps, written: bytes) -> Archive:
    return unsealed(written, NAME, taps.binding, 0, taps.signer)


def audit(taps: Taps, written: bytes) -> Audit:
    return taps.auditor().audit(0, archive=read(taps, written))


def gone_on(*, signer: Signer | None = None) -> tuple[Taps, bytes]:
    """A task that was archived when it had saved entry 4 and that has saved and folded more since."""
    taps = calm(signer=signer)
    written = archived(taps)
    taps.fold(4, save_after=1)
    return taps, written


@pytest.mark.parametrize("signer", [None, KEY], ids=["unsigned", "signed"])
def test_all_since_an_archive_is_folded_again_when_inputs_before_it_are_gone(signer: Signer | None) -> None:
    taps, written = gone_on(signer=signer)
    at = entries(taps)[4]
    for topic in (EVENTS, LABELS):
        taps.log.partition(topic).expire(at.ends[topic])
    without = taps.audit()

    found = audit(taps, written)

    assert found.differences == []
    assert found.chain_only is None
    assert (found.archived, found.entries, found.refolded) == (4, 12, 7)
    assert without.chain_only is not None
    assert (without.archived, without.refolded) == (None, 2)
    assert found.head == without.head


def test_what_is_not_there_behind_an_archive_either_is_said() -> None:
    taps, written = gone_on()
    taps.log.partition(EVENTS).expire(entries(taps)[4].ends[EVENTS] + 1)

    found = audit(taps, written)

    assert found.differences == []
    assert found.archived is None
    assert found.chain_only is not None
    assert "its state is folded from" in found.chain_only
    assert found.refolded == 2


@pytest.mark.parametrize("topic", ["taps.scored", "taps.outcomes", "taps.rejected"])
def test_an_output_behind_an_archive_that_is_another_one_is_named(topic: str) -> None:
    taps, written = gone_on()
    taps.change(topic, -1, value=flipped(taps.values(topic)[-1]))

    found = audit(taps, written)

    assert found.found == 1
    assert f"{topic} lacks one of its outputs" in found.differences[0]


def test_an_entry_before_or_behind_an_archive_that_was_changed_breaks_the_chain() -> None:
    for number in (2, -1):
        taps, written = gone_on()
        taps.change(LEDGER, number, value=flipped(taps.values(LEDGER)[number], 30))

        assert audit(taps, written).broken is not None


def test_a_ledger_that_ends_before_an_archive_of_it_was_cut_off() -> None:
    taps, _ = gone_on()
    written = archived(taps)
    while entries(taps)[-1].seq > 5:
        taps.cut(LEDGER, -1)
    taps.log.expire_group(taps.binding.group)
    taps.log.create(STATE, STATE)

    found = audit(taps, written)

    assert found.broken is not None
    assert f"ends with entry 5, but the archive {NAME} is of entry 9: it was cut off" in found.broken


def test_a_ledger_that_begins_behind_an_archive_was_cut_off() -> None:
    taps, written = gone_on()
    for _ in range(5):
        taps.cut(LEDGER, 0)

    with pytest.raises(Problem, match=r"is of entry 4, and the ledger begins behind that: it was cut off"):
        audit(taps, written)


CALM = archived(calm())


@given(bit=st.integers(0, 8 * len(CALM) - 1))
@example(bit=8 * CALM.index(b" -\n") + 8)
def test_one_flipped_bit_of_an_archive_is_found(bit: int) -> None:
    changed = CALM[: bit // 8] + bytes([CALM[bit // 8] ^ (1 << bit % 8)]) + CALM[bit // 8 + 1 :]

    with pytest.raises(Problem, match=r"is no archive|of format|was changed after it was written"):
        unsealed(changed, NAME, Taps().binding, 0, None)


@pytest.mark.parametrize("cut", [1, 100, len(CALM) - 10, len(CALM)])
def test_an_archive_that_was_cut_off_is_found(cut: int) -> None:
    with pytest.raises(Problem, match=r"is no archive|was changed after it was written"):
        read(Taps(), CALM[:-cut])


def test_an_archive_of_another_format_or_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FORMAT", 2)
    newer = archived(calm())
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint, "LAYOUT", LAYOUT + 1)
    other = archived(calm())
    monkeypatch.undo()

    with pytest.raises(Problem, match="is an archive of format 2, this version of Millrace reads 1"):
        read(Taps(), newer)
    with pytest.raises(Problem, match=f"{NAME} cannot be used, it was saved in layout {LAYOUT + 1} .*take an archive"):
        read(Taps(), other)


def test_an_archive_that_is_not_signed_by_our_key_is_refused() -> None:
    unsigned, other, ours = CALM, archived(calm(signer=Signer(b"another key"))), archived(calm(signer=KEY))

    with pytest.raises(Problem, match=f"not signed by our key {KEY.key_id}, but by nobody: it may be forged"):
        read(Taps(signer=KEY), unsigned)
    with pytest.raises(Problem, match=f"but by key {Signer(b'another key').key_id}: it may be forged"):
        read(Taps(signer=KEY), other)
    assert read(Taps(signer=KEY), ours).key_id == KEY.key_id
    assert read(Taps(signer=Signer(b"the next one", (KEY.key,))), ours).key_id == KEY.key_id
    assert read(Taps(), ours).key_id == KEY.key_id
    assert read(Taps(), unsigned).key_id is None


@pytest.mark.parametrize("place", [{"pipeline": "else"}, {"version": 2}, {"partition": 1}])
def test_an_archive_of_another_task_is_refused(place: dict[str, Any]) -> None:
    taps, partition = Taps(), place.get("partition", 0)
    binding = taps.binding if "partition" in place else replace(taps.binding, **place)
    written = sealed(binding, partition, saved(calm()), None)

    with pytest.raises(Problem, match=r"is of .*, partition [01], not of taps\.v1\.score, partition 0"):
        read(taps, written)


def test_an_archive_of_a_run_that_began_otherwise_is_refused() -> None:
    taps, other = calm(), Taps()
    other.log.create(EVENTS, "another id")
    other.fold(5, save_after=2)

    with pytest.raises(Problem, match="is of a run that began otherwise than this ledger"):
        audit(taps, archived(other))


MANIFESTS: dict[str, tuple[dict[str, Any], str]] = {
    "head": ({"head": "ab" * 32}, "is of entry 4 with head abab"),
    "entry": ({"seq": 3}, "is of entry 3 with head"),
    "epoch": ({"epoch": 7}, "with epoch 7, in the ledger that is 0"),
    "positions": ({"positions": {EVENTS: 1, LABELS: 1}}, "with positions"),
    "environment": ({"environment": "python 2"}, "with environment python 2, in the ledger"),
    "genesis": ({"genesis": "{}"}, "is of a run that began otherwise"),
}


@pytest.mark.parametrize(("changed", "told"), MANIFESTS.values(), ids=MANIFESTS)
def test_an_archive_that_is_not_of_its_entry_is_refused_before_anything_is_unpickled(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], told: str
) -> None:
    taps, state = calm(), saved(calm())
    forged = archived(taps, state._replace(manifest=msgspec.structs.replace(state.manifest, **changed)))
    monkeypatch.setattr(folding, "resume", lambda *_: pytest.fail("it was read"))

    with pytest.raises(Problem, match=told):
        audit(taps, forged)


def test_an_archive_of_an_entry_that_saved_no_state_is_refused() -> None:
    taps, state = calm(), saved(calm())
    entry: Entry = entries(taps)[2]
    assert not entry.checkpoint
    manifest = msgspec.structs.replace(state.manifest, seq=2, head=entry.head, epoch=entry.epoch, positions=entry.ends)

    with pytest.raises(Problem, match="is of entry 2, which says that no state was saved with it"):
        audit(taps, archived(taps, state._replace(manifest=manifest)))


def test_another_state_that_nobody_has_signed_is_found_by_folding() -> None:
    taps, written = gone_on()
    state = read(taps, written).saved
    earlier = calm(4, save_after=1)
    forged = state._replace(values={**state.values, NUMBERS: saved(earlier).values[NUMBERS]})

    found = audit(taps, archived(taps, forged))

    assert found.found > 0
    assert "entry 5" in found.differences[0]


def test_an_archive_that_cannot_be_gone_on_with_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    taps, written = gone_on()
    state = read(taps, written).saved
    unreadable = archived(taps, state._replace(values={**state.values, b"model": b"nonsense"}))
    nowhere = archived(taps, state._replace(values={}))

    with pytest.raises(Problem, match=rf"partition 0, in {NAME} cannot be read: the model .* take an archive"):
        audit(taps, unreadable)
    with pytest.raises(Problem, match=rf"partition 0, in {NAME} cannot be read: at 'scalars'"):
        audit(taps, nowhere)
    monkeypatch.setattr(folding, "environment", lambda: entries(taps)[0].environment + "; aarch64")
    with pytest.raises(Problem, match=rf"the saved state in {NAME} was computed by .*aarch64"):
        audit(taps, written)
