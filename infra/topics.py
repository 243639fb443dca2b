"""Topics that are there as specified: created with explicit partitions, retention and timestamps, or refused."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    TopicDescription,
)
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from infra.settings.variables import variable
from schemas.problem import Outage, Problem

FOREVER_MS = -1
ANY_AGE_MS = 2**63 - 1
AHEAD_MS = 366 * 24 * 3_600_000
"""How far a record's time may run ahead of the broker's clock (whose own default is one hour): a replay at full speed
sends today what becomes known weeks later. There is a limit because a time in the wrong unit lies millennia ahead, and
its segment would never be deleted."""

WITHIN_S = 30.0
AGAIN_S = 0.5
"""How soon a broker is asked again that was away: one that stalls is back in seconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """One topic. With `CreateTime` records of any age are accepted, as a back-fill sends them.

    Retention counts from the records' own time: a topic that is back-filled needs `FOREVER_MS`, or they go at once.

    >>> TopicSpec(name="payments.scored", partitions=4).config()["retention.ms"]
    '-1'
    """

    name: str
    partitions: int
    retention_ms: int = FOREVER_MS
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    timestamp_type: Literal["CreateTime", "LogAppendTime"] = "CreateTime"
    most_bytes: int | None = None
    """Of one batch of records; None: what the broker takes by default."""

    def config(self) -> dict[str, str]:
        most = {} if self.most_bytes is None else {"max.message.bytes": str(self.most_bytes)}
        return most | {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "message.timestamp.type": self.timestamp_type,
            "message.timestamp.before.max.ms": str(ANY_AGE_MS),
            "message.timestamp.after.max.ms": str(AHEAD_MS),
        }


def ensure(
    admin: AdminClient, specs: Sequence[TopicSpec], *, replication_factor: int | None = None, within_s: float = WITHIN_S
) -> tuple[str, ...]:
    """Create the topics that are missing and return their names, sorted; all have leaders then.

    A topic that exists keeps its retention (its owner's choice). Raises `Problem` before anything is created when one
    differs in what cannot be mended (partition count, timestamp type, clean-up) or the broker would refuse one.
    """
    deadline = time.monotonic() + within_s
    existing = described(admin, [spec.name for spec in specs], deadline)
    check(admin, [spec for spec in specs if spec.name in existing], existing, deadline)
    missing = sorted((spec for spec in specs if spec.name not in existing), key=lambda spec: spec.name)
    if not missing:
        return ()
    new = [
        NewTopic(spec.name, spec.partitions, replication_factor or -1, config=spec.config())  # -1: the broker's default
        for spec in missing
    ]
    for validate_only in (True, False):
        _patiently(deadline, partial(_create, admin, new, deadline, validate_only=validate_only))
    created = _await_leaders(admin, missing, deadline)
    check(admin, missing, created, deadline)  # another command may have been first, with another specification
    return tuple(spec.name for spec in missing)


def described(admin: AdminClient, names: Sequence[str], deadline: float) -> dict[str, TopicDescription]:
    """Those of `names` that exist. Raises `Problem` when the broker does not say."""
    if not names:
        return {}
    return _patiently(deadline, partial(_described, admin, names, deadline))


def _patiently(deadline: float, ask: Callable[[], T]) -> T:
    """The answer, asked for again while Kafka is away."""
    return Retrying(
        retry=retry_if_exception_type(Outage),
        wait=wait_fixed(AGAIN_S),
        stop=stop_after_delay(max(0.0, deadline - time.monotonic())),
        reraise=True,
    )(ask)


def _described(admin: AdminClient, names: Sequence[str], deadline: float) -> dict[str, TopicDescription]:
    asked = admin.describe_topics(TopicCollection(list(names)), request_timeout=_left_s(deadline))
    found = {}
    for name, answer in asked.items():
        try:
            found[name] = answer.result()
        except KafkaException as failed:
            if failed.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise problem_of(failed.args[0], name) from None
    return found


def check(
    admin: AdminClient, specs: Sequence[TopicSpec], existing: dict[str, TopicDescription], deadline: float
) -> None:
    """Raise `Problem` for the first topic that differs from its specification in what cannot be mended."""
    if not specs:
        return
    resources = [ConfigResource(ConfigResource.Type.TOPIC, spec.name) for spec in specs]
    asked = admin.describe_configs(resources, request_timeout=_left_s(deadline))
    configs = {resource.name: _result(answer, resource.name) for resource, answer in asked.items()}
    for spec in specs:
        config = {name: str(entry.value) for name, entry in configs[spec.name].items()}
        _refuse(spec, "partitions", str(len(existing[spec.name].partitions)), str(spec.partitions))
        _refuse(spec, "message.timestamp.type", config["message.timestamp.type"], spec.timestamp_type)
        _refuse(spec, "cleanup.policy", _sorted(config["cleanup.policy"]), _sorted(spec.cleanup))


def problem_of(error: KafkaError, name: str) -> Problem:
    """The broker's refusal to create or describe topic `name`, with the cure."""
    code = error.code()
    if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        return Problem(
            f"the Kafka user may not create or describe topic {name}: grant it Create, Describe and DescribeConfigs"
        )
    if code == KafkaError.INVALID_REPLICATION_FACTOR:
        factor = variable("kafka_replication_factor")
        return Problem(f"topic {name} needs more brokers than there are: set {factor} to at most their number")
    if code in (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT, KafkaError._TRANSPORT):
        return Outage(f"Kafka did not answer about topic {name} in time: see that all its brokers are up and try again")
    return Problem(f"Kafka refuses topic {name} ({error.str()}): have its administrator create it, or change the name")


def _create(admin: AdminClient, new: list[NewTopic], deadline: float, *, validate_only: bool) -> None:
    left_s = _left_s(deadline)
    asked = admin.create_topics(new, operation_timeout=left_s, request_timeout=left_s, validate_only=validate_only)
    for name, answer in asked.items():
        try:
            answer.result()
        except KafkaException as failed:
            code = failed.args[0].code()
            if code == KafkaError.INVALID_REPLICATION_FACTOR and not _somebody_is_up(admin, left_s):
                raise Outage(f"no broker can take topic {name} now: see that they are up and try again") from None
            if code != KafkaError.TOPIC_ALREADY_EXISTS:
                raise problem_of(failed.args[0], name) from None


def _somebody_is_up(admin: AdminClient, within_s: float) -> bool:
    try:
        return bool(admin.list_topics(timeout=within_s).brokers)
    except KafkaException:
        return False


def _await_leaders(admin: AdminClient, specs: Sequence[TopicSpec], deadline: float) -> dict[str, TopicDescription]:
    """A created topic is known to the controller first and to the brokers a moment later."""
    names = [spec.name for spec in specs]
    while time.monotonic() < deadline:
        found = described(admin, names, deadline)
        if len(found) == len(names) and all(part.leader for topic in found.values() for part in topic.partitions):
            return found
        time.sleep(0.05)
    raise Outage(f"Kafka created {', '.join(names)} but names no leaders: see that all its brokers are up")


def _refuse(spec: TopicSpec, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise Problem(
            f"topic {spec.name} has {what} {found}, and {wanted} is needed: "
            "delete the topic if its records may go, or name another"
        )


def _result(answer: "Future[Any]", name: str) -> Any:
    try:
        return answer.result()
    except KafkaException as failed:
        raise problem_of(failed.args[0], name) from None


def _sorted(policy: str) -> str:
    return ",".join(sorted(policy.split(",")))


def _left_s(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())
