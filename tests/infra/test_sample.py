"""`millrace sample`: its files hold what the demo tells, and the other commands read them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app
from infra.demo.story import story
from producers.files import EventFile
from producers.known import Kind
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem

EVENTS = 1_000
TOLD = list(story(EVENTS, seed=3).records())
PAYMENTS = [known.record for known in TOLD if known.kind is Kind.EVENT]
CHARGEBACKS = [known.record for known in TOLD if known.kind is Kind.LABEL]


def sample(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["sample", *map(str, arguments), "--events", str(EVENTS), "--seed", "3"])
    if isinstance(done.exception, Problem):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_payments_and_chargebacks_read_back_as_they_were_told(tmp_path: Path, ending: str) -> None:
    payments, chargebacks = tmp_path / f"payments{ending}", tmp_path / f"chargebacks{ending}"

    said = sample(payments, "--labels", chargebacks)

    assert [row.record for row in EventFile(payments, Payment, time="occurred_at").events()] == PAYMENTS
    assert [row.record for row in EventFile(chargebacks, Chargeback, time="reported_at").events()] == CHARGEBACKS
    assert said.startswith(f"1,000 payments are in {payments}; what became of {len(CHARGEBACKS)} is in {chargebacks}")


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_without_a_file_for_labels_each_payment_says_what_became_of_it(tmp_path: Path, ending: str) -> None:
    payments = tmp_path / f"payments{ending}"

    sample(payments)

    rows = EventFile(payments, Payment, time="occurred_at", label_field="fraud").events()
    truth = {label.transaction_id: label.fraud for label in CHARGEBACKS if isinstance(label, Chargeback)}
    said = {row.record.transaction_id: row.label for row in rows if isinstance(row.record, Payment)}
    assert len(said) == EVENTS > len(truth)
    assert {name: value in (True, "true") for name, value in said.items() if value is not None} == truth


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["payments.xlsx"], "payments.xlsx is no .csv, .parquet, .jsonl file"),
        (["nowhere/payments.csv"], "there is no folder nowhere"),
        (["payments.csv", "--labels", "chargebacks"], "chargebacks is no .csv"),
        (["payments.csv", "--labels", "./payments.csv"], "cannot both be payments.csv"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Problem, match=said):
        sample(*arguments)

    assert list(tmp_path.iterdir()) == []
