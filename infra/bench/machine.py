"""Where a bench ran: machine, versions of what decides its speed, and the commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("aiokafka", "confluent-kafka", "fastavro", "faust-streaming", "numpy", "pydantic", "river")
WITHIN_S = 10.0


def machine() -> dict[str, object]:
    """Plain values: cores, memory, load, Python, versions, commit."""
    return {
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": os.getloadavg()[0],
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit that the code stands at, with a plus where it was changed; None where there is no repository."""
    told = [_git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")]
    return None if told[0] is None else f"{told[0]}{'+' if told[1] else ''}"


def _git(*words: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
