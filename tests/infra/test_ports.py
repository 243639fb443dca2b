"""Ports: free ones, those asked for, and those of the last time."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.ports import LOOPBACK, Ports, chosen
from schemas.problem import Problem


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_asked_for_and_in_use_is_a_problem(tmp_path: Path, taken: int) -> None:
    with pytest.raises(Problem, match=f"port {taken}, asked for registry, is in use: stop "):
        chosen(Ports(registry=taken), tmp_path)


def test_a_port_asked_for_twice_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot share a port"):
        chosen(Ports(kafka=20_001, registry=20_001), tmp_path)


def test_a_data_directory_keeps_its_ports(tmp_path: Path) -> None:
    assert chosen(Ports(), tmp_path) == chosen(Ports(), tmp_path)


def test_a_port_of_the_last_time_that_is_taken_is_replaced(tmp_path: Path, taken: int) -> None:
    (tmp_path / "ports.json").write_text(f'{{"kafka": {taken}, "registry": 1, "clickhouse": 0}}')

    assert chosen(Ports(), tmp_path).kafka != taken


def test_a_broken_list_of_ports_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")

    assert chosen(Ports(), tmp_path).kafka
