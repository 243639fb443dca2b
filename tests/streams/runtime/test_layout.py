"""A state that was saved in this layout is still read as what it was; one that is not belongs to another layout.

Where this fails, what folds save has changed its shape: raise `LAYOUT`, and store an example of the new one with
`PYTHONPATH=. python tests/streams/runtime/test_layout.py`.
"""

from pathlib import Path

from streams.runtime.archive import sealed, unsealed
from streams.runtime.manifest import LAYOUT, Restored
from streams.runtime.resumed import resume
from streams.runtime.task import Task
from tests.streams.builders import LABELS, Finding
from tests.streams.runtime.logs import Stored
from tests.streams.runtime.taps import FINDING, START_MS, Taps
from tests.streams.runtime.test_archive import saved
from tests.streams.state import walk

STORED = Path(__file__).with_name("layouts")


def task(state: Restored) -> Task:
    """A task that goes on from `state`."""
    found = Task(Taps().binding, 0, state.manifest.positions)
    resume(found, state)
    return found


def today() -> Restored:
    """What is saved now; one label is held for a tap that has not come."""
    taps = Taps()
    held = Finding(tap_id="to come", known_ms=START_MS, card="a", fraud=True)
    taps.log.append(LABELS, [Stored(LABELS, 0, START_MS, b"a", FINDING(held.model_dump()))])
    taps.fold(5, save_after=2)
    return saved(taps)


def stored() -> Restored:
    path = STORED / f"{LAYOUT}.archive"
    return unsealed(path.read_bytes(), path.name, Taps().binding, 0, None).saved


def test_what_was_saved_in_this_layout_is_read_as_what_it_was() -> None:
    then, now = task(stored()), task(today())

    assert walk(then.state) == walk(now.state)
    assert then.saved() == now.saved()


def test_it_is_saved_under_the_same_keys() -> None:
    assert set(stored().values) == set(today().values)


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    (STORED / f"{LAYOUT}.archive").write_bytes(sealed(Taps().binding, 0, today(), None))
