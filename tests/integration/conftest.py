"""The servers as settings, with a ClickHouse database of each test's own, and one whole run that many tests look at."""

import uuid
from collections.abc import Iterator

import pytest

from infra.settings import Settings
from tests.integration import shop as whole
from tests.integration.harness import of_its_own
from tests.servers import Servers


@pytest.fixture
def settings(servers: Servers, prefix: str) -> Iterator[Settings]:
    """Every server, an empty database and a topic prefix of this test alone."""
    with of_its_own(servers, prefix) as found:
        yield found


@pytest.fixture(scope="session")
def shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[whole.Shop]:
    """A pipeline that has scored, watched and written a poisoned stream; look at it, change nothing."""
    with of_its_own(servers, f"t-{uuid.uuid4().hex[:8]}-") as found:
        yield whole.run(found, tmp_path_factory.mktemp("shop"))
