"""The settings as each client library wants them. Pure but for the TLS files, which are read; nothing connects."""

import ssl
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from infra.settings.model import Settings
from infra.settings.variables import variable
from schemas.problem import Problem


def librdkafka(settings: Settings) -> dict[str, str]:
    """Configuration of confluent-kafka's clients. Holds the password: do not log it.

    Raises `Problem` when `MILLRACE_KAFKA_BOOTSTRAP` is missing.
    """
    given = {
        "bootstrap.servers": required(settings, "kafka_bootstrap"),
        "security.protocol": settings.kafka_security_protocol,
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": _revealed(settings.kafka_sasl_password),
        "ssl.ca.location": settings.kafka_ssl_ca_file,
        "ssl.certificate.location": settings.kafka_ssl_cert_file,
        "ssl.key.location": settings.kafka_ssl_key_file,
        "ssl.key.password": _revealed(settings.kafka_ssl_key_password),
    }
    configuration = {name: str(value) for name, value in given.items() if value is not None}
    if _encrypted(settings):
        configuration["ssl.endpoint.identification.algorithm"] = (
            "https" if settings.kafka_ssl_check_hostname else "none"
        )
    return configuration


def aiokafka(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `AIOKafkaConsumer` and its kin. Hold the password: do not log them.

    Raises `Problem` when `MILLRACE_KAFKA_BOOTSTRAP` is missing.
    """
    given = {
        "bootstrap_servers": required(settings, "kafka_bootstrap"),
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": _revealed(settings.kafka_sasl_password),
        "ssl_context": _ssl_context(settings) if _encrypted(settings) else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def schema_registry(settings: Settings) -> dict[str, Any]:
    """Configuration of confluent-kafka's `SchemaRegistryClient`. Holds the password: do not log it.

    Raises `Problem` when `MILLRACE_SCHEMA_REGISTRY_URL` is missing.
    """
    configuration: dict[str, Any] = {"url": required(settings, "schema_registry_url"), "timeout": 30}
    if settings.schema_registry_username is not None:
        password = _revealed(settings.schema_registry_password) or ""
        configuration["basic.auth.user.info"] = f"{settings.schema_registry_username}:{password}"
    if settings.schema_registry_ca_file is not None:
        configuration["ssl.ca.location"] = str(settings.schema_registry_ca_file)
    return configuration


def clickhouse(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `clickhouse_connect.get_client`. Hold the password: do not log them.

    Raises `Problem` when `MILLRACE_CLICKHOUSE_URL` is missing.
    """
    url = urlsplit(required(settings, "clickhouse_url"))
    given = {
        "interface": url.scheme,
        "host": url.hostname,
        "port": url.port or (8443 if url.scheme == "https" else 8123),
        "proxy_path": url.path or None,
        "username": settings.clickhouse_username,
        "password": _revealed(settings.clickhouse_password),
        "database": settings.clickhouse_database,
        "ca_cert": str(settings.clickhouse_ca_file) if settings.clickhouse_ca_file else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def required(settings: Settings, field: str) -> str:
    """The value of a field that this command cannot do without, or `Problem` with the cure."""
    value: str | None = getattr(settings, field)
    if value is None:
        raise Problem(f"no server is named: set {variable(field)}, or run `millrace up` and paste what it prints")
    return value


def _encrypted(settings: Settings) -> bool:
    return settings.kafka_security_protocol.endswith("SSL")


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    """What librdkafka makes of the same files."""
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca_file)
    context.check_hostname = settings.kafka_ssl_check_hostname
    if settings.kafka_ssl_cert_file is not None:
        password = _revealed(settings.kafka_ssl_key_password) or ""
        context.load_cert_chain(settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file, password)
    return context
