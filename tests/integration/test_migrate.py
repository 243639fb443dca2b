"""Migrations: once, in order, healed after a crash, never changed afterwards."""

from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from consumers.ledger import LEDGER
from consumers.rows import MESSAGES
from consumers.tables import FEATURE_SETS, REJECTED
from infra.migrate import migrate, migrations
from infra.settings import Settings, clickhouse
from schemas.problem import Problem

TABLES = [*(table for table, _ in MESSAGES.values()), REJECTED, LEDGER, FEATURE_SETS]


def connect(settings: Settings) -> Client:
    return clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False)


def write(directory: Path, *statements: str) -> Path:
    for number, statement in enumerate(statements, 1):
        (directory / f"{number:04}_step.sql").write_text(statement)
    return directory


@pytest.mark.servers
def test_migrations_are_applied_once_and_in_order(settings: Settings) -> None:
    names = [migration.name for migration in migrations()]

    assert migrate(settings) == names
    assert migrate(settings) == []


@pytest.mark.servers
def test_every_table_has_the_columns_that_the_sink_writes(settings: Settings) -> None:
    migrate(settings)
    client = connect(settings)
    found = {}

    for table in TABLES:
        described = client.query(f"DESCRIBE {table.name}", settings={"print_pretty_type_names": 0}).result_rows
        found[table.name] = {name: kind for name, kind, default, *_ in described if not default}

    assert found == {table.name: table.columns for table in TABLES}
    client.close()


@pytest.mark.servers
def test_a_crash_in_the_middle_heals(settings: Settings, tmp_path: Path) -> None:
    half = "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\n"
    write(tmp_path, half + "CREATE TABLE b (y Nonsense) ENGINE = MergeTree ORDER BY y;\n")
    with pytest.raises(Problem, match=r"0001_step\.sql"):
        migrate(settings, tmp_path)

    write(tmp_path, half + "CREATE TABLE IF NOT EXISTS b (y UInt8) ENGINE = MergeTree ORDER BY y;\n")

    assert migrate(settings, tmp_path) == ["0001_step.sql"]


@pytest.mark.servers
def test_a_changed_migration_is_refused(settings: Settings, tmp_path: Path) -> None:
    migrate(settings, write(tmp_path, "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;"))

    write(tmp_path, "CREATE TABLE IF NOT EXISTS a (x UInt16) ENGINE = MergeTree ORDER BY x;")

    with pytest.raises(Problem, match=r"0001_step\.sql has changed"):
        migrate(settings, tmp_path)


@pytest.mark.servers
def test_a_mended_comment_is_no_change(settings: Settings, tmp_path: Path) -> None:
    statement = "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;"
    migrate(settings, write(tmp_path, statement))

    assert migrate(settings, write(tmp_path, f"-- why\n{statement}\n")) == []


@pytest.mark.servers
def test_a_database_from_the_future_is_refused(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "SELECT 1;", "SELECT 2;")
    migrate(settings, tmp_path)
    (tmp_path / "0002_step.sql").unlink()

    with pytest.raises(Problem, match="newer version"):
        migrate(settings, tmp_path)


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_late.sql").write_text("SELECT 1;")

    with pytest.raises(Problem, match="without gaps"):
        migrations(tmp_path)
