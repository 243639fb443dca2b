"""Commands that go on for ever end when they are asked to, and only then."""

import os
import signal
from collections.abc import Iterator

import pytest

from infra.cli.stopping import asked_to_stop

ASKS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ASKS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ASKS)
def test_each_of_the_signals_asks(number: signal.Signals) -> None:
    for each in ASKS:
        signal.signal(each, signal.default_int_handler)
    stop = asked_to_stop()
    os.kill(os.getpid(), number)

    assert stop.wait(WITHIN_S)


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = asked_to_stop()
    os.kill(os.getpid(), signal.SIGHUP)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not stop.is_set()
