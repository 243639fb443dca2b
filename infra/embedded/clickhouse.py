"""The embedded ClickHouse as a child process: its address, and its end."""

import re
import sys
from pathlib import Path

from infra.embedded.clickhouse_http.owner import own
from infra.embedded.process import GRACE_S, ServerProcess

READY_S = 60.0
FORMER_S = GRACE_S + 2.0  # a former server on the directory may still be ending
_ADDRESS = re.compile(r"^listening on (http://\S+)$", re.MULTILINE)


class ClickHouse:
    """A running ClickHouse. `url` is what clickhouse-connect and curl take; any number of clients may use it."""

    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        process.wait_ready(lambda: self._address() is not None, within_s=READY_S)
        self.url = self._address() or ""

    @property
    def pid(self) -> int:
        """The process group of the server."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._process.alive

    def stop(self) -> None:
        """Close the data directory and end; the tables stay."""
        self._process.stop()

    def _address(self) -> str | None:
        found = _ADDRESS.search(self._process.log())
        return found[1] if found else None


def start_clickhouse(data_dir: Path, port: int = 0, *, user: str = "default", password: str = "") -> ClickHouse:
    """Serve `data_dir` on a loopback port (0: a free one) until `stop()` or until this process ends.

    Without a password every one is accepted. Raises Problem if the directory or the port is taken or chDB cannot open
    the directory.
    """
    own(data_dir, within_s=FORMER_S).release()
    module = "infra.embedded.clickhouse_http"
    # -P: a folder called schemas or infra where the user happens to be is not ours
    command = [sys.executable, "-P", "-m", module, "--data-dir", str(data_dir.absolute()), "--port", str(port)]
    env = {"CLICKHOUSE_USER": user, "CLICKHOUSE_PASSWORD": password}
    return ClickHouse(ServerProcess("ClickHouse", command, log_path=data_dir / "server.log", env=env))
