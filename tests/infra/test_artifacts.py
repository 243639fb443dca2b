"""Pinned artifacts: verified, fetched once, healed when broken, and a cure named when they cannot be had."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from infra.embedded.archive import unpacked
from infra.embedded.artifacts import Artifact, cache_dir, ensure, pinned
from schemas.problem import Problem

GOOD = b"the right bytes"


def artifact(content: bytes = GOOD) -> Artifact:
    return Artifact(server="kafka", coordinate="org.example:thing:1.0", sha256=hashlib.sha256(content).hexdigest())


class Source:
    """A repository with one content for every artifact; without one, a network that is down."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content
        self.asked: list[str] = []

    def fetch(self, wanted: Artifact, folder: Path) -> Path:
        self.asked.append(wanted.coordinate)
        if self.content is None:
            raise ConnectionError("no route to host")
        path = folder / wanted.file_name
        path.write_bytes(self.content)
        return path


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_CACHE_DIR", str(tmp_path / "cache"))


def brought(source: Source) -> Path:
    (path,) = ensure([artifact()], source.fetch, note=lambda _: None)
    return path


def test_the_cache_may_be_named_in_the_file_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_CACHE_DIR")
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("MILLRACE_CACHE_DIR=elsewhere\n")

    assert cache_dir() == Path("elsewhere")


def test_an_artifact_is_fetched_once() -> None:
    source = Source(GOOD)
    brought(source)

    assert brought(source).read_bytes() == GOOD
    assert source.asked == ["org.example:thing:1.0"]


@pytest.mark.parametrize("broken", [b"", GOOD[:-1], b"the wrong bytes"], ids=["empty", "partial", "other"])
def test_a_broken_cache_heals_itself(broken: bytes) -> None:
    brought(Source(GOOD)).write_bytes(broken)

    assert brought(Source(GOOD)).read_bytes() == GOOD


def test_an_artifact_with_another_checksum_is_named_and_not_kept() -> None:
    with pytest.raises(Problem, match=re.escape("thing-1.0.jar came with sha256 ")):
        brought(Source(b"tampered with"))

    assert not list(cache_dir().rglob("*.jar"))


def test_without_network_and_cache_the_cure_is_named() -> None:
    with pytest.raises(Problem, match=r"thing-1\.0\.jar .* cannot be fetched .*: run once with a network, .*") as told:
        brought(Source(None))

    for name in (str(cache_dir()), "MILLRACE_CACHE_DIR", "MILLRACE_KAFKA_BOOTSTRAP", "MILLRACE_CLICKHOUSE_URL"):
        assert name in str(told.value)


def test_without_network_a_full_cache_is_enough() -> None:
    brought(Source(GOOD))

    assert brought(Source(None)).read_bytes() == GOOD


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MILLRACE_CACHE_DIR", str(tmp_path / "file"))

    with pytest.raises(Problem, match="MILLRACE_CACHE_DIR"):
        brought(Source(GOOD))


def test_an_archive_is_unpacked_again_when_a_file_of_it_has_changed(tmp_path: Path) -> None:
    archive = tmp_path / "app-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("lib/app.jar")
        member.size = len(GOOD)
        tar.addfile(member, io.BytesIO(GOOD))
    jar = unpacked(archive) / "lib" / "app.jar"
    jar.write_bytes(GOOD[:-1])

    assert (unpacked(archive) / "lib" / "app.jar").read_bytes() == GOOD


@pytest.mark.parametrize(("server", "count"), [("kafka", 46), ("registry", 1)])
def test_the_list_pins_every_file_by_a_sha256(server: str, count: int) -> None:
    artifacts = pinned(server)

    assert len({artifact.file_name for artifact in artifacts}) == count
    assert all(re.fullmatch(r"[0-9a-f]{64}", artifact.sha256) for artifact in artifacts)
