"""Whatever is changed behind a ledger's back is named, by the audit and where it matters by the task that starts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schemas.ledger import Entry
from schemas.problem import Problem
from schemas.reject import HEADER_STAGE
from streams.runtime import findings, folding, owner
from streams.runtime.codec import Encoder
from streams.runtime.ledger import Chain, Named, Signer, Work
from streams.runtime.ports import Mark
from tests.streams.builders import EVENTS, LABELS
from tests.streams.runtime.logs import Stored
from tests.streams.runtime.taps import LEDGER, STATE, Taps

KEY = Signer(b"a key of ours")


def calm(batches: int = 5, *, save_after: int | None = 2, signer: Signer | None = None) -> Taps:
    taps = Taps(signer=signer)
    taps.fold(batches, save_after=save_after)
    return taps


def entries(taps: Taps) -> list[Entry]:
    return [taps.binding.ledger.entry(value) for value in taps.values(LEDGER)]


def flipped(value: bytes, place: int = -1) -> bytes:
    changed = bytearray(value)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("signer", [None, KEY], ids=["unsigned", "signed"])
def test_a_calm_ledger_holds_in_every_entry(signer: Signer | None) -> None:
    taps = calm(signer=signer)
    before = {name: topic.partitions[0].high for name, topic in taps.log.topics.items()}

    found = taps.audit()

    assert found.differences == []
    assert found.chain_only is None
    assert (found.entries, found.refolded) == (7, 6)
    assert found.records == sum(entry.records for entry in entries(taps)) > 60
    assert {name: topic.partitions[0].high for name, topic in taps.log.topics.items()} == before


def test_a_ledger_that_has_not_begun_has_no_entries_and_no_differences() -> None:
    found = Taps().audit()

    assert (found.entries, found.found) == (0, 0)


CHANGES: dict[str, Callable[[Entry], dict[str, Any]]] = {
    "records": lambda entry: {"records": entry.records + 1},
    "ends": lambda entry: {"ends": {**entry.ends, EVENTS: entry.ends[EVENTS] + 1}},
    "counts": lambda entry: {"counts": {**entry.counts, "events.scored": 1}},
    "output_hash": lambda entry: {"output_hash": flipped(entry.output_hash.encode()).decode()},
    "environment": lambda _: {"environment": "something else"},
    "model_id": lambda _: {"model_id": "another"},
    "epoch": lambda entry: {"epoch": entry.epoch + 1},
    "checkpoint": lambda entry: {"checkpoint": not entry.checkpoint},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_entry_is_named(change: str) -> None:
    taps = calm()
    entry = entries(taps)[3]
    taps.change(LEDGER, 3, value=taps.binding.ledger.encode({**entry.__dict__, **CHANGES[change](entry)}))

    found = taps.audit()

    assert found.broken is not None
    assert "entry 3 of the ledger of taps.v1.score/0 was changed after it was written" in found.broken
    assert found.differences[-1] == found.broken


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_no_flipped_bit_of_an_entry_goes_unseen(place: int) -> None:
    taps = calm()
    taps.change(LEDGER, 4, value=flipped(taps.values(LEDGER)[4], place))

    assert taps.audit().broken is not None


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "begins with entry 1: what came before was cut off"),
        (3, "entry 4 .* comes after entry 2: what stood between them was cut out"),
        (-1, "ends with entry 5, but offsets or state are of entry 6: it was cut off"),
    ],
)
def test_an_entry_that_was_cut_out_is_named(number: int, told: str) -> None:
    taps = calm()
    taps.cut(LEDGER, number)

    found = taps.audit()

    assert any(told.split(" .* ")[-1] in each for each in found.differences)


def test_a_ledger_that_was_emptied_is_not_one_that_has_not_begun() -> None:
    taps = calm()
    taps.log.create(LEDGER, LEDGER)

    found = taps.audit()

    assert found.broken is not None
    assert "is empty, but offsets or state are of entry 6" in found.broken


def forge(taps: Taps, signer: Signer | None = None) -> None:
    """Append an entry that follows on the last one in every way, but for the key."""
    last = entries(taps)[-1]
    named = Named(pipeline="taps", version=1, stage="score", partition=0, environment=last.environment)
    work = Work(starts=last.ends, ends=last.ends, counts={}, event_time_ms=last.event_time_ms, model_id=last.model_id)
    forged = Chain(named, signer, last, epoch=last.epoch).next(work)
    taps.log.append(LEDGER, [Stored(LEDGER, 0, 0, b"0", taps.binding.ledger.encode(forged.__dict__))])


def test_a_forged_entry_is_named_where_a_key_is_set() -> None:
    taps = calm(signer=KEY)
    forge(taps)

    found = taps.audit()

    assert found.broken is not None
    assert f"is not signed by our key {KEY.key_id}, but by nobody: it may be forged" in found.broken
    with pytest.raises(Problem, match="may be forged"):
        taps.owner().own(0)
    with pytest.raises(Problem, match="may be forged"):
        taps.owner().repair(0)


class Impostor(Signer):
    """Knows the public id of our key, not the key."""

    __slots__ = ()

    def sign(self, head: str) -> str:
        return f"{KEY.key_id}:{'0' * len(head)}"


def test_the_id_of_a_key_is_no_signature() -> None:
    taps = calm(signer=KEY)
    forge(taps, Impostor(b"not ours"))

    told = f"is not signed by our key {KEY.key_id}, but under the id of key {KEY.key_id} by somebody without it"
    assert told in (taps.audit().broken or "")


def test_a_ledger_goes_on_under_another_key_and_the_old_one_signs_no_more() -> None:
    taps = calm(signer=KEY)
    taps.signer = Signer(b"the next one", (KEY.key,))
    taps.fold(3, save_after=1)
    both, found = taps.audit(), taps.audit(signer=Signer(b"the next one"))

    assert both.differences == []
    assert both.key_ids == {KEY.key_id, taps.signer.key_id}
    assert found.broken is not None
    assert f"but by key {KEY.key_id}: it may be forged" in found.broken

    forge(taps, KEY)

    told = f"is signed by key {KEY.key_id}, the one before it by a newer one: it may be forged"
    assert told in (taps.audit().broken or "")
    with pytest.raises(Problem, match=told):
        taps.owner().own(0)


def test_a_forged_entry_without_a_key_is_named_by_the_offsets_that_do_not_know_it() -> None:
    taps = calm()
    forge(taps)

    assert taps.audit().differences == [f"the ledger {LEDGER}/0 goes on to entry 7, offsets stand at entry 6"]
    with pytest.raises(Problem, match="stand at entry 6, its ledger at 7"):
        taps.owner().own(0)


def test_a_flipped_bit_in_the_saved_state_is_named() -> None:
    taps = calm()
    taps.change(STATE, 1, value=flipped(taps.values(STATE)[1]))

    (told,) = taps.audit().differences

    assert f"the saved state in {STATE} cannot be used" in told
    with pytest.raises(Problem, match=r"the saved state in .* cannot be used"):
        taps.owner().own(0)


def test_a_saved_state_that_is_gone_is_named_and_folded_again_once_offsets_are_repaired() -> None:
    taps = calm()
    taps.log.create(STATE, STATE)

    assert taps.audit().differences == [f"the saved state in {STATE}/0 is gone, offsets know of that of entry 4"]
    with pytest.raises(Problem, match="is not that of entry 4"):
        taps.owner().own(0)
    taps.owner().repair(0)
    taps.fold(1)
    assert taps.audit().differences == []


@pytest.mark.parametrize("topic", ["taps.scored", "taps.outcomes", "taps.rejected"])
def test_an_output_that_is_another_one_is_named_beside_its_entry(topic: str) -> None:
    taps = calm()
    taps.change(topic, 2, value=flipped(taps.values(topic)[2]))

    found = taps.audit()

    assert found.found == 2
    assert all(topic in told for told in found.differences)
    assert "lacks one of its outputs" in found.differences[0]
    assert "is the output of no entry" in found.differences[1]


def test_an_output_that_is_missing_or_too_many_is_named_once() -> None:
    less, more, late = calm(), calm(), calm()
    less.cut("taps.scored", 5)
    stray = Stored("taps.scored", 0, 1, b"a", b"stray")
    late.log.append("taps.scored", [stray])
    more.log.append("taps.scored", [stray])
    more.fold(1)

    assert ["lacks one of its outputs" in told for told in less.audit().differences] == [True]
    assert ["before one of its outputs, is the output of no entry" in t for t in more.audit().differences] == [True]
    assert ["is the output of no entry" in told for told in late.audit().differences] == [True]


def test_rejects_of_another_stage_are_not_ours() -> None:
    taps = calm()
    taps.log.append("taps.rejected", [Stored("taps.rejected", 0, 1, b"", b"", [(HEADER_STAGE, b"monitor")])])

    assert taps.audit().differences == []


def test_outputs_that_have_expired_are_counted() -> None:
    taps = calm()
    taps.log.partition("taps.scored").expire(20)

    found = taps.audit()

    assert found.differences == []
    assert found.gone > 10


def test_what_another_version_has_written_is_passed_over() -> None:
    taps = calm()
    taps.log.append("taps.scored", [Stored("taps.scored", 0, 1, b"a", b"of version 2")])

    assert taps.audit(alone=False).differences == []
    taps.cut("taps.scored", 5)
    assert taps.audit(alone=False).found == 1


def test_a_task_that_goes_on_meanwhile_is_not_called_wrong() -> None:
    taps = calm()
    went_on = False

    def watch(*_: object) -> None:
        nonlocal went_on
        if not went_on:
            went_on = True
            taps.fold(2)

    found = taps.auditor().audit(0, watch)

    assert found.differences == []
    assert found.entries == 7
    assert taps.audit().entries == 9


def test_where_inputs_are_gone_folding_begins_with_the_saved_state() -> None:
    taps = calm()
    taps.log.partition(EVENTS).expire(5)

    found = taps.audit()

    assert found.differences == []
    assert found.chain_only is not None
    assert "begins at offset 5, but its state is folded from 0 on" in found.chain_only
    assert (found.entries, found.refolded) == (7, 2)


def test_where_inputs_are_gone_behind_the_saved_state_too_the_chain_alone_is_checked() -> None:
    taps = calm()
    taps.log.partition(EVENTS).expire(60)

    found = taps.audit()

    assert (found.entries, found.refolded, found.found) == (7, 0, 0)
    assert found.chain_only is not None
    with pytest.raises(Problem, match="raise the topic's retention"):
        taps.owner().own(0)


def reset(taps: Taps) -> None:
    place = (taps.binding.group, EVENTS, 0)
    taps.log.offsets[place] = Mark(5, "")


def set_back_together(taps: Taps) -> None:
    """As if the words beside the offsets had been kept by who set one of them back."""
    place = (taps.binding.group, EVENTS, 0)
    taps.log.offsets[place] = taps.log.offsets[place]._replace(offset=5)


def one_lost(taps: Taps) -> None:
    del taps.log.offsets[taps.binding.group, LABELS, 0]


def expired(taps: Taps) -> None:
    taps.log.expire_group(taps.binding.group)


@pytest.mark.parametrize("change", [reset, set_back_together, one_lost, expired])
def test_offsets_that_are_not_the_ledgers_stop_the_task_until_they_are_repaired(change: Any) -> None:
    taps = calm()
    change(taps)

    with pytest.raises(Problem, match="millrace repair"):
        taps.owner().own(0)
    assert taps.owner().repair(0).seq == 6
    taps.fold(2)
    assert taps.audit().differences == []


def recreated(taps: Taps) -> None:
    records = taps.log.partition(EVENTS).read(0, 1_000)
    offsets = dict(taps.log.offsets)
    taps.log.create(EVENTS, EVENTS)
    taps.log.append(EVENTS, records)
    taps.log.offsets = offsets


def raised(taps: Taps) -> None:
    topic = taps.log.topics[LABELS]
    topic.partitions.append(type(topic.partitions[0])(LABELS, 1))


@pytest.mark.parametrize(("change", "told"), [(recreated, "was created anew"), (raised, "keys have moved")])
def test_an_input_that_is_not_the_one_that_was_folded_is_named(change: Any, told: str) -> None:
    taps = calm()
    change(taps)

    found = taps.audit()

    assert found.refolded == 0
    assert told in found.differences[0]
    with pytest.raises(Problem, match=told):
        taps.owner().own(0)


@pytest.mark.parametrize("other", ["river 0.25.0", "aarch64"])
def test_a_state_of_another_machine_is_refused_until_it_is_accepted(
    monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    taps = calm()
    then = entries(taps)[0].environment
    now = f"{then}; {other}"
    for module in (owner, folding):
        monkeypatch.setattr(module, "environment", lambda: now)

    with pytest.raises(Problem, match=f"was computed by .*, this is .*{other}"):
        taps.owner().own(0)
    taps.fold(1, accept=True)
    assert list(taps.audit().environments) == [then, now]
    assert f"this is {now}" in str(entries(taps)[-2].note)
    taps.fold(1)


def other_bytes(taps: Taps) -> None:
    """Outputs as another registry would make them."""
    encoders = {last: (topic, _also(encode)) for last, (topic, encode) in taps.binding.encoder.values.items()}
    encoder = Encoder(stage="score", values=encoders, rejected=taps.binding.encoder.rejected)
    taps.binding = replace(taps.binding, encoder=encoder)


def _also(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda fields: encode(fields) + b"!"


def test_a_divergence_stops_the_task_and_is_stated_in_the_ledger_once_it_is_accepted() -> None:
    taps = calm(save_after=None)
    other_bytes(taps)

    found = taps.audit()
    with pytest.raises(Problem, match=r"entry 1 folded again gives outputs .* instead of"):
        taps.owner().own(0)
    taps.fold(1, accept=True)

    assert "folded again gives outputs" in found.differences[0]
    assert entries(taps)[-2].kind == "accepted"
    assert "entry 1 folded again gives outputs" in str(entries(taps)[-2].note)
    again = taps.audit()
    assert again.differences == []
    assert again.accepted == 1
    assert again.passed == found.found
    taps.fold(1)
    assert taps.audit().found == 0


def test_differences_are_listed_up_to_a_limit_and_counted_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "DIFFERENCES", 3)
    taps = calm(10, save_after=None)
    other_bytes(taps)

    found = taps.audit()

    assert len(found.differences) == 3
    assert found.found == 10
