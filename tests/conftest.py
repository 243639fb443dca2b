"""What all tests share: real servers once per run, and a topic prefix of one's own."""

import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import Servers, choose, forget_settings

forget_settings()

# The same examples in every run; `--hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

# What a shell in the background or nohup has us ignore, the processes that tests start and signal would ignore too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

CHOSEN = pytest.StashKey[str]()
SERVERS = "servers"


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Kafka, schema registry and ClickHouse, ready; shared by all tests of the run, so name things with `prefix`."""
    started = time.monotonic()
    kind, opening = choose()
    with opening as ready:
        request.config.stash[CHOSEN] = f"{kind}, ready after {time.monotonic() - started:.1f} s: {ready}"
        yield ready


@pytest.fixture
def prefix() -> str:
    """A prefix for the topics, groups and subjects of this test alone."""
    return f"t-{uuid.uuid4().hex[:8]}-"


@pytest.hookimpl(tryfirst=True)  # before they are given to processes
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the servers run one after the other, in one process of a run in several."""
    for item in items:
        if item.get_closest_marker(SERVERS) is not None or SERVERS in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(SERVERS))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a run in several tells which servers it has started."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[SERVERS] = session.config.stash.get(CHOSEN, None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of these processes has ended."""
    chosen = getattr(node, "workeroutput", {}).get(SERVERS)
    if chosen is not None:
        node.config.stash[CHOSEN] = chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers the run was against."""
    chosen = terminalreporter.config.stash.get(CHOSEN, None)
    terminalreporter.write_line(f"servers: {chosen or 'none needed'}")
