"""A pipeline is found by file or by package, wherever the file lies and whatever lies beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.problem import Problem
from streams.load import load

GOOD = """
from pydantic import BaseModel
from river.naive_bayes import GaussianNB

from streams import Field, Labels, Pipeline


class Tap(BaseModel):
    tap_id: str
    at_ms: int
    amount: float
    fraud: bool


taps = Pipeline(
    name="taps",
    event=Tap,
    id="tap_id",
    time="at_ms",
    labels=Labels(field="fraud", task="binary"),
    features=[Field("amount")],
    model=GaussianNB,
)
other = 7
"""


@pytest.fixture(autouse=True)
def _path_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path.copy())


def written(directory: Path, text: str, name: str = "mine.py") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(text)
    return path


def refusal(target: str) -> str:
    with pytest.raises(Problem) as told:
        load(target)
    return str(told.value)


def test_a_pipeline_is_found_in_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)

    assert load(f"{path}:taps").name == "taps"
    assert load(f"{path}:taps") is load(f"{path}:taps")


def test_a_pipeline_is_found_in_a_package() -> None:
    assert load("infra.pipelines.payments:payments").name == "payments"


def test_two_files_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    one = written(tmp_path / "one", GOOD)
    two = written(tmp_path / "two", GOOD.replace('name="taps"', 'name="knocks"'))

    assert (load(f"{one}:taps").name, load(f"{two}:taps").name) == ("taps", "knocks")


def test_neighbours_called_like_packages_of_ours_do_no_harm(tmp_path: Path) -> None:
    for name in ("schemas.py", "streams.py", "consumers.py", "infra.py", "river.py"):
        written(tmp_path, "raise RuntimeError('not me')\n", name)
    written(tmp_path / "tests", "raise RuntimeError('not me')\n", "__init__.py")

    assert load(f"{written(tmp_path, GOOD)}:taps").name == "taps"


def test_neighbours_do_not_shadow_what_is_imported_later(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    written(tmp_path, "raise RuntimeError('not me')\n", "consumers.py")
    script = f"from streams.load import load; load({str(path)!r} + ':taps'); import consumers.rows"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path, "NAME = 'next-door'\n", "neighbour_of_mine.py")
    path = written(tmp_path, "from neighbour_of_mine import NAME\n" + GOOD.replace('name="taps"', "name=NAME"))

    assert load(f"{path}:taps").name == "next-door"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none.py") in refusal(f"{tmp_path}/none.py:taps")


@pytest.mark.parametrize("target", ["", "mine.py", ":taps", "mine.py:", "taps"])
def test_a_target_that_names_nothing_says_how_to_write_one(target: str) -> None:
    assert "FILE.py:name" in refusal(target)


def test_a_name_that_is_missing_is_answered_with_those_that_are_there(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)

    assert "has no tops; it defines taps" in refusal(f"{path}:tops")
    assert "no Pipeline" in refusal(f"{written(tmp_path, '', 'empty.py')}:taps")


def test_something_else_than_a_pipeline_is_named(tmp_path: Path) -> None:
    assert "is a int, not a Pipeline" in refusal(f"{written(tmp_path, GOOD)}:other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = (\n", ("mine.py, line 2", "SyntaxError")),
        ("x = 1\n\nimport nowhere_at_all\n", ("mine.py, line 3", "nowhere_at_all")),
        ("x = 1\ny = x / 0\n", ("mine.py, line 2", "ZeroDivisionError")),
        (GOOD.replace('Field("amount")', 'Field("amont")'), ("mine.py, line 15", "amont", "no such field")),
        ("def f():\n    return 1 / 0\n\n\nf()\n", ("mine.py, line 2", "ZeroDivisionError")),
    ],
)
def test_a_faulty_file_is_answered_with_its_line(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    told = refusal(f"{written(tmp_path, text)}:taps")

    assert all(word in told for word in said), told
    assert "\n" not in told


def test_a_syntax_error_next_door_is_answered_with_the_neighbours_line(tmp_path: Path) -> None:
    written(tmp_path, "x = 1\n\ny = = 2\n", "broken_neighbour.py")

    told = refusal(f"{written(tmp_path, 'import broken_neighbour')}:taps")

    assert "broken_neighbour.py, line 3: SyntaxError" in told


def test_a_file_that_failed_can_be_mended_and_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, "taps = 1 / 0\n")
    refusal(f"{path}:taps")
    path.write_text(GOOD)

    assert load(f"{path}:taps").name == "taps"


def test_a_package_that_is_missing_is_named() -> None:
    assert refusal("nowhere_at_all.payments:payments").startswith("there is no module nowhere_at_all.payments")
