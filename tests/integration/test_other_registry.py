"""A registry in which other schemas have the ids: a worker that has folded records of the former one stops by name."""

from pathlib import Path

import pytest

from infra.embedded.ports import free_port
from infra.embedded.registry import start_registry
from infra.feed import feed
from infra.settings import Settings, schema_registry
from schemas.avro import avro_schema
from schemas.outcome import Outcome
from schemas.registry import Registry
from schemas.scored import Scored
from streams.load import load
from tests.integration.harness import PIPELINES, STARTED_S, decoded, wait, wait_folded, worker
from tests.integration.test_restart import payments

TARGET = f"{PIPELINES / 'till.py'}:till"
EVENTS = 300


@pytest.mark.servers
def test_a_registry_with_other_ids_stops_the_worker_by_name(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(TARGET)
    feed(pipeline, payments(0, EVENTS), settings)
    with worker(settings, TARGET, tmp_path) as first:
        wait_folded(settings, pipeline, first)
    other = start_registry(tmp_path / "registry", free_port())
    try:
        elsewhere = settings.model_copy(update={"schema_registry_url": other.url})
        with Registry(schema_registry(elsewhere)) as registry:
            for topic in ("here", "there", "everywhere"):
                registry.register(topic, avro_schema(Outcome))
        with worker(elsewhere, TARGET, tmp_path) as second:
            wait("the worker ends", lambda: not second.alive, [], within_s=STARTED_S)
            said = second.log().splitlines()[-1]
    finally:
        other.stop()
    topic = pipeline.topics(settings.topic_prefix).scored

    assert "score.ledger holds a record that is no entry" in said
    assert "MILLRACE_SCHEMA_REGISTRY_URL" in said
    assert len(decoded(settings, topic, Scored)) == EVENTS
