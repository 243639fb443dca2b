"""Are the servers there? Each is asked, within a bounded time, before a command starts its work."""

import logging
import time
from typing import Any, Literal

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.common._httpx_compat import httpx  # the one that the client raises from
from confluent_kafka.schema_registry.error import SchemaRegistryError

from infra.settings import clients
from infra.settings.model import Settings
from infra.settings.variables import variable
from schemas.problem import Outage, Problem

Server = Literal["kafka", "schema_registry", "clickhouse"]
ALL: tuple[Server, ...] = ("kafka", "schema_registry", "clickhouse")
WITHIN_S = 10.0
"""For each server: a broker that is just starting is given that long."""

BAD_LOGIN = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
BAD_LOGIN_STATUS = frozenset({401, 403})
BAD_LOGIN_CODES = frozenset({192, 193, 194, 516})
"""ClickHouse: UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED."""
UNKNOWN_DATABASE = 81

silent = logging.Logger("millrace.reach")  # librdkafka's own lines would say the same again, less clearly
silent.addHandler(logging.NullHandler())
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # likewise, where nobody set up logging


def reach(settings: Settings, servers: tuple[Server, ...] = ALL, *, within_s: float = WITHIN_S) -> None:
    """Return when every named server answers; else raise `Problem` with its address and the cure."""
    checks = {"kafka": reach_kafka, "schema_registry": reach_registry, "clickhouse": reach_clickhouse}
    for server in servers:
        checks[server](settings, within_s)


def reach_kafka(settings: Settings, within_s: float) -> None:
    """Ask for the cluster's metadata until it comes; a refused login or certificate ends it at once."""
    errors: list[KafkaError] = []
    configuration: dict[str, Any] = {**clients.librdkafka(settings), "error_cb": errors.append}
    admin = AdminClient(configuration, logger=silent)
    deadline = time.monotonic() + within_s
    while True:
        try:
            admin.list_topics(timeout=min(1.0, within_s))
        except KafkaException as failed:
            admin.poll(0)
            errors.append(failed.args[0])
        else:
            return
        codes = {error.code() for error in errors}
        if codes & BAD_LOGIN:
            raise _bad_login("Kafka", settings.kafka_bootstrap, "kafka_sasl") from None
        if KafkaError._SSL in codes:
            raise _untrusted("Kafka", settings.kafka_bootstrap, "kafka_ssl") from None
        if time.monotonic() >= deadline:
            hint = f"; it may also expect another {variable('kafka_security_protocol')}"
            raise _down("Kafka", settings.kafka_bootstrap, "kafka_bootstrap", hint) from None


def reach_registry(settings: Settings, within_s: float) -> None:
    """Ask for the schema types, which every Confluent-compatible registry lists."""
    name, url = "the schema registry", settings.schema_registry_url
    configuration = {**clients.schema_registry(settings), "timeout": within_s, "max.retries": 0}
    try:
        with SchemaRegistryClient(configuration) as client:
            types = client.get_schema_types()
    except SchemaRegistryError as refused:
        if refused.http_status_code in BAD_LOGIN_STATUS:
            raise _bad_login(name, url, "schema_registry") from None
        raise _stranger(name, url, "schema_registry") from None
    except httpx.TransportError as failed:
        raise _unreached(name, url, "schema_registry", failed) from None
    except ValueError:
        raise _stranger(name, url, "schema_registry") from None
    if "AVRO" not in types:
        raise _stranger(name, url, "schema_registry")


def reach_clickhouse(settings: Settings, within_s: float) -> None:
    """Log in as the clients will, which makes the server tell its version."""
    name, url = "ClickHouse", settings.clickhouse_url
    seconds = max(1, round(within_s))
    limits = {"connect_timeout": seconds, "send_receive_timeout": seconds, "query_retries": 0}
    try:
        clickhouse_connect.get_client(**{**clients.clickhouse(settings), **limits}).close()
    except ClickHouseError as failed:
        code = failed.code if isinstance(failed, Error) else None
        if code in BAD_LOGIN_CODES:
            raise _bad_login(name, url, "clickhouse") from None
        if code == UNKNOWN_DATABASE:
            raise Problem(
                f"ClickHouse at {url} has no database {settings.clickhouse_database}: "
                f"create it, or set {variable('clickhouse_database')} to another"
            ) from None
        if code is not None:
            raise _stranger(name, url, "clickhouse") from None
        raise _unreached(name, url, "clickhouse", failed) from None


def _unreached(name: str, url: str | None, server: str, failed: Exception) -> Problem:
    if "CERTIFICATE_VERIFY_FAILED" in str(failed):
        return _untrusted(name, url, server)
    return _down(name, url, f"{server}_url", "")


def _down(name: str, where: str | None, field: str, hint: str) -> Problem:
    return Outage(f"{name} does not answer at {where}: start it (`millrace up`) or correct {variable(field)}{hint}")


def _bad_login(name: str, where: str | None, start: str) -> Problem:
    username, password = variable(f"{start}_username"), variable(f"{start}_password")
    return Problem(f"{name} at {where} refuses the login: correct {username} and {password}")


def _untrusted(name: str, where: str | None, start: str) -> Problem:
    return Problem(
        f"{name} at {where} has no certificate that is trusted here for that name: "
        f"set {variable(f'{start}_ca_file')} to the authority that signed it, or use the name it was issued for"
    )


def _stranger(name: str, url: str | None, server: str) -> Problem:
    return Problem(
        f"what answers at {url} does not behave like {name}: correct {variable(f'{server}_url')}, path included"
    )
