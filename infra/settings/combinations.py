"""Which settings need or exclude each other: what one would silently ignore is refused."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from infra.settings.variables import variable
from schemas.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings.model import Settings

SASL = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
SSL = ("kafka_ssl_ca_file", "kafka_ssl_cert_file", "kafka_ssl_key_file", "kafka_ssl_key_password")


def check(settings: Settings) -> None:
    """Raise `Problem` for the first combination that cannot work as it was meant."""
    _check_sasl(settings)
    _check_ssl(settings)
    _check_http(settings, "schema_registry")
    _check_http(settings, "clickhouse")
    if settings.ledger_former_keys and settings.ledger_key is None:
        raise Problem(f"{variable('ledger_former_keys')} needs {variable('ledger_key')}: set it too")


def _check_sasl(settings: Settings) -> None:
    protocol = settings.kafka_security_protocol
    if protocol.startswith("SASL_"):
        missing = [variable(name) for name in SASL if getattr(settings, name) is None]
        if missing:
            raise Problem(f"{variable('kafka_security_protocol')}={protocol} needs {' and '.join(missing)}: set it too")
    else:
        _refuse_ignored(settings, SASL, needs="SASL_SSL or SASL_PLAINTEXT")


def _check_ssl(settings: Settings) -> None:
    if not settings.kafka_security_protocol.endswith("SSL"):
        _refuse_ignored(settings, SSL, needs="SSL or SASL_SSL")
    if settings.kafka_ssl_cert_file and not settings.kafka_ssl_key_file:
        raise Problem(f"{variable('kafka_ssl_cert_file')} needs {variable('kafka_ssl_key_file')}: set it too")
    if settings.kafka_ssl_key_file and not settings.kafka_ssl_cert_file:
        raise Problem(f"{variable('kafka_ssl_key_file')} needs {variable('kafka_ssl_cert_file')}: set it too")
    if settings.kafka_ssl_key_password and not settings.kafka_ssl_key_file:
        raise Problem(f"{variable('kafka_ssl_key_password')} needs {variable('kafka_ssl_key_file')}: set it too")
    if settings.kafka_ssl_cert_file:
        _check_key(settings, settings.kafka_ssl_cert_file)


def _check_key(settings: Settings, cert_file: Path) -> None:
    password = settings.kafka_ssl_key_password.get_secret_value() if settings.kafka_ssl_key_password else ""
    try:
        # Even an empty password keeps OpenSSL from asking for one at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, settings.kafka_ssl_key_file, password)
    except (ssl.SSLError, OSError, ValueError):
        raise Problem(
            f"{variable('kafka_ssl_cert_file')} and {variable('kafka_ssl_key_file')} cannot be used together: both "
            f"must be PEM and match, and {variable('kafka_ssl_key_password')} must open the key"
        ) from None


def _refuse_ignored(settings: Settings, names: tuple[str, ...], *, needs: str) -> None:
    given = [variable(name) for name in names if getattr(settings, name) is not None]
    if given:
        protocol = variable("kafka_security_protocol")
        raise Problem(
            f"{given[0]} has no effect with {protocol}={settings.kafka_security_protocol}: "
            f"set {protocol} to {needs}, or unset {given[0]}"
        )


def _check_http(settings: Settings, server: str) -> None:
    url, username, password, ca_file = (
        getattr(settings, f"{server}_{part}") for part in ("url", "username", "password", "ca_file")
    )
    if password and not username:
        raise Problem(f"{variable(f'{server}_password')} needs {variable(f'{server}_username')}: set it too")
    if username and ":" in username:
        raise Problem(f"{variable(f'{server}_username')} must not contain a colon: it travels as user:password")
    if ca_file and url and not url.startswith("https://"):
        raise Problem(
            f"{variable(f'{server}_ca_file')} has no effect with an http:// address: "
            f"set {variable(f'{server}_url')} to https://, or unset the file"
        )
