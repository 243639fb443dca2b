"""The process that offers a load, seen from the bench: started, stopped, asked what it sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from infra.bench.offer import BEGUN, Offer, Told
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess

STARTED_S = 60.0


class Offering:
    """A running offer; `stop` ends it after a flush and tells what was sent."""

    def __init__(self, spec: Offer, process: ServerProcess) -> None:
        self._spec, self.process = spec, process

    def stop(self) -> Told:
        """Raises `Problem` where it failed."""
        self.process.stop()
        path = Path(self._spec.told)
        if not path.exists():
            raise self.process.problem("failed")
        return msgspec.json.decode(path.read_bytes(), type=Told)


@contextmanager
def offering(spec: Offer, servers: Servers, folder: Path) -> Iterator[Offering]:
    """Run `spec` inside the `with`, which begins when it begins to send. Raises `Problem` where it does not."""
    path = folder / "offer.json"
    path.write_bytes(msgspec.json.encode(spec))
    command = [sys.executable, "-P", "-m", "infra.bench.offer", str(path)]
    with ServerProcess("the load", command, log_path=folder / "offer.log", env=servers.environment) as process:
        process.wait_ready(lambda: BEGUN in process.log(), within_s=STARTED_S)
        yield Offering(spec, process)
