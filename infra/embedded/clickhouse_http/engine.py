"""The one chDB of a data directory: who may have it, its sessions, the files in which inserts arrive."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chdb.state.sqlitelike import Connection

from schemas.problem import Problem

from .errors import Refusal
from .owner import own
from .session import Session

_GLOB = frozenset("*?{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A session that a client named: kept `timeout_s` after its last use; `must_exist` refuses to begin it."""

    user: str
    id: str
    timeout_s: float
    must_exist: bool


@dataclass(slots=True)
class _Kept:
    session: Session
    expires_at: float
    busy: bool


class Engine:
    """Opens the directory, and keeps it open (merges run only while it is) until `close`.

    Raises Problem if another process has the directory, or chDB cannot open it.
    """

    def __init__(self, data_dir: Path) -> None:
        if _GLOB & set(str(data_dir)):
            raise Problem(f"chDB cannot work in {data_dir}: choose a data directory without any of * ? {{ }}")
        self._lock = own(data_dir, within_s=0)
        self._incoming = data_dir / "incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)  # left by a process that was killed
        self._incoming.mkdir()
        self._path = str(data_dir / "chdb")
        self._keeper = self._open()
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._mutex = threading.Lock()
        self.version = self._keeper.run("SELECT version()").text
        self.timezone = self._keeper.run("SELECT timezone()").text

    @contextmanager
    def session(self, key: SessionKey | None) -> Iterator[Session]:
        """The session of that name for one request, or one that ends with the request."""
        if key is None:
            session = Session(Connection(self._path))
            try:
                yield session
            finally:
                session.close()
            return
        kept = self._take(key)
        try:
            yield kept.session
        finally:
            kept.expires_at = time.monotonic() + key.timeout_s
            kept.busy = False

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A new file's path, removed at the end."""
        with tempfile.NamedTemporaryFile(dir=self._incoming) as file:
            yield Path(file.name)

    def close(self) -> None:
        """Stop what still runs and close chDB, so that the directory can be opened again."""
        self._keeper.run("KILL QUERY WHERE query_id != currentQueryID() SYNC")
        for kept in self._kept.values():
            kept.session.close()
        self._keeper.close()
        self._lock.release()

    def _open(self) -> Session:
        try:
            return Session(Connection(self._path))
        except RuntimeError as error:
            self._lock.release()
            raise Problem(f"chDB cannot open {self._path}: {error}; move the directory away to begin anew") from error

    def _take(self, key: SessionKey) -> _Kept:
        now = time.monotonic()
        with self._mutex:
            for name in [n for n, kept in self._kept.items() if not kept.busy and kept.expires_at < now]:
                self._kept.pop(name).session.close()
            kept = self._kept.get((key.user, key.id))
            if kept is None and key.must_exist:
                raise Refusal(372, "SESSION_NOT_FOUND", f"Session {key.id} not found.")
            if kept is None:
                kept = self._kept[key.user, key.id] = _Kept(Session(Connection(self._path)), now, busy=False)
            if kept.busy:
                raise Refusal(373, "SESSION_IS_LOCKED", f"Session {key.id} is locked by a concurrent client.")
            kept.busy = True
            return kept
