"""Two workers of a group on one host are never the same member; one that is started again is the one that it was."""

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.slot import ID_LIMIT, instance_id, kept_port, named
from schemas.problem import Problem

WITHIN_S = 30.0
HOLDS = """
import sys, time
from pathlib import Path
from infra.slot import instance_id
with instance_id("g", Path(sys.argv[1])) as found:
    print(found, flush=True)
    time.sleep(60)
"""


def test_each_worker_has_the_lowest_number_that_is_free(tmp_path: Path) -> None:
    with ExitStack() as first:
        held = [first.enter_context(instance_id("g", tmp_path)), first.enter_context(instance_id("g", tmp_path))]
        with instance_id("h", tmp_path) as other_group:
            held.append(other_group)
    with instance_id("g", tmp_path) as again:
        held.append(again)

    host = named("", socket.gethostname(), 0)[1:-2]
    assert held == [f"g.{host}.0", f"g.{host}.1", f"h.{host}.0", f"g.{host}.0"]


def test_a_number_is_free_as_soon_as_its_process_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        first = holder.stdout.readline().strip()
        with instance_id("g", tmp_path) as beside:
            assert beside != first
        holder.send_signal(signal.SIGKILL)
        holder.wait(WITHIN_S)
    with instance_id("g", tmp_path) as after:
        assert after == first


def test_a_place_without_locks_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Problem, match="file"), instance_id("g", tmp_path / "file"):
        pass


def test_a_long_host_still_gives_a_name_that_kafka_takes() -> None:
    assert len(named("g", "h" * 300, 12)) == ID_LIMIT


def test_a_member_keeps_its_port_unless_another_has_taken_it(tmp_path: Path) -> None:
    first = kept_port("g.0", tmp_path)
    again = kept_port("g.0", tmp_path)
    with socket.create_server(("127.0.0.1", first)):
        other = kept_port("g.0", tmp_path)

    assert first == again
    assert other != first
    assert kept_port("g.0", tmp_path) == other
