"""Who scores live events in a bench, under a prefix of its own, taught before anything is timed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from infra.bench import outputs
from infra.bench.paced import Pace
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.trial import Trial, trial
from infra.bench.waiting import until
from infra.demo.lag import Lag
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.run_worker import stage_process
from streams.load import load
from streams.pipeline import Pipeline

TARGET = "infra.pipelines.payments:customers"
TAUGHT = 2_000
"""Payments that stand there before, and as many labels; from then on each payment comes with a label."""

STREAM = Stream(label_after=TAUGHT)
WITHIN_S = 120.0

Start = Callable[[Path, dict[str, str]], ServerProcess]


@dataclass(frozen=True, slots=True)
class Scorer:
    """One who scores: its name, the last part of its group, and how it is started."""

    name: str
    group: Callable[[Pipeline, str], str]
    start: Start


def _millrace(logs: Path, env: dict[str, str]) -> ServerProcess:
    return stage_process(TARGET, "score", logs, env=env)


def _hand(logs: Path, env: dict[str, str]) -> ServerProcess:
    command = [sys.executable, "-P", "-m", "infra.bench.hand_live", TARGET]
    return ServerProcess("the hand loop", command, log_path=logs / "hand.log", env=env)


MILLRACE = Scorer("millrace", lambda p, prefix: p.topics(prefix).group(p.version, "score"), _millrace)
HAND = Scorer("hand", lambda p, prefix: p.topics(prefix).named("hand"), _hand)


class Live:
    """A scorer that runs, and how far its payments have come."""

    def __init__(self, servers: Servers, folder: Path, pipeline: Pipeline, lag: Lag, process: ServerProcess) -> None:
        self.servers, self._folder, self.pipeline, self._lag = servers, folder, pipeline, lag
        self.process, self.sent = process, 2 * TAUGHT
        self.topic = pipeline.topics(servers.settings.topic_prefix).scored

    def trial(self, rate_per_s: float, seconds: float) -> Trial:
        """Payments at this rate for so long, and then until all are committed. Raises `Problem` where that fails."""
        end = self.sent + max(1, round(rate_per_s * seconds))
        told = str(self._folder / "told.json")
        pace = Pace(target=TARGET, stream=STREAM, start=self.sent, end=end, rate_per_s=rate_per_s, told=told)
        found = trial(pace, self.topic, self.servers, self._folder)
        self.sent = end
        self.settle()
        return found

    def settle(self) -> None:
        """Wait until all that was sent is committed."""
        until("everything is committed", lambda: self._lag.records() == 0, [self.process], within_s=WITHIN_S)

    def wrong(self, name: str) -> list[str]:
        """Where outputs are lost or doubled."""
        return outputs.wrong(name, outputs.written(self.pipeline, self.servers.settings), STREAM, self.sent)


@contextmanager
def live(scorer: Scorer, servers: Servers, folder: Path, place: str) -> Iterator[Live]:
    """`scorer` with the prefix `place`, taught, inside the `with`. Raises `Problem` where it fails."""
    base = servers.settings
    settings = base.model_copy(update={"topic_prefix": f"{base.topic_prefix}{place}."})
    here, pipeline, logs = replace(servers, settings=settings), load(TARGET), folder / place
    logs.mkdir()
    create(pipeline, settings, partitions=1)
    with Sender(pipeline, settings) as sender:
        sender.send(STREAM.records(0, 2 * TAUGHT))
    named = pipeline.topics(settings.topic_prefix)
    with (
        Lag(settings, scorer.group(pipeline, settings.topic_prefix), [named.events, named.labels]) as lag,
        scorer.start(logs, here.environment) as process,
    ):
        found = Live(here, logs, pipeline, lag, process)
        found.settle()
        yield found
