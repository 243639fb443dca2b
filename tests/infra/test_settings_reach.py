"""A server that is not there, or is another one, is told with its address and the cure, in bounded time."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.settings import Settings, reach
from infra.settings.reach import Server
from schemas.problem import Problem

CLOSED = "127.0.0.1:1"


class Status(BaseHTTPRequestHandler):
    """Answers every request with the status that stands first in its path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def answering() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Status) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusal(settings: Settings, server: Server) -> str:
    started = time.monotonic()
    with pytest.raises(Problem) as refused:
        reach(settings, (server,), within_s=1.0)
    assert time.monotonic() - started < 5
    assert "open-sesame" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("server", "settings", "variable"),
    [
        ("kafka", Settings(kafka_bootstrap=CLOSED), "MILLRACE_KAFKA_BOOTSTRAP"),
        ("schema_registry", Settings(schema_registry_url=f"http://{CLOSED}"), "MILLRACE_SCHEMA_REGISTRY_URL"),
        ("clickhouse", Settings(clickhouse_url=f"http://{CLOSED}"), "MILLRACE_CLICKHOUSE_URL"),
    ],
)
def test_a_server_that_is_down_is_named_with_its_address(server: Server, settings: Settings, variable: str) -> None:
    said = refusal(settings, server)

    assert f"{CLOSED}: start it (`millrace up`) or correct {variable}" in said


@pytest.mark.parametrize("server", ["kafka", "schema_registry", "clickhouse"])
def test_a_server_that_accepts_and_never_answers_is_given_up(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        settings = Settings(
            kafka_bootstrap=address, schema_registry_url=f"http://{address}", clickhouse_url=f"http://{address}"
        )

        assert f"does not answer at {settings.kafka_bootstrap if server == 'kafka' else 'http://'}" in refusal(
            settings, server
        )


def test_a_login_that_the_registry_refuses_is_told_without_the_password(answering: str) -> None:
    settings = Settings.model_validate(
        {
            "schema_registry_url": f"{answering}/401",
            "schema_registry_username": "me",
            "schema_registry_password": "open-sesame",
        }
    )

    assert "refuses the login: correct MILLRACE_SCHEMA_REGISTRY_USERNAME" in refusal(settings, "schema_registry")


@pytest.mark.parametrize("status", [200, 404])
def test_another_server_than_a_registry_is_told(answering: str, status: int) -> None:
    settings = Settings(schema_registry_url=f"{answering}/{status}")

    assert "does not behave like the schema registry" in refusal(settings, "schema_registry")


def test_a_server_that_is_not_asked_for_need_not_be_named(answering: str) -> None:
    with pytest.raises(Problem, match="set MILLRACE_KAFKA_BOOTSTRAP"):
        reach(Settings(schema_registry_url=answering), ("kafka",))
