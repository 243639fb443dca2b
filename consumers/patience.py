"""Asking again until the other side answers, and saying that one waits. Knows nothing of what is asked."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, wait_exponential_jitter
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from consumers.metrics import SinkMetrics

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 15.0
T = TypeVar("T")


class Away(Exception):
    """There is no answer for now, or one that says so: the same request may succeed later, or has already."""


class Stopped(Exception):
    """There was no answer until the sink was told to stop."""


class Patience:
    """Calls `work` until it does not raise `Away`, or `stop` is set. One thread at a time."""

    def __init__(self, *, stop: threading.Event, metrics: SinkMetrics) -> None:
        self._metrics = metrics
        self._retrying = Retrying(
            retry=retry_if_exception_type(Away),
            wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_WAIT_S, jitter=0.1),
            stop=stop_when_event_set(stop),
            sleep=sleep_using_event(stop),
            before_sleep=self._note,
        )
        self._away = False
        metrics.clickhouse_up.set(1)

    def __call__(self, work: Callable[[], T]) -> T:
        """What `work` gives in the end. Raises `Stopped`, and whatever else `work` raises."""
        try:
            done = self._retrying(work)
        except RetryError as error:
            raise Stopped(str(error.last_attempt.exception())) from error
        self._answered()
        return done

    def _note(self, state: RetryCallState) -> None:
        """Count every retry; say once that ClickHouse is away."""
        self._metrics.retries.inc()
        if not self._away:
            error = state.outcome.exception() if state.outcome else None
            log.warning("ClickHouse does not answer (%s): records wait in Kafka until it does", error)
            self._away = True
            self._metrics.clickhouse_up.set(0)

    def _answered(self) -> None:
        if self._away:
            log.warning("ClickHouse answers again")
            self._away = False
            self._metrics.clickhouse_up.set(1)
