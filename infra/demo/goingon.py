"""How to go on after a demo: with its servers while they are kept, or by another command."""

import time

from rich.console import Console

from infra.demo.running import Running

CHECK_S = 0.5
COMMANDS = {
    "millrace demo --keep": "the same, and servers and stages stay until Ctrl-C",
    "millrace demo --pipeline phishing": "real data, compared with River, prediction by prediction",
    "millrace sample payments.csv": "these payments as a file, for profile, backtest and a pipeline of your own",
    "millrace up": "the servers alone, for a pipeline of your own",
}


def keep(all_of_it: Running, console: Console) -> None:
    """Tell the addresses, as lines to paste into another terminal, and stay until Ctrl-C.

    Raises `Problem` where something ends by itself.
    """
    _rule(console)
    console.print("Servers, stages and sink go on. In another terminal:\n")
    for name, value in all_of_it.servers.environment.items():
        _print(f"export {name}={value}", console)
    console.print()
    where = f"WHERE pipeline = '{all_of_it.store.pipeline}' ORDER BY day DESC LIMIT 1"
    query = f"SELECT * FROM quality_by_day {where} FORMAT Vertical"
    _print(f'curl {all_of_it.servers.settings.clickhouse_url} --data-binary "{query}"', console)
    for name, page in all_of_it.workers.pages().items():
        _print(f"curl {page}  [dim]# {name}[/]", console)
    console.print("\nCtrl-C stops everything.")
    try:
        while True:
            all_of_it.check()
            time.sleep(CHECK_S)
    except KeyboardInterrupt:
        console.print("stopped")


def tell(all_of_it: Running, console: Console) -> None:
    """What could be done next."""
    _rule(console)
    width = max(map(len, COMMANDS))
    for command, meaning in COMMANDS.items():
        _print(f"{command:<{width}}  [dim]{meaning}[/]", console)
    if not all_of_it.servers.embedded:
        prefix = all_of_it.servers.settings.topic_prefix
        _print(f"\nTopics that begin with {prefix} and their rows in ClickHouse remain.", console)


def _rule(console: Console) -> None:
    console.print()
    console.rule("[bold]Go on[/]", align="left")


def _print(line: str, console: Console) -> None:
    console.print(line, highlight=False, soft_wrap=True)
