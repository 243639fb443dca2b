"""A saved state that is whole and yet cannot be read stops its task by name, with partition and key, no traceback."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from schemas.problem import Problem
from streams.runtime.checkpoint import Checkpoint
from tests.streams.runtime.logs import Stored
from tests.streams.runtime.taps import STATE, Taps
from tests.streams.runtime.test_audit import calm

NONSENSE = b"\xc1 is no msgpack"


def rewritten(change: Callable[[dict[bytes, bytes], dict[str, Any]], object]) -> Taps:
    """A task whose state is another one, with checksums that are right."""
    taps = calm()
    partition = taps.log.partition(STATE)
    records = partition.read(0, partition.high)
    saved = Checkpoint(STATE).restore((record.key or b"", record.value) for record in records)
    assert saved is not None
    values, task = dict(saved.values), dict(saved.manifest.task)
    change(values, task)
    manifest = msgspec.structs.replace(saved.manifest, task=task)
    taps.log.create(STATE, STATE)
    messages = Checkpoint(STATE).messages(values.items(), manifest, 0)
    taps.log.append(STATE, [Stored(STATE, 0, 0, message.key, message.value) for message in messages])
    return taps


def replaced(start: bytes, value: bytes) -> Callable[[dict[bytes, bytes], object], None]:
    """The first value whose key begins so is another one."""

    def change(values: dict[bytes, bytes], _: object) -> None:
        values[next(key for key in values if key.startswith(start))] = value

    return change


CHANGES: dict[str, tuple[Any, str]] = {
    "numbers": (replaced(b"scalars", NONSENSE), "at 'scalars' "),
    "numbers of fewer fields": (replaced(b"scalars", msgspec.msgpack.encode([{}])), "at 'scalars' .ValidationError"),
    "model": (replaced(b"model", NONSENSE), "the model that was saved cannot be read"),
    "windows": (replaced(b"w/", NONSENSE), "at 'w/card/0' "),
    "rows": (replaced(b"p/", NONSENSE), "at '[pt]/0' "),
    "held labels": (lambda values, _: values.update({b"h/7": NONSENSE}), "at 'h/7' "),
    "a name that is none": (lambda values, _: values.update({b"w/card/x": b""}), r"\(ValueError"),
    "numbers are not there": (lambda values, _: values.pop(b"scalars"), "at 'scalars' .KeyError"),
    "merge": (lambda _, task: task.update(merge=3), "what the task carries beside it .ValidationError"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_value_that_cannot_be_read_is_named_with_its_partition(change: Any, told: str) -> None:
    taps = rewritten(change)

    with pytest.raises(Problem, match=rf"saved state of taps\.v1\.score, partition 0, in {STATE} cannot be .*{told}"):
        taps.owner().own(0)


def test_a_state_that_is_written_again_as_it_was_is_gone_on_with() -> None:
    taps = rewritten(lambda *_: None)

    taps.fold(1)

    assert taps.audit().differences == []


def test_what_a_stage_looks_at_are_the_values_themselves() -> None:
    seen: list[Mapping[bytes, bytes]] = []
    taps = calm()
    stage = taps.binding.stage
    restore = stage.restore

    def noted(partition: int, values: Mapping[bytes, bytes]) -> Any:
        seen.append(values)
        return restore(partition, values)

    object.__setattr__(stage, "restore", noted)

    taps.owner().own(0).close()

    (values,) = seen
    assert dict(values) == dict(values.items()) == {key: values[key] for key in values}
    assert len(values) == len(dict(values))
    assert values.get(b"nothing") is None
