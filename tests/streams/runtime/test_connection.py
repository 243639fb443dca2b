"""Where other workers reach one that listens here or there."""

import socket

import pytest

from streams.runtime.app import Connection


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:81"),
        ("::1", "http://[::1]:81"),
        ("0.0.0.0", f"http://{socket.gethostname()}:81"),  # noqa: S104 (nothing is bound)
    ],
)
def test_a_worker_is_reached_where_it_listens(host: str, address: str) -> None:
    connection = Connection(librdkafka={}, aiokafka={}, instance_id="one", web_host=host, web_port=81)

    assert connection.address == address
