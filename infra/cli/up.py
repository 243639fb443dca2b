"""`millrace up`: the embedded servers until Ctrl-C, and how to reach them."""

import json
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.embedded.ports import Ports
from infra.embedded.stack import EmbeddedStack
from infra.settings import Settings

CHECK_S = 0.5
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Its port on 127.0.0.1; 0: a free one.", show_default=False)]


def up(
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep topics, schemas and tables here (or in MILLRACE_DATA_DIR); otherwise they go with the servers."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say how to reach them as one line of JSON.")] = False,
    kafka_port: Port = 0,
    registry_port: Port = 0,
    clickhouse_port: Port = 0,
) -> None:
    """Run Kafka, the schema registry and ClickHouse on this machine until Ctrl-C.

    Example: millrace up --data-dir .millrace
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    settings = Settings()
    if data_dir is None and "data_dir" in settings.model_fields_set:
        data_dir = settings.data_dir
    ports = Ports(kafka=kafka_port, registry=registry_port, clickhouse=clickhouse_port)
    progress = Console(stderr=True)
    ready = False
    try:
        with ExitStack() as held:
            with progress.status("looking for the servers' files") as status:
                stack = held.enter_context(EmbeddedStack(data_dir, ports=ports, note=status.update))
            ready = True
            print_json(stack) if as_json else print_table(stack, kept=data_dir is not None)
            while True:
                stack.require_alive()
                time.sleep(CHECK_S)
    except KeyboardInterrupt:
        if not ready:
            raise typer.Exit(130) from None
        progress.print("stopped")


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """What Ctrl-C does, for the other signals that ask us to end."""
    raise KeyboardInterrupt


def variables(stack: EmbeddedStack) -> dict[str, str]:
    """The settings that make every command use these servers."""
    return {
        "MILLRACE_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "MILLRACE_SCHEMA_REGISTRY_URL": stack.registry_url,
        "MILLRACE_CLICKHOUSE_URL": stack.clickhouse_url,
    }


def print_json(stack: EmbeddedStack) -> None:
    """One line for programs."""
    facts = {
        "kafka_bootstrap": stack.kafka_bootstrap,
        "registry_url": stack.registry_url,
        "clickhouse_url": stack.clickhouse_url,
        "data_dir": str(stack.data_dir),
        "environment": variables(stack),
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def print_table(stack: EmbeddedStack, *, kept: bool) -> None:
    """A table for people, and the lines to paste."""
    console = Console()
    table = Table("server", "address")
    table.add_row("Kafka", stack.kafka_bootstrap)
    table.add_row("schema registry", stack.registry_url)
    table.add_row("ClickHouse", stack.clickhouse_url)
    table.add_row("data and logs", f"{stack.data_dir}{'' if kept else ' (deleted at the end)'}")
    console.print(table)
    console.print("To use them, in another terminal:\n")
    for name, value in variables(stack).items():
        console.print(f"export {name}={value}", highlight=False, soft_wrap=True)
    console.print("\nCtrl-C stops them.")
