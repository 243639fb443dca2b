"""What the README and the guides say can be followed: links lead somewhere, commands parse, the pipeline is one."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from infra.cli import app
from streams.load import load

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "infra/guides").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ )?(millrace .+)$", re.MULTILINE)


def blocks(document: Path) -> list[str]:
    """The code blocks, without their fences."""
    return re.findall(r"(?ms)^```\w*\n(.*?)^```", document.read_text())


def commands(document: Path) -> Iterator[list[str]]:
    """The arguments of every command of ours in a code block; placeholders and comments are left out."""
    for block in blocks(document):
        for line in COMMAND.findall(block):
            if "…" not in line:
                yield shlex.split(line, comments=True)[1:]


def anchors(document: Path) -> set[str]:
    """What GitHub calls its headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", document.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("https://")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    assert links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_one(document: Path) -> None:
    for name, *arguments in commands(document):
        command = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined]
        assert command is not None, name
        command.make_context(name, arguments, resilient_parsing=False)


def test_there_are_commands_to_look_at() -> None:
    assert len(list(commands(README))) > 5


def test_the_pipeline_of_the_readme_is_the_one_that_its_outputs_are_of(tmp_path: Path) -> None:
    (code,) = [block for block in blocks(README) if block.startswith("# payments.py")]
    (tmp_path / "payments.py").write_text(code)

    pipeline = load(f"{tmp_path / 'payments.py'}:payments")

    said = README.read_text()
    assert all(
        f"`{name}`" in said for name in ("amount", "night", "customer_id.count.1d", "customer_id.amount.mean.1d")
    )
    assert {"amount", "night", "customer_id.count.1d", "customer_id.amount.mean.1d"} <= set(pipeline.feature_names)
    assert f'"model_id":"{pipeline.digest}/58822"' in said
    assert f'"feature_set":"{pipeline.feature_set}"' in said
