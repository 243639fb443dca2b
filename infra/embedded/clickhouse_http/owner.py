"""Who may have a data directory: one process, until it ends, however it ends."""

from pathlib import Path

from filelock import FileLock, Timeout

from schemas.problem import Problem


def own(data_dir: Path, *, within_s: float) -> FileLock:
    """Take the directory for oneself. Raises Problem if its owner has not left it within that time."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / "owner.lock")
    try:
        lock.acquire(timeout=within_s)
    except Timeout as error:
        raise Problem(f"{data_dir} is in use by another ClickHouse: stop it or choose another directory") from error
    return lock
