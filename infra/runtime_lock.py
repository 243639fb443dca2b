"""The part of the lock that the wheel needs at run time: what pip's report resolved, with the lock's own hashes."""

import json
import re
import sys
from pathlib import Path


def runtime_lock(lock: str, names: set[str]) -> str:
    """The entries of `lock` for the packages in `names`, hashes included: several where markers choose among versions.

    Raises `KeyError` for a name that the lock lacks.

    >>> print(runtime_lock("a==1 \\\\\\n    --hash=sha256:0\\nb==2 \\\\\\n    --hash=sha256:1\\n", {"B"}))
    b==2 \\
        --hash=sha256:1
    """
    entries: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        entries.setdefault(canonical(entry.split("==")[0]), []).append(entry)
    return "\n".join("\n".join(entries[canonical(name)]) for name in sorted(names))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def resolved(report: str) -> set[str]:
    """The names in the report of `pip install --dry-run --report`, Millrace itself left out."""
    return {item["metadata"]["name"] for item in json.loads(report)["install"]} - {"millrace"}


if __name__ == "__main__":
    lock_path, report_path = map(Path, sys.argv[1:])
    sys.stdout.write(runtime_lock(lock_path.read_text(), resolved(report_path.read_text())) + "\n")
