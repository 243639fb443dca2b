"""Ports on loopback: free ones, those asked for, and those that a kept data directory had the last time."""

import random
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from schemas.problem import Problem

LOOPBACK = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)  # systems hand out outgoing ports above: none takes ours between look and bind
TRIES = 100
REMEMBERED = "ports.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """A port for each server; 0 is any free one."""

    kafka: int = 0
    registry: int = 0
    clickhouse: int = 0


def chosen(asked: Ports, data_dir: Path) -> Ports:
    """Every port of `asked`, or where it is 0 the one that `data_dir` had before if that is free, or any free one.

    Raises:
        Problem: a port asked for is in use, or asked for twice.
    """
    named = [port for port in asdict(asked).values() if port]
    if len(set(named)) < len(named):
        raise Problem("two servers cannot share a port: name different ones, or leave them out for free ones")
    adapter = TypeAdapter(Ports)
    try:
        before = adapter.validate_json((data_dir / REMEMBERED).read_bytes())
    except (FileNotFoundError, ValidationError):
        before = Ports()
    wanted = asdict(before)
    ports = Ports(**{server: claim(port, server, wanted[server]) for server, port in asdict(asked).items()})
    (data_dir / REMEMBERED).write_bytes(adapter.dump_json(ports))
    return ports


def claim(port: int, server: str, before: int) -> int:
    """`port` where one is asked for, else `before` if it is free, else any free one."""
    if port == 0:
        return before if before and is_free(before) else free_port()
    if not is_free(port):
        raise Problem(
            f"port {port}, asked for {server}, is in use: stop what listens there, or leave the port out for a free one"
        )
    return port


def free_port() -> int:
    """A port that nobody listens on now. Two processes may draw the same one: whoever binds it second must retry."""
    for port in random.sample(BELOW_EPHEMERAL, TRIES):
        if is_free(port):
            return port
    raise Problem(f"none of {TRIES} ports tried on {LOOPBACK} is free: end some servers")


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closing connection is no server
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
