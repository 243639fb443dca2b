"""Ports on loopback: a free one, and whether one that was asked for is."""

import random
import socket

from schemas.problem import Problem

LOOPBACK = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)  # systems hand out outgoing ports above: none takes ours between look and bind
TRIES = 100


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


def claim(port: int | None, what: str) -> int:
    """`port` itself if it is free, or any free one where none is asked for.

    Raises:
        Problem: the port asked for is in use or none of ours to use.
    """
    if port is None:
        return free_port()
    if not is_free(port):
        raise Problem(
            f"port {port} for {what} is in use: stop what listens there, or leave the port out for a free one"
        )
    return port
