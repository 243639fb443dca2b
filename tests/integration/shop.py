"""One run of a whole pipeline that several tests look at: poisoned input, both stages, the sink, what each measured."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from prometheus_client import Metric

from infra.embedded.process import ServerProcess
from infra.settings import Settings, clickhouse
from streams.load import load
from streams.pipeline import Pipeline
from tests.integration.harness import (
    FOLDED_S,
    MILLRACE,
    PIPELINES,
    environment,
    metrics_url,
    results,
    scrape,
    wait,
    wait_folded,
    worker,
)
from tests.integration.poison import Poisoner, Story

TARGET = f"{PIPELINES / 'shop.py'}:shop"
EVENTS = 16_000
TABLES = ("scored", "outcomes", "metrics", "alerts", "rejected")

Families = dict[str, Metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a run was fed, where its outputs are, and what its processes measured when all was done."""

    settings: Settings
    pipeline: Pipeline
    story: Story
    score: Families
    monitor: Families
    sink: Families

    @contextmanager
    def client(self) -> Iterator[Client]:
        """ClickHouse, with the database of this run."""
        with clickhouse_connect.get_client(**clickhouse(self.settings), autogenerate_session_id=False) as connected:
            yield connected


def run(settings: Settings, logs: Path) -> Shop:
    """Feed, score, watch and write; all processes have ended on return."""
    pipeline = load(TARGET)
    story = Poisoner(settings, pipeline, events=EVENTS).write()
    with ExitStack() as running:
        stages = [running.enter_context(worker(settings, TARGET, logs, stage=stage)) for stage in ("score", "monitor")]
        wait_folded(settings, pipeline, *stages)
        wait("the monitor folds every score", lambda: _watched(stages[1], story), stages, within_s=FOLDED_S)
        score, monitor = (scrape(stage) for stage in stages)
        sink = running.enter_context(_sink(settings, logs))
        wait("the sink writes every row", lambda: _written(sink, story), [sink], within_s=FOLDED_S)
        return Shop(settings=settings, pipeline=pipeline, story=story, score=score, monitor=monitor, sink=scrape(sink))


def _sink(settings: Settings, logs: Path) -> ServerProcess:
    return ServerProcess("the sink", [*MILLRACE, "sink", TARGET], log_path=logs / "sink.log", env=environment(settings))


def _watched(monitor: ServerProcess, story: Story) -> bool:
    metrics_url(monitor)
    families = scrape(monitor)
    outcomes = sum(results(families, "outcomes").values())
    return sum(results(families, "scored").values()) == story.expected["scored"] and outcomes == story.labels


def _written(sink: ServerProcess, story: Story) -> bool:
    families = scrape(sink)
    rows = {sample.labels["table"]: sample.value for sample in families["millrace_sink_rows"].samples}
    lag = sum(sample.value for sample in families["millrace_sink_lag_records"].samples)
    return rows.get("scored", 0) == story.expected["scored"] and rows.get("outcomes", 0) == story.labels and lag == 0
