"""Events as they were read, before anything is said of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from infra.profile.column import Flags
from streams.labels import Task
from streams.monitor.buckets import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Labels beside their events: the truth of each row (null: none) and when it was known, ms.

    Of the labels themselves how many came again, contradicted the first, and had no event.
    """

    field: str
    truth: pa.ChunkedArray
    known_ms: Ints | None = None
    has_time: Flags | None = None
    task: Task | None = None
    repeated: int = 0
    contradictory: int = 0
    orphans: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of equal length in the order of the file or of the partitions, whose number each row then has.

    `time` and `id` are fields with the event's time and id, `keys` name who or what it is about. `rejected`: records
    that could not be read, by reason.
    """

    title: str
    place: str
    columns: dict[str, pa.ChunkedArray]
    time: str | None
    id: str | None
    keys: Sequence[str] = ()
    labels: Joined | None = None
    partitions: Ints | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0
