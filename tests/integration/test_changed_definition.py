"""A changed definition is refused on the state of another, with what has changed; its next version begins anew."""

from pathlib import Path

import pytest

from infra.feed import feed
from infra.settings import Settings
from streams.load import load
from tests.integration.harness import PIPELINES, STARTED_S, wait, wait_folded, worker
from tests.integration.test_bad_input import problem
from tests.integration.test_restart import owned, payments, written

pytestmark = pytest.mark.servers

EVENTS = 300


def changed(folder: Path, *replacements: tuple[str, str]) -> str:
    """The file of the tills with something else in it."""
    text = (PIPELINES / "till.py").read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    file = folder / "changed.py"
    file.write_text(text)
    return f"{file}:till"


def test_a_changed_definition_is_refused_and_its_next_version_scores_all_again(
    settings: Settings, tmp_path: Path
) -> None:
    first = f"{PIPELINES / 'till.py'}:till"
    wider = ('"1h", "1d"', '"1h", "7d"')
    feed(load(first), payments(0, EVENTS), settings, partitions=1)
    with worker(settings, first, tmp_path) as running:
        wait_folded(settings, load(first), running)

    said = problem(settings, "worker", changed(tmp_path, wider), "--stage", "score")

    assert "customer_id.count.7d, feature customer_id.amount.mean.7d are new" in said
    assert "customer_id.count.1d, feature customer_id.amount.mean.1d are gone" in said
    assert "write version=2" in said
    second = changed(tmp_path, wider, ("name=name,", "name=name, version=2,"))
    with worker(settings, second, tmp_path) as running:
        wait_folded(settings, load(second), running)
    sets = [row["feature_set"] for row in written(settings, load(second))["scored"]]
    assert sets == [load(first).feature_set] * EVENTS + [load(second).feature_set] * EVENTS


def test_a_version_begins_where_it_is_declared_to(settings: Settings, tmp_path: Path) -> None:
    hours, latest = (
        changed(tmp_path / name, ("name=name,", f"name=name, version={version}, begin={begin!r},"))
        for name, version, begin in (("hours", 2, "2026-03-02T02:00+00:00"), ("latest", 3, "latest"))
    )
    feed(load(hours), payments(0, EVENTS), settings, partitions=1)
    with worker(settings, hours, tmp_path) as running:
        wait_folded(settings, load(hours), running)

    assert [row["event_id"] for row in written(settings, load(hours))["scored"]] == [
        f"t{n}" for n in range(120, EVENTS)
    ]

    with worker(settings, latest, tmp_path) as running:
        wait("it has begun", lambda: owned(running) == 1, [running], within_s=STARTED_S)
        feed(load(latest), payments(EVENTS, EVENTS + 60), settings)
        wait_folded(settings, load(latest), running)
    scored = [row["event_id"] for row in written(settings, load(latest))["scored"]][EVENTS - 120 :]

    assert scored == [f"t{n}" for n in range(EVENTS, EVENTS + 60)]
