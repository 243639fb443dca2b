"""A process between us and a server: when our end of its pipe closes, for whatever reason, the server goes.

Run by path, with the standard library alone, as `guard.py PARENT_PID GRACE_S COMMAND...`; its output is the server's
log. It works wherever there are pipes and process groups; asking the kernel to signal a child at its parent's death
would be Linux alone.
"""

import fcntl
import os
import select
import signal
import subprocess
import sys

PARENT_CHECK_S = 1.0


def main(parent_pid: int, grace_s: float, command: list[str]) -> int:
    """Run `command` until it exits (its status is returned), standard input ends or the parent is another one."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGCHLD, signal.SIGTERM):  # handlers, unlike SIG_IGN, are not inherited by the server
        signal.signal(number, lambda *_: None)
    # The lock lives as long as anyone in the group: a former server on this log, still ending, is waited for.
    fcntl.flock(sys.stdout, fcntl.LOCK_EX)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while server.poll() is None and os.getppid() == parent_pid:
        readable, _, _ = select.select([sys.stdin, wake_read], [], [], PARENT_CHECK_S)
        if sys.stdin in readable:
            break
        if wake_read in readable and signal.SIGTERM in os.read(wake_read, 512):
            break
    if server.returncode is not None:
        return server.returncode if server.returncode >= 0 else 128 - server.returncode
    end(server, grace_s)
    return 0


def end(server: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask the group to end, wait `grace_s`, then kill what is left of it, this process included."""
    os.killpg(0, signal.SIGTERM)
    try:
        server.wait(grace_s)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"the server did not end within {grace_s} s of SIGTERM: killed\n")
        sys.stderr.flush()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
