"""The transactional producer of replayed records: they and what remembers them become visible together, or never."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.rejected.log import RejectedLog, silent
from infra.rejected.record import Rejected, headers_again
from schemas.problem import Problem
from streams.runtime.partition import partition_of
from streams.runtime.transactions import ADMITTED_BYTES

TIMEOUT_S = 30.0
TAKEN_OVER = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


class Sender:
    """The one producer that replays a pipeline's rejects. Making it fences any other and aborts what that left open."""

    def __init__(self, log: RejectedLog) -> None:
        self._log = log
        self._producer = Producer(
            {
                **log.kafka,
                "transactional.id": log.topics.named("rejected.replay"),
                "transaction.timeout.ms": 60_000,
                "retry.backoff.ms": 2,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": ADMITTED_BYTES,
            },
            logger=silent,
        )
        try:
            self._producer.init_transactions(TIMEOUT_S)
        except KafkaException as failed:
            raise self._problem(failed) from failed

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is not None:
            with suppress(KafkaException):  # nothing is open, or another replay has aborted it
                self._producer.abort_transaction(TIMEOUT_S)

    def send(self, together: Sequence[Rejected], progress: Callable[[Rejected], None]) -> None:
        """Commit these records and their replay ids, all or none."""
        if not together:
            return
        try:
            self._producer.begin_transaction()
            for rejected in together:
                self._produce(rejected)
                progress(rejected)
            self._producer.commit_transaction(TIMEOUT_S)
        except KafkaException as failed:
            raise self._problem(failed) from failed

    def _produce(self, rejected: Rejected) -> None:
        log, origin = self._log, rejected.origin
        topic = log.input_of(rejected)
        assert origin is not None
        assert topic is not None
        replay_id, count = log.replay_id(rejected), log.partitions[topic]
        here = min(origin.partition, count - 1)
        self._producer.produce(
            topic,
            value=rejected.value,
            key=rejected.key,
            partition=here if rejected.key is None else partition_of(rejected.key, count),
            headers=headers_again(rejected, replay_id),  # type: ignore[arg-type]  # lists of bytes are fine
        )
        marker = json.dumps({"topic": topic, "reason": origin.reason}).encode()
        self._producer.produce(log.topics.replayed, value=marker, key=replay_id.encode(), partition=0)
        self._producer.poll(0)

    def _problem(self, failed: KafkaException) -> Problem:
        error = failed.args[0]
        if error.code() == KafkaError._FATAL:
            try:
                self._producer.poll(0)
            except KafkaException as why:  # here alone it is told what made every later call fail
                error = why.args[0]
        if error.code() in TAKEN_OVER:
            return Problem(
                f"another replay of {self._log.topics.rejected} has taken over: let it end and start this one again, "
                "which sends nothing twice"
            )
        return Problem(
            f"Kafka did not take the replayed records ({error.str()}): check the brokers and what the Kafka user may "
            "write, and start again, which sends nothing twice"
        )
