"""Everything that a demo needs while it runs, from the servers to the sink, and gone with its `with`."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from infra.demo.servers import Servers, opened
from infra.demo.store import Store
from infra.demo.timeline import Timeline
from infra.demo.workers import Workers
from infra.migrate import migrate
from infra.pipeline_topics import create
from schemas.problem import Problem
from streams.load import load
from streams.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Servers, processes and a connection to what they store, for one pipeline."""

    pipeline: Pipeline
    servers: Servers
    workers: Workers
    store: Store
    times: Timeline

    def check(self) -> None:
        """Raise `Problem` where a server or a process has ended by itself."""
        self.servers.require_alive()
        self.workers.require_alive()


@contextmanager
def running(target: str, console: Console) -> Iterator[Running]:
    """Start servers, topics, tables, stages and sink for the pipeline `target`; stop them in the reverse order.

    Raises `Problem` where one of them does not start.
    """
    times, pipeline = Timeline(), load(target)
    with ExitStack() as held:
        with noting(console) as note:
            servers = held.enter_context(opened(note))
            times.mark("servers ready")
            note("starting the stages and the sink")
            create(pipeline, servers.settings, partitions=1)
            migrate(servers.settings)
            workers = held.enter_context(Workers(target, servers, held.enter_context(log_folder())))
        times.mark("workers started")
        name = f"{servers.settings.topic_prefix}{pipeline.name}"
        store = held.enter_context(Store(servers.settings, name))
        yield Running(pipeline=pipeline, servers=servers, workers=workers, store=store, times=times)


@contextmanager
def noting(console: Console) -> Iterator[Callable[[str], None]]:
    """A place for words on what is waited for: a moving one in a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield lambda words: console.print(words, highlight=False)
        return
    with console.status("looking for the servers' files") as status:
        yield status.update


@contextmanager
def log_folder() -> Iterator[Path]:
    """Where the processes write. It stays when there is a problem to look into."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-demo-"))
    kept = False
    try:
        yield folder
    except Problem:
        kept = True
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
