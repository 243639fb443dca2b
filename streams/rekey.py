"""A stage in front of the others: it keys the records of one input as the pipeline needs it, and keeps nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.reject import Reject
from streams.plan import Rekey
from streams.stage import Emitted, Record, Refused, Rekeyed, Saved

COUNTS = b"counts"


@dataclass(slots=True)
class RekeyState:
    """How many records were keyed anew, and how many rejected."""

    counts: Counter[str] = field(default_factory=Counter)


class RekeyStage:
    """Passes on each record that can be read, its bytes as they came, under the text of its key field.

    `counts` adds up: all of the role = rekeyed + rejected.
    """

    def __init__(self, rekey: Rekey) -> None:
        self.name = rekey.stage
        self._field = rekey.field
        self._rekeyed, self._rejected = f"{rekey.role}.rekeyed", f"{rekey.role}.rejected"

    def initial(self, partition: int) -> RekeyState:  # noqa: ARG002 (every partition starts alike)
        """Nothing counted."""
        return RekeyState()

    def fold(self, state: RekeyState, records: Sequence[Record]) -> list[Emitted]:
        """One message for each record: under its key, or rejected where it has no value to take that from."""
        emitted: list[Emitted] = []
        for record in records:
            value = record.value
            if isinstance(value, Reject):
                state.counts[self._rejected] += 1
                emitted.append(Refused(record, value))
            else:
                state.counts[self._rekeyed] += 1
                emitted.append(Rekeyed(record, str(getattr(value, self._field)).encode()))
        return emitted

    def save(self, state: RekeyState) -> Saved:
        """The counts."""
        yield COUNTS, msgspec.msgpack.encode(dict(sorted(state.counts.items())))

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> RekeyState:  # noqa: ARG002 (as in `initial`)
        """The counts that were saved."""
        return RekeyState(Counter(msgspec.msgpack.decode(values[COUNTS], type=dict[str, int])))
