"""Servers for benches: those of the run, under a prefix of each test."""

from pathlib import Path

import pytest

from infra.demo import servers as demo
from infra.settings import Settings
from tests.servers import Servers

ROOT = Path(__file__).parents[3]


@pytest.fixture
def named(servers: Servers, prefix: str, monkeypatch: pytest.MonkeyPatch) -> demo.Servers:
    """The servers of this run, under a prefix of this test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the arm that loses is no part of the product
    settings = Settings(
        kafka_bootstrap=servers.kafka_bootstrap,
        schema_registry_url=servers.registry_url,
        clickhouse_url=servers.clickhouse_url,
        topic_prefix=prefix,
    )
    return demo.Servers(settings=settings, embedded=False, require_alive=lambda: None)
