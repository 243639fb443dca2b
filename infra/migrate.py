"""The tables and views of ClickHouse: numbered migrations, applied once and in order."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from consumers.clickhouse import passing
from infra.settings import Settings, clickhouse, reach
from schemas.problem import Outage, Problem

DIRECTORY = Path(__file__).with_name("migrations")
NAMED = re.compile(r"^(\d{4})_\w+\.sql$")
STATEMENT_ENDS = re.compile(r";[ \t]*(?:\n|$)")
COMMENT = re.compile(r"^--.*$", re.MULTILINE)

DATABASES = "SELECT name FROM system.databases WHERE name = {name:String}"
RECORDS = "SELECT name FROM system.tables WHERE database = {name:String} AND name = 'migrations'"
CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    digest String,
    applied DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY number
SETTINGS non_replicated_deduplication_window = 10000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file. Its statements can be repeated, so that a crash in the middle heals."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """Of what the file does; comments may be mended."""
        return hashlib.sha256("\n;\n".join(self.statements).encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """
        >>> Migration(number=1, name="0001_a.sql", sql="-- why\\nSELECT 1;\\n\\nSELECT ';' AS a;\\n").statements
        ['SELECT 1', "SELECT ';' AS a"]
        """
        bare = (part.strip() for part in STATEMENT_ENDS.split(COMMENT.sub("", self.sql)))
        return [statement for statement in bare if statement]


def migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """Those of `directory`, in their order. Raises `Problem` where the numbers are not 1, 2, 3 …"""
    found = [
        Migration(number=int(match[1]), name=path.name, sql=path.read_text(encoding="utf-8"))
        for path in sorted(directory.glob("*.sql"))
        if (match := NAMED.match(path.name))
    ]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise Problem(f"the migrations in {directory} are not numbered 0001, 0002 … without gaps: rename them")
    return found


def migrate(settings: Settings, directory: Path = DIRECTORY) -> list[str]:
    """Create the database where it is missing, apply what is not yet applied, and return the names of those.

    Raises `Problem` when a migration that was applied has been changed since, or the database has a newer one.
    """
    wanted = migrations(directory)
    create_database(settings)
    with _connected(settings) as client:
        if not client.query(RECORDS, parameters={"name": settings.clickhouse_database}).result_rows:
            client.command(CREATE_RECORD)
        applied = _applied(client)
        _refuse_changed(wanted, applied)
        new = [migration for migration in wanted if migration.number not in applied]
        for migration in new:
            _apply(client, migration)
    return [migration.name for migration in new]


def create_database(settings: Settings) -> None:
    """Create the settings' database unless it is there. Raises `Problem` where ClickHouse does not answer."""
    anywhere = settings.model_copy(update={"clickhouse_database": "default"})
    reach(anywhere, ("clickhouse",))
    with _connected(anywhere) as client:
        there = client.query(DATABASES, parameters={"name": settings.clickhouse_database}).result_rows
        if not there:
            client.command(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database}")


@contextmanager
def _connected(settings: Settings) -> Iterator[Client]:
    """A client inside the `with`. Raises `Outage` where ClickHouse goes away, and `Problem` where it refuses."""
    try:
        with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
            yield client
    except DatabaseError as error:
        if passing(error):
            raise Outage(f"ClickHouse went away ({error}): start again when it is back") from error
        user = settings.clickhouse_username or "default"
        raise Problem(f"ClickHouse refuses user {user} ({error}): check its rights") from error


def _apply(client: Client, migration: Migration) -> None:
    for statement in migration.statements:
        try:
            client.command(statement)
        except DatabaseError as error:
            raise Problem(
                f"ClickHouse refuses migration {migration.name} ({error}): mend it and start again"
            ) from error
    client.insert(
        "migrations",
        [[migration.number, migration.name, migration.digest]],
        column_names=["number", "name", "digest"],
        column_type_names=["UInt32", "String", "String"],
        # two commands that start together may both apply it, and record it once
        settings={"async_insert": 0, "insert_deduplication_token": f"{migration.number}-{migration.digest}"},
    )


def _applied(client: Client) -> dict[int, tuple[str, str]]:
    rows = client.query("SELECT number, any(name), any(digest) FROM migrations GROUP BY number").result_rows
    return {int(number): (name, digest) for number, name, digest in rows}


def _refuse_changed(wanted: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    for migration in wanted:
        if applied.get(migration.number, ("", migration.digest))[1] != migration.digest:
            raise Problem(
                f"migration {migration.name} has changed since it was applied: restore it and write a new migration"
            )
    unknown = sorted(set(applied) - {migration.number for migration in wanted})
    if unknown:
        raise Problem(
            f"the database has migration {applied[unknown[0]][0]}, which this version of Millrace does not know: "
            "use the newer version that applied it"
        )
