"""What is set, missing or wrong: each told in one sentence that names the variable and shows no secret."""

import os
import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest

from infra.settings import Settings, aiokafka, clickhouse, librdkafka, schema_registry
from infra.settings.signing import signer
from schemas.problem import Problem
from streams.runtime.ledger import Signer

AUTHORITIES = certifi.where()
SECRET = "open-sesame:%"
SCRAM = {
    "kafka_bootstrap": "broker:9092",
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "millrace",
    "kafka_sasl_password": SECRET,
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(**given: Any) -> Settings:
    return Settings(**given)


def refusal(**given: Any) -> str:
    with pytest.raises(Problem) as refused:
        settings(**given)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value)


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("MILLRACE_KAFKA_BOOTSTRAP=file:9092\nMILLRACE_TOPIC_PREFIX=eu.\nOTHER=1\n")
    monkeypatch.setenv("MILLRACE_KAFKA_BOOTSTRAP", "environment:9092")

    assert (settings().kafka_bootstrap, settings().topic_prefix) == ("environment:9092", "eu.")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA_REPLICATION_FACTOR", "")

    assert settings().kafka_replication_factor is None


def test_a_misspelt_variable_is_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA_BOOTSTRAPS", "broker:9092")

    assert refusal() == (
        "MILLRACE_KAFKA_BOOTSTRAPS is not a setting: did you mean MILLRACE_KAFKA_BOOTSTRAP? Rename it or unset it"
    )


def test_a_misspelt_variable_in_the_file_is_refused_too() -> None:
    Path(".env").write_text("MILLRACE_CLICKHOUSE_URI=http://localhost:8123\n")

    assert "did you mean MILLRACE_CLICKHOUSE_URL?" in refusal()


def test_a_variable_like_none_is_refused_without_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_QQQ", "x")

    assert refusal() == "MILLRACE_QQQ is not a setting: unset it"


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    Path(".env").write_bytes(b"MILLRACE_LEDGER_KEY=\xff\n")

    assert refusal().startswith(".env is not UTF-8")


@pytest.mark.parametrize("name", ["MILLRACE_CACHE_DIR", "MILLRACE_TEST_KAFKA"])
def test_the_variables_read_elsewhere_are_let_through(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")

    assert settings().kafka_bootstrap is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("kafka_bootstrap", "broker", "MILLRACE_KAFKA_BOOTSTRAP must be host:port"),
        ("kafka_bootstrap", "kafka://broker:9092", "MILLRACE_KAFKA_BOOTSTRAP must be host:port"),
        ("kafka_bootstrap", "broker:99999", "MILLRACE_KAFKA_BOOTSTRAP must be host:port"),
        ("kafka_security_protocol", "TLS", "MILLRACE_KAFKA_SECURITY_PROTOCOL must be 'PLAINTEXT', 'SSL'"),
        ("kafka_sasl_mechanism", "GSSAPI", "MILLRACE_KAFKA_SASL_MECHANISM must be 'PLAIN'"),
        ("kafka_replication_factor", "0", "MILLRACE_KAFKA_REPLICATION_FACTOR must be greater than or equal to 1"),
        ("ledger_former_keys", SECRET, "MILLRACE_LEDGER_FORMER_KEYS must be a list in JSON, the newest key first"),
        ("ledger_former_keys", '["one", 2]', "MILLRACE_LEDGER_FORMER_KEYS must be a list in JSON"),
        ("metrics_port", "many", "MILLRACE_METRICS_PORT must be a valid integer"),
        ("topic_prefix", "a/b", "MILLRACE_TOPIC_PREFIX may only contain letters"),
        ("schema_registry_url", "localhost:8081", "MILLRACE_SCHEMA_REGISTRY_URL must be an http:// or https://"),
        ("clickhouse_url", f"http://me:{SECRET}@host:8123", "MILLRACE_CLICKHOUSE_URL must"),
        ("clickhouse_url", "http://me:open@host:8123", "MILLRACE_CLICKHOUSE_URL must not contain a user or password"),
        ("kafka_ssl_ca_file", "/nowhere/ca.pem", "MILLRACE_KAFKA_SSL_CA_FILE must name a file that can be read"),
        ("clickhouse_ca_file", __file__, "MILLRACE_CLICKHOUSE_CA_FILE must name a file of certificates in PEM form"),
    ],
)
def test_a_wrong_value_is_refused_by_its_variable(field: str, value: str, said: str) -> None:
    assert refusal(**{field: value}).startswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (SCRAM | {"kafka_sasl_username": None}, "needs MILLRACE_KAFKA_SASL_USERNAME: set it too"),
        (SCRAM | {"kafka_sasl_mechanism": None}, "needs MILLRACE_KAFKA_SASL_MECHANISM: set it too"),
        (SCRAM | {"kafka_security_protocol": "PLAINTEXT"}, "MILLRACE_KAFKA_SASL_MECHANISM has no effect"),
        ({"kafka_ssl_ca_file": AUTHORITIES}, "MILLRACE_KAFKA_SSL_CA_FILE has no effect"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cert_file": __file__}, "needs MILLRACE_KAFKA_SSL_KEY_FILE"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_key_file": __file__}, "needs MILLRACE_KAFKA_SSL_CERT_FILE"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_key_password": SECRET}, "needs MILLRACE_KAFKA_SSL_KEY_FILE"),
        ({"clickhouse_password": SECRET}, "needs MILLRACE_CLICKHOUSE_USERNAME"),
        ({"ledger_former_keys": f'["{SECRET}"]'}, "MILLRACE_LEDGER_FORMER_KEYS needs MILLRACE_LEDGER_KEY"),
        ({"schema_registry_username": "a:b"}, "must not contain a colon"),
        (
            {"clickhouse_url": "http://h:1", "clickhouse_ca_file": AUTHORITIES},
            "MILLRACE_CLICKHOUSE_CA_FILE has no effect",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, Any], said: str) -> None:
    assert said in refusal(**given)


def test_secrets_are_not_printed() -> None:
    keys = {"ledger_key": SECRET, "ledger_former_keys": f'["{SECRET}"]'}
    shown = settings(**SCRAM, **keys, clickhouse_username="me", clickhouse_password=SECRET)

    assert SECRET not in f"{shown!r} {shown} {shown.model_dump()} {shown.model_dump_json()}"


def test_former_keys_verify_and_only_the_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_LEDGER_KEY", "the third")
    monkeypatch.setenv("MILLRACE_LEDGER_FORMER_KEYS", '["the second, with a comma", "the first"]')

    assert signer(settings()) == Signer(b"the third", (b"the second, with a comma", b"the first"))
    assert signer(settings(ledger_key=None, ledger_former_keys=())) is None


@pytest.mark.parametrize("translate", [librdkafka, aiokafka, schema_registry, clickhouse])
def test_a_missing_server_is_named_with_the_cure(translate: Any) -> None:
    with pytest.raises(Problem, match=r"set MILLRACE_\w+, or run `millrace up` and paste what it prints"):
        translate(settings())


def test_both_kafka_clients_are_told_the_same_login() -> None:
    given = settings(**SCRAM)

    assert librdkafka(given) == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "millrace",
        "sasl.password": SECRET,
    }
    assert aiokafka(given) == {
        "bootstrap_servers": "broker:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "millrace",
        "sasl_plain_password": SECRET,
    }


@pytest.mark.parametrize(("checked", "named"), [(True, "https"), (False, "none")])
def test_the_host_name_is_checked_by_both_kafka_clients_or_by_neither(checked: bool, named: str) -> None:
    given = settings(kafka_bootstrap="b:1", kafka_security_protocol="SSL", kafka_ssl_check_hostname=checked)

    assert librdkafka(given)["ssl.endpoint.identification.algorithm"] == named
    context = aiokafka(given)["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (checked, ssl.CERT_REQUIRED)


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key\n")
    files = {"kafka_ssl_cert_file": key, "kafka_ssl_key_file": key, "kafka_ssl_key_password": SECRET}

    assert "MILLRACE_KAFKA_SSL_KEY_FILE cannot be used together" in refusal(kafka_security_protocol="SSL", **files)


def test_the_registry_is_told_login_and_authority() -> None:
    told = schema_registry(
        settings(
            schema_registry_url="https://registry/apis/ccompat/v7/",
            schema_registry_username="me",
            schema_registry_password=SECRET,
            schema_registry_ca_file=AUTHORITIES,
        )
    )

    assert told["url"] == "https://registry/apis/ccompat/v7"
    assert told["basic.auth.user.info"] == f"me:{SECRET}"
    assert told["ssl.ca.location"] == AUTHORITIES


@pytest.mark.parametrize(
    ("url", "port", "path"),
    [("http://ch", 8123, None), ("https://ch", 8443, None), ("https://ch:443/house/", 443, "/house")],
)
def test_clickhouse_is_told_its_address_in_parts(url: str, port: int, path: str | None) -> None:
    told = clickhouse(settings(clickhouse_url=url, clickhouse_username="me", clickhouse_password=SECRET))

    assert (told["host"], told["port"], told.get("proxy_path")) == ("ch", port, path)
    assert (told["username"], told["password"], told["database"]) == ("me", SECRET, "default")
