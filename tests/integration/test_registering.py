"""Workers that start together register the same schemas at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from schemas.alert import Alert
from schemas.avro import avro_schema
from schemas.registry import Registry
from tests.servers import Servers

WORKERS = 5
TOPICS = 20
WITHIN_S = 30.0


@pytest.mark.servers
def test_none_of_those_who_register_at_the_same_moment_is_refused(servers: Servers, prefix: str) -> None:
    together = Barrier(WORKERS, timeout=WITHIN_S)

    def start(_: int) -> list[int]:
        with Registry({"url": servers.registry_url}) as registry:
            ids = []
            for number in range(TOPICS):
                together.wait()
                ids.append(registry.register(f"{prefix}{number}", avro_schema(Alert)))
            return ids

    with ThreadPoolExecutor(WORKERS) as pool:
        ids = list(pool.map(start, range(WORKERS)))

    assert ids == [ids[0]] * WORKERS
