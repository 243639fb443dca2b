"""The servers of a demo or a bench: those that the settings name, else embedded ones that end with it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.embedded.stack import EmbeddedStack
from infra.settings import Settings, reach
from infra.settings.variables import variable
from schemas.problem import Problem

NAMED = ("kafka_bootstrap", "schema_registry_url", "clickhouse_url")
CONNECTING = ("kafka_", "schema_registry_", "clickhouse_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Servers that answer, as settings; `require_alive` raises `Problem` where one of ours has ended."""

    settings: Settings
    embedded: bool
    require_alive: Callable[[], None]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any command use them."""
        fields = (*NAMED, "topic_prefix") if self.settings.topic_prefix else NAMED
        return {variable(field): str(getattr(self.settings, field)) for field in fields}


@contextmanager
def opened(note: Callable[[str], None], purpose: str = "demo") -> Iterator[Servers]:
    """Servers that hold nothing yet of the `purpose`; on named ones a topic prefix of its own sees to that.

    Raises `Problem` where only some are named, one does not answer, or an embedded one does not come up.
    """
    settings = Settings()
    given = settings.model_fields_set
    missing = [variable(field) for field in NAMED if field not in given]
    if not missing:
        note("looking for the servers that the settings name")
        reach(settings)
        own = f"{settings.topic_prefix}{purpose}-{secrets.token_hex(4)}."
        yield Servers(
            settings=settings.model_copy(update={"topic_prefix": own}), embedded=False, require_alive=lambda: None
        )
        return
    stray = sorted(variable(field) for field in given if field.startswith(CONNECTING))
    if stray:
        raise Problem(
            f"{stray[0]} is set and {missing[0]} is not: set {', '.join(map(variable, NAMED))} for a {purpose} on your "
            f"own servers, or none of their variables for one on embedded servers"
        )
    with EmbeddedStack(note=note) as stack:
        found = {
            "kafka_bootstrap": stack.kafka_bootstrap,
            "schema_registry_url": stack.registry_url,
            "clickhouse_url": stack.clickhouse_url,
        }
        yield Servers(settings=settings.model_copy(update=found), embedded=True, require_alive=stack.require_alive)
