"""A task that goes on from a saved state; where that cannot be read, the value is named that was being read."""

from collections.abc import ItemsView, Iterator, Mapping

from schemas.problem import Problem
from streams.runtime.chunks import named
from streams.runtime.manifest import Restored
from streams.runtime.task import Task


def resume(task: Task, saved: Restored) -> None:
    """Let `task` go on from `saved`. Raises `Problem` where it cannot be read, with partition and key."""
    values = _Looked(saved.values)
    try:
        task.restore(saved.manifest.task, values)
    except Exception as error:  # from a value that is not one of ours anything may come: named
        where = f"the saved state of {task.binding.group}, partition {task.partition}, in {saved.topic}"
        told = str(error) if isinstance(error, Problem) else f"{values.at} ({type(error).__name__}: {error})"
        raise Problem(f"{where} cannot be read: {told}. To go on, {saved.cure}") from error


class _Looked(Mapping[bytes, bytes]):
    """`values` as they are; `last` is the key that was looked at last."""

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self.values_by_key = values
        self.last: bytes | None = None

    @property
    def at(self) -> str:
        return "what the task carries beside it" if self.last is None else f"at {named(self.last)}"

    def __getitem__(self, key: bytes) -> bytes:
        self.last = key
        return self.values_by_key[key]

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:  # type: ignore[override] # of bytes alone
        """The value; one that is not there is not looked at."""
        return self[key] if key in self.values_by_key else default

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.values_by_key)

    def __len__(self) -> int:
        return len(self.values_by_key)

    def items(self) -> ItemsView[bytes, bytes]:
        """Keys and values, as quick as those of a dict: there may be a million."""
        return _Items(self)


class _Items(ItemsView[bytes, bytes]):
    def __init__(self, looked: _Looked) -> None:
        super().__init__(looked)
        self._looked = looked

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._looked.values_by_key.items():
            self._looked.last = key
            yield key, value
