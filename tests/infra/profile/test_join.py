"""Labels meet their events as where a model learns: the one that was known first stands."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from infra.profile.join import beside
from tests.streams import builders

IDS = st.sampled_from([f"t{number}" for number in range(6)])
LABELS = st.lists(st.tuples(IDS, st.integers(0, 20), st.booleans()), max_size=20)


@given(st.lists(IDS, min_size=1, max_size=8), LABELS)
def test_each_event_has_the_label_that_was_known_first(events: list[str], drawn: "list[tuple[str, int, bool]]") -> None:
    columns = {"tap_id": pa.chunked_array([pa.array(events)])}
    labels = {
        "tap_id": pa.chunked_array([pa.array([each[0] for each in drawn], pa.string())]),
        "known_ms": pa.chunked_array([pa.array([each[1] for each in drawn], pa.int64())]),
        "fraud": pa.chunked_array([pa.array([each[2] for each in drawn], pa.bool_())]),
    }
    found = beside(builders.pipeline(), columns, labels)

    first: dict[str, tuple[int, bool]] = {}
    contradictory = 0
    for tap_id, known_ms, fraud in sorted(drawn, key=lambda each: each[1]):
        contradictory += first.setdefault(tap_id, (known_ms, fraud))[1] != fraud
    assert found.truth.to_pylist() == [first[each][1] if each in first else None for each in events]
    assert found.has_time is not None
    assert found.known_ms is not None
    assert found.has_time.tolist() == [each in first for each in events]
    times = np.where(found.has_time, found.known_ms, -1).tolist()
    assert times == [first[each][0] if each in first else -1 for each in events]
    assert found.repeated == len(drawn) - len(first)
    assert found.contradictory == contradictory
    assert found.orphans == len(set(first) - set(events))
