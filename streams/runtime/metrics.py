"""Every metric of a worker, with its meaning, in one place."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.runtime.task import Task

SECONDS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMON = ("pipeline", "version", "stage")
STATUSES = (200, 409, 422, 429, 500, 503)
"""Counted from 0 on, as rejected records are: of a counter that begins at 1 no rate sees the first."""

RECORDS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500)


class Metrics:
    """Prometheus metrics of one stage in one process, in a registry of their own. No ids in labels."""

    def __init__(self, pipeline: str, version: int, stage: str) -> None:
        self.registry = CollectorRegistry()
        self._labels = (pipeline, str(version), stage)
        self._records = self._total("records", "Input records by what became of them", "role", "result")
        self._refolded = self._total("refolded_records", "Records folded again to rebuild state")
        self._fenced = self._total("fenced", "Times that a partition which the group gives to us was taken over")
        self._committing = self._histogram("commit_seconds", "Time to commit a group", SECONDS)
        self._folding = self._histogram("fold_seconds", "Time to decode, fold and encode a group", SECONDS)
        self._batch = self._histogram("group_records", "Records in a group commit", RECORDS)
        self._healthy = self._gauge("healthy", "Whether /health says so: 1, or 0 where something is wrong")
        self._lag = self._gauge("lag_records", "Records that the broker has reported, not folded", "partition")
        self._watermark = self._gauge("watermark_seconds", "Newest event time folded, since the epoch", "partition")
        self._disordered = self._gauge("disordered_records", "Records that came behind the merge point", "partition")
        self._learnt = self._gauge("labels_learnt", "Labels the model has learnt", "partition")
        self._held = self._gauge("labels_held", "Labels that wait for their event", "partition")
        self._model_age = self._gauge("model_age_seconds", "Time since the model last learnt", "partition")
        self._monitor = self._gauge(
            "monitor_value",
            "Latest statistic of a monitor: ADWIN's error estimate, stability distance",
            *("partition", "monitor", "subject"),
        )
        self._requests = self._total("requests", "Score requests by the HTTP status of their answers", "status")
        self._requesting = self._histogram("request_seconds", "Time from a score request to its answer", SECONDS)
        self._taught: dict[int, tuple[int, float]] = {}
        self._fenced.labels(*self._labels)
        for status in STATUSES:
            self._requests.labels(*self._labels, str(status))

    def _total(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"millrace_{name}", meaning, (*COMMON, *labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"millrace_{name}", meaning, (*COMMON, *labels), registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
        whole = Histogram(f"millrace_{name}", meaning, COMMON, buckets=buckets, registry=self.registry)
        return whole.labels(*self._labels)

    @contextmanager
    def folding(self) -> Iterator[None]:
        """Times one fold of a group."""
        with self._folding.time():
            yield

    @contextmanager
    def committing(self, records: int) -> Iterator[None]:
        """Times one commit of a group of `records`."""
        self._batch.observe(records)
        with self._committing.time():
            yield

    def requested(self, status: int, took_s: float) -> None:
        """A score request was answered, or refused."""
        self._requests.labels(*self._labels, str(status)).inc()
        self._requesting.observe(took_s)

    def owned(self, task: Task, refolded: int) -> None:
        """A task has become ours; what it refolded was counted when it was first committed."""
        for role in {role for source in task.binding.sources for role in source.roles}:
            self._records.labels(*self._labels, role, "rejected")
        self._refolded.labels(*self._labels).inc(refolded)
        self.committed(task, {})

    def fenced(self) -> None:
        """A partition of ours was taken over."""
        self._fenced.labels(*self._labels).inc()

    def released(self, partition: int) -> None:
        """A task is no longer ours."""
        self._taught.pop(partition, None)
        for gauge in (
            *(self._lag, self._watermark, self._disordered),
            *(self._learnt, self._held, self._model_age, self._monitor),
        ):
            gauge.remove_by_labels({"partition": str(partition)})

    def committed(self, task: Task, counts: Mapping[str, int]) -> None:
        """What is in a batch is final: count it and say where the task stands."""
        partition = str(task.partition)
        for name, count in counts.items():
            role, _, result = name.partition(".")
            self._records.labels(*self._labels, role, result).inc(count)
        self._disordered.labels(*self._labels, partition).set(task.merge.disordered)
        if hasattr(task.state, "watermark_ms"):
            self._watermark.labels(*self._labels, partition).set(task.state.watermark_ms / 1000)
        if hasattr(task.state, "learnt"):
            self._learning(task, partition)
        for monitor, subject, value in getattr(task.state, "gauges", ()):
            self._monitor.labels(*self._labels, partition, monitor, subject).set(value)
        self.lagging(task)

    def healthy(self, *, well: bool) -> None:
        """Whether all is well."""
        self._healthy.labels(*self._labels).set(well)

    def lagging(self, task: Task) -> None:
        """How far a task is behind what the broker has reported of its inputs."""
        behind = sum(max((i.stable or 0) - i.folded, 0) for i in task.merge.inputs.values())
        self._lag.labels(*self._labels, str(task.partition)).set(behind)

    def _learning(self, task: Task, partition: str) -> None:
        learnt = task.state.learnt
        known, at_s = self._taught.get(task.partition, (-1, time.time()))
        if learnt != known:
            at_s = time.time()
            self._taught[task.partition] = (learnt, at_s)
        self._learnt.labels(*self._labels, partition).set(learnt)
        self._held.labels(*self._labels, partition).set(task.state.held)
        self._model_age.labels(*self._labels, partition).set(time.time() - at_s)
