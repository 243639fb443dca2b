"""The command line of the embedded ClickHouse."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from schemas.problem import Problem

from .execute import Account
from .server import serve


def main() -> int:
    """Serve; the account comes from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, which a process list does not show."""
    parser = argparse.ArgumentParser(prog="infra.embedded.clickhouse_http", description="ClickHouse's HTTP over chDB.")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    asked = parser.parse_args()
    account = Account(
        user=os.environ.get("CLICKHOUSE_USER", "default"), password=os.environ.get("CLICKHOUSE_PASSWORD", "")
    )
    try:
        asyncio.run(serve(asked.data_dir.absolute(), host=asked.host, port=asked.port, account=account))
    except Problem as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
