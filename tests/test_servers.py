"""Which servers a run of the tests may reach."""

import pytest

from tests.servers import VARIABLES, forget_settings, named_by_environment


def test_servers_that_a_shell_names_for_commands_are_not_those_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(f"MILLRACE_{name}", "production:9092")

    assert named_by_environment() is None


def test_servers_are_those_that_are_named_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(f"MILLRACE_TEST_{name}", f"{name.lower()}:1")
    found = named_by_environment()

    assert found is not None
    assert found.kafka_bootstrap == "kafka_bootstrap:1"


def test_what_a_shell_sets_for_commands_reaches_no_command_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"MILLRACE_CACHE_DIR": "x", "MILLRACE_TEST_KAFKA_BOOTSTRAP": "x", "OTHER": "x"}
    given = {"MILLRACE_KAFKA_BOOTSTRAP": "production:9092", "MILLRACE_TOPIC_PREFIX": "eu."}
    environment = {**kept, **given}
    monkeypatch.setattr("os.environ", environment)

    forget_settings()

    assert environment == kept
