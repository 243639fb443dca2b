"""Weighing runs at any size, and says what it weighed."""

from infra.bench import memory


def test_memory_weighs_each_kind_of_state() -> None:
    report = memory.run(lambda _: None, memory.Size(pending=2_000, seen=2_000, keys=100, events=(1, 3)))
    figures = report.as_json()["figures"]

    assert set(figures) == {"pending_event", "pending_all", "seen_id", "key_1_events", "key_3_events", "key_tiled"}
    assert figures["pending_event"]["most"] == 272
    assert figures["seen_id"]["most"] == 32
    assert figures["key_tiled"]["most"] == 1_000
