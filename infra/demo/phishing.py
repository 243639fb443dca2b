"""The phishing demo: River's bundled data through Kafka, every prediction compared with River's own."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console
from river.datasets import Phishing
from river.evaluate import iter_progressive_val_score, progressive_val_score
from river.metrics import Accuracy

from infra.demo import goingon
from infra.demo.feeding import Feeder
from infra.demo.running import Running, noting, running
from infra.demo.waiting import wait
from infra.demo.watching import Look, Watcher
from infra.pipelines.phishing import Page, Verdict, phishing
from producers.known import Kind, Known, strictly
from schemas.problem import Problem

TARGET = "infra.pipelines.phishing:phishing"
START = datetime(2025, 1, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Both accuracies, and how many of the predictions differ from River's."""

    pipeline: str
    events: int
    scored: int
    learnt: int
    rejected: int
    accuracy: float
    river_accuracy: float
    different: int
    seconds: float


def run(console: Console, *, keep: bool, as_json: bool) -> None:
    """Show the comparison on `console`; the JSON goes to standard output. Raises `Problem` where they differ."""
    with running(TARGET, console) as all_of_it:
        compared = _compared(all_of_it, console)
        if as_json:
            sys.stdout.write(json.dumps(asdict(compared)) + "\n")
            sys.stdout.flush()
        else:
            _show(compared, console)
        if compared.different or compared.accuracy != compared.river_accuracy:
            raise Problem(
                f"{compared.different} of {compared.events} predictions differ from River's: please report this"
            )
        if keep:
            goingon.keep(all_of_it, console)


def records() -> Iterator[Known]:
    """Pages a second apart, the verdict on each at once: it is known before the next page comes."""
    return strictly(_told())


def _told() -> Iterator[Known]:
    for number, (features, truth) in enumerate(Phishing()):
        at = START + timedelta(seconds=number)
        time_ms, page_id = round(at.timestamp() * 1000), str(number)
        yield Known(time_ms, Kind.EVENT, Page(page_id=page_id, seen_at=at, **features))
        yield Known(time_ms, Kind.LABEL, Verdict(page_id=page_id, phishing=truth, known_at=at))


def _compared(all_of_it: Running, console: Console) -> Compared:
    settings, times = all_of_it.servers.settings, all_of_it.times
    with (
        Feeder(phishing, settings, records()) as feeder,
        Watcher(all_of_it, feeder) as watcher,
        noting(console) as note,
    ):
        note("scoring pages and learning from the verdicts")

        def show(look: Look) -> None:
            if console.is_terminal:
                note(f"{look.scored:,} pages scored, {look.met:,} verdicts learnt, {look.rows['outcomes']:,} stored")

        last = wait(watcher.look, show, all_of_it.check, times)
    answered = all_of_it.store.predicted()
    right = sum(predicted == label for predicted, label in answered.values())
    return Compared(
        pipeline=phishing.name,
        events=last.sent.events,
        scored=last.scored,
        learnt=last.labels.get("learnt", 0),
        rejected=last.events.get("rejected", 0),
        accuracy=right / len(answered) if answered else 0.0,
        river_accuracy=progressive_val_score(Phishing(), phishing.model(), Accuracy()).get(),  # type: ignore[no-untyped-call]
        different=_different({event_id: predicted for event_id, (predicted, _) in answered.items()}),
        seconds=round(times.between_s(None, "all stored"), 3),
    )


def _different(predicted: dict[str, str]) -> int:
    """How many of River's predictions, one by one, are not ours; an empty one counts as none on either side."""
    steps = iter_progressive_val_score(
        Phishing(),
        phishing.model(),
        Accuracy(),  # type: ignore[no-untyped-call]
        step=1,
        yield_predictions=True,
    )
    theirs = {str(number): step["Prediction"] for number, step in enumerate(steps)}
    said = {event_id: str(answer).lower() for event_id, answer in theirs.items() if answer is not None}
    return sum(predicted.get(event_id) != said.get(event_id) for event_id in {*said, *predicted})


def _show(compared: Compared, console: Console) -> None:
    rows = (
        ("pages scored", f"{compared.scored:,}"),
        ("verdicts learnt", f"{compared.learnt:,}"),
        ("accuracy through Kafka", f"{compared.accuracy!r}"),
        ("accuracy of River alone", f"{compared.river_accuracy!r}"),
        ("predictions that differ", f"{compared.different}"),
    )
    console.print()
    for name, figure in rows:
        console.print(f"{name:<26}{figure}", highlight=False)
    console.print(f"\n[dim]in {compared.seconds:.0f} s, servers included[/]", highlight=False)
