"""The page says what the profile says, escapes what came from the data, and asks for nothing."""

import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest

from infra.profile.model import Profile
from infra.profile.page import page
from streams.labels import Task
from tests.infra.profile.events import Draw

HOSTILE = "<script>alert(1)</script>"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WAIT_S = 120.0


@cache
def hostile() -> Profile:
    """Markup wherever text comes from the data, and a change, so that every sort of chart is drawn."""
    events = Draw(6_000)
    names = ["web", HOSTILE, "</svg><img src=x onerror=alert(2)>"]
    places = (events.draw.random(events.rows) < 0.4).astype(int) + events.later
    events.columns["channel"] = pa.array([names[place] for place in places])
    events.columns['"><script>alert(3)</script>'] = events.columns.pop("amount")
    known_ms = events.at_ms + 1_000
    return events.profile(known_ms=known_ms, has_time=events.known)


@cache
def hostile_page() -> str:
    return page(hostile())


def test_what_came_from_the_data_is_escaped() -> None:
    html = hostile_page()

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert html.count("<svg") == html.count("</svg>") > 10


class Asked(HTMLParser):
    """What a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Attributes that name another place, and those that hold code."""
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "srcset", "action", "data")]
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        links = [value or "" for name, value in attrs if name in ("href", "xlink:href")]
        self.found += [f"{tag} {value}" for value in links if not value.startswith(("#", "data:,"))]


def test_nothing_is_asked_of_a_network() -> None:
    html, asked = hostile_page(), Asked()
    asked.feed(html)

    assert asked.found == []
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_every_finding_and_field_is_on_the_page_the_gravest_first() -> None:
    profile, html = hostile(), hostile_page()

    assert re.findall(r'class="tag (\w+)"', html) == [each.severity for each in profile.findings]
    assert profile.findings[0].severity == "serious"
    assert len(re.findall(r'id="field-\d+"', html)) == len(profile.fields)


def test_a_profile_of_next_to_nothing_has_a_page() -> None:
    events = Draw(1)
    assert "Drift is not stated" in page(events.profile())
    events.known[:] = False
    assert "no event has a label yet" in page(events.profile(task="binary"))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_labels_of_any_task_have_a_page(task: Task) -> None:
    events = Draw(3_000)
    truth = events.draw.choice(["a", "b", "c"], events.rows) if task == "multiclass" else events.columns["amount"]

    assert f"label, {task}" in page(events.profile(truth=truth, task=task))


def opened(path: Path, html: str) -> "subprocess.CompletedProcess[str]":
    """The page in a browser that reaches nothing but files."""
    assert CHROMIUM is not None
    path.write_text(html)
    told = f"--headless --no-sandbox --disable-gpu --no-first-run --user-data-dir={path.parent / 'browser'}"
    small = ["--disable-sync", "--disable-dev-shm-usage"]  # /dev/shm has 64 MB in some containers
    alone = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--disable-component-update"]
    return subprocess.run(
        [CHROMIUM, *told.split(), *small, *alone, "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the page with")
def test_a_browser_opens_the_page_without_an_error_or_a_request(tmp_path: Path) -> None:
    ran = opened(tmp_path / "page.html", hostile_page())

    assert ran.stdout.count("<svg") > 10
    assert "<script" not in ran.stdout
    assert "CONSOLE" not in ran.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the page with")
def test_a_browser_says_so_where_a_page_asks_for_something(tmp_path: Path) -> None:
    """Its policy lets the page fetch nothing, and what it tries is an error."""
    ran = opened(tmp_path / "page.html", hostile_page().replace("</main>", '<img src="http://127.0.0.1:9/x"></main>'))

    assert "CONSOLE" in ran.stderr
