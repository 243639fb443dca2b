"""The jars and archives the embedded servers run from: pinned by sha256, fetched once, kept in a cache of ours."""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from infra.settings.variables import alone
from schemas.problem import Problem

LIST = Path(__file__).with_name("artifacts.txt")
LOCK_WAIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One pinned file: `group:artifact:version[:classifier:packaging]` and the sha256 of its bytes in hex."""

    server: str
    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """
        >>> Artifact(server="registry", coordinate="io.x:app:3.0:all:tar.gz", sha256="").file_name
        'app-3.0-all.tar.gz'
        >>> Artifact(server="kafka", coordinate="org.y:clients:4.2.1", sha256="").file_name
        'clients-4.2.1.jar'
        """
        _, name, version, *rest = self.coordinate.split(":")
        classifier, packaging = rest or ("", "jar")
        return "-".join(filter(None, [name, version, classifier])) + f".{packaging}"


Fetch = Callable[[Artifact, Path], Path]
"""Brings an artifact into an empty folder and returns the file; an OSError says that it could not."""

Note = Callable[[str], None]
"""Takes a few words on what goes on now, for whoever waits."""


def pinned(server: str) -> list[Artifact]:
    """The artifacts of `server` ("kafka" or "registry") in the project's list."""
    rows = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return [Artifact(server=of, coordinate=name, sha256=digest) for of, name, digest in rows if of == server]


def cache_dir() -> Path:
    """Where artifacts are kept: `MILLRACE_CACHE_DIR`, else the user's cache directory."""
    chosen = alone("MILLRACE_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("millrace")


def ensure(artifacts: list[Artifact], fetch: Fetch, note: Note) -> list[Path]:
    """The verified files of `artifacts`, fetched where the cache lacks them or holds other bytes.

    Raises:
        Problem: a file cannot be fetched, or what came has another checksum than the list says.
    """
    folder = writable(cache_dir() / "artifacts")
    paths = [folder / artifact.file_name for artifact in artifacts]
    with locked(folder / f"{artifacts[0].server}.lock"):
        for artifact, path in zip(artifacts, paths, strict=True):
            if not holds(path, artifact.sha256):
                note(f"fetching {artifact.file_name}, once")
                bring(artifact, path, fetch=fetch)
    return paths


def bring(artifact: Artifact, path: Path, *, fetch: Fetch) -> None:
    """Fetch `artifact` aside, verify it and only then put it at `path`."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="fetch-") as aside:
        try:
            fetched = fetch(artifact, Path(aside))
        except OSError as error:
            raise Problem(unreachable(artifact, error)) from error
        if not holds(fetched, artifact.sha256):
            raise Problem(
                f"{artifact.file_name} came with sha256 {sha256(fetched)} where the project's list says "
                f"{artifact.sha256}: the source or the way to it is not to be trusted, nothing of it was kept; "
                "try again from another network"
            )
        fetched.replace(path)


def unreachable(artifact: Artifact, error: OSError) -> str:
    """What to do when neither the cache nor the network has `artifact`."""
    return (
        f"{artifact.file_name} (of the embedded {artifact.server}) is not in {cache_dir()} and cannot be fetched "
        f"({type(error).__name__}): run once with a network, copy that directory from a machine that did (or name it "
        "with MILLRACE_CACHE_DIR), or set MILLRACE_KAFKA_BOOTSTRAP, MILLRACE_SCHEMA_REGISTRY_URL and "
        "MILLRACE_CLICKHOUSE_URL to servers you have"
    )


def holds(path: Path, digest: str) -> bool:
    """Whether `path` is a file with that sha256."""
    return path.is_file() and sha256(path) == digest


def sha256(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def writable(folder: Path) -> Path:
    """`folder`, made where it lacks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "set MILLRACE_CACHE_DIR to a directory you may write to"
        raise Problem(f"the cache directory {folder} cannot be made ({error.strerror}): {cure}") from error
    return folder


def locked(path: Path) -> AbstractContextManager[object]:
    """The lock at `path`, taken: several processes fill the cache one after the other.

    Raises:
        Problem: another process has held it for `LOCK_WAIT_S`.
    """
    try:
        return FileLock(path).acquire(timeout=LOCK_WAIT_S)
    except Timeout as error:
        raise Problem(f"another process has held {path} for {LOCK_WAIT_S:g} s: end it and try again") from error
