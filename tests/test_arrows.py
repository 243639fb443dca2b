"""Who may import whom, read from the imports themselves."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("schemas", "streams", "consumers", "producers", "infra")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "streams": {"schemas", "streams"},
    "consumers": {"schemas", "consumers"},
    "producers": {"schemas", "producers"},
    "infra": set(OURS),
}
KAFKA = {"confluent_kafka", "aiokafka"}
CLICKHOUSE = {"clickhouse_connect", "chdb"}
CLOCKS_AND_THE_LIKE = {"time", "random", "logging", "os", "socket", "asyncio", "threading", "secrets", "subprocess"}
IMPURE_BY_NATURE = {"streams/load.py"}
"""Reads a person's file; no fold imports it."""

COME_WITH = {
    "faust_streaming": {"faust", "mode"},
    "jgo": {"requests"},
    "jinja2": {"markupsafe"},
    "pydantic": {"pydantic_core"},
    "pydantic_settings": {"dotenv"},
    "vl_convert_python": {"vl_convert"},
}
"""What a declared dependency is called in Python, and what of its own it hands on in errors and types."""


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that `path` imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            yield from (".".join(filter(None, (*above, node.module, alias.name))) for alias in node.names)


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


EVERY = [path for package in OURS for path in sources(package)]


def test_there_is_something_to_look_at() -> None:
    assert {where(path).partition("/")[0] for path in EVERY} == set(OURS)
    assert "schemas" in tops(ROOT / "streams/score.py")


@pytest.mark.parametrize("package", OURS)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    wrong = {
        where(path): found
        for path in sources(package)
        if (found := (tops(path) & {*OURS, "tests"}) - MAY_IMPORT[package])
    }

    assert not wrong


def test_faust_appears_only_in_the_runtime() -> None:
    assert [where(p) for p in EVERY if tops(p) & {"faust", "mode"} and "streams/runtime" not in where(p)] == []


def test_a_kafka_client_appears_only_where_kafka_is_spoken() -> None:
    allowed = ("streams/runtime/", "consumers/", "producers/", "infra/")
    found = [where(p) for p in EVERY if tops(p) & KAFKA and not where(p).startswith(allowed)]

    assert found == ["schemas/registry.py"]
    names = {name for name in imports(ROOT / "schemas/registry.py") if name.startswith("confluent_kafka")}
    assert all(name.startswith("confluent_kafka.schema_registry") for name in names)


def test_clickhouse_appears_in_one_file_of_the_sink_and_in_infra() -> None:
    outside = [where(p) for p in EVERY if tops(p) & CLICKHOUSE and not where(p).startswith("infra/")]

    assert outside == ["consumers/clickhouse.py"]


def test_pure_code_knows_no_clock_chance_log_or_environment() -> None:
    pure = [p for p in sources("streams") if "streams/runtime" not in where(p) and where(p) not in IMPURE_BY_NATURE]
    wrong = {where(path): found for path in pure if (found := tops(path) & CLOCKS_AND_THE_LIKE)}

    assert not wrong


def test_folds_import_neither_the_runtime_nor_what_reads_files() -> None:
    pure = [p for p in sources("streams") if "streams/runtime" not in where(p)]

    assert not {where(p) for p in pure for name in imports(p) if name.startswith(("streams.runtime", "streams.load"))}


def test_every_package_that_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=]", name)[0].replace("-", "_").lower() for name in project["dependencies"]}
    called_otherwise = set().union(*(COME_WITH.get(name, ()) for name in declared))
    known = {*OURS, *declared, *called_otherwise, *sys.stdlib_module_names}

    foreign = {top for path in EVERY for top in tops(path)} - known

    assert not foreign
