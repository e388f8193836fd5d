"""Both pages in a real browser: they load nothing, run nothing foreign, change nothing, and fit a narrow screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browsing import Clinic, Window
from playwright.sync_api import expect

every_page = pytest.mark.parametrize("name", ["board", "pump", "late", "unknown", "explanted"])


@pytest.fixture
def addresses(clinic: Clinic) -> dict[str, str]:
    """The board, and the page of a pump in each state."""
    pumps = {"pump": clinic.pump("7F3K", 20), "late": clinic.pump("5G7M", -3), "unknown": clinic.pump("9H2K", None)}
    gone = pumps["explanted"] = clinic.pump("2X4Z", 20)
    answer = clinic.client.post(f"/v1/clinics/{clinic.id}/pumps/{gone}/explant", json={"on": str(clinic.today)})
    assert answer.status_code == 200, answer.text
    return {"board": f"{clinic.url}/board"} | {name: f"{clinic.url}/pumps/{pump}" for name, pump in pumps.items()}


@every_page
def test_a_page_asks_for_itself_and_for_nothing_else_and_complains_of_nothing(
    name: str, addresses: dict[str, str], window: Window
) -> None:
    window.page.goto(addresses[name], wait_until="networkidle")
    assert window.asked == [addresses[name]]
    assert window.complaints == []


@every_page
def test_a_page_fits_a_screen_of_320_pixels(
    name: str, addresses: dict[str, str], open_window: Callable[..., Window]
) -> None:
    page = open_window(320).page
    page.goto(addresses[name])
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for place in page.locator("a, select, input, button").all():
        box = place.bounding_box() if place.is_visible() else None
        assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= 320)


def test_a_pump_that_is_answered_on_a_narrow_screen_is_answered(
    clinic: Clinic, addresses: dict[str, str], open_window: Callable[..., Window]
) -> None:
    page = open_window(320).page
    page.goto(addresses["late"])
    expect(page.locator(".lead")).to_contain_text("3 days past the last safe day")
    page.get_by_label("Who answers").select_option(clinic.nurse)
    page.get_by_label("Taken note of").check()
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded.")
    assert len(clinic.answers(addresses["late"].rpartition("/")[2])) == 1


def test_a_name_with_markup_in_it_stays_text(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    page.get_by_label("Who answers").select_option(label="A <b>Fictional</b> & Person (scheduler)")
    page.get_by_label("There will be no refill here").check()
    page.get_by_label("Why").fill("<img src=x> & so on")
    page.get_by_role("button").click()
    expect(page.get_by_text("A <b>Fictional</b> & Person: no refill here: <img src=x> & so on")).to_be_visible()
    assert page.locator("b, img").count() == 0


def test_a_script_that_got_in_would_not_run_and_no_other_host_would_be_asked(
    addresses: dict[str, str], window: Window
) -> None:
    page = window.page
    for name in ("pump", "board"):
        page.goto(addresses[name])
        page.evaluate(
            "() => { const foreign = document.createElement('script'); foreign.textContent = 'window.hit = 1';"
            " document.body.append(foreign); }"
        )
        assert page.evaluate("window.hit") is None
        refused = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', error => String(error))")
        assert "Failed to fetch" in refused
        assert any("Content Security Policy" in complaint and ":9/" in complaint for complaint in window.complaints)
        window.complaints.clear()


def test_without_scripts_the_page_is_read_and_says_who_takes_the_answer(
    addresses: dict[str, str], open_window: Callable[..., Window]
) -> None:
    page = open_window(scripts=False).page
    page.goto(addresses["pump"])
    expect(page.locator(".lead")).to_contain_text("20 days left")
    expect(page.locator("form")).to_be_hidden()
    expect(page.get_by_text("The API takes the answer too")).to_be_visible()
    page = open_window().page
    page.goto(addresses["pump"])
    expect(page.locator("form")).to_be_visible()
    expect(page.get_by_text("The API takes the answer too")).to_be_hidden()


def test_a_page_that_is_read_a_hundred_times_has_recorded_nothing(
    clinic: Clinic, addresses: dict[str, str], window: Window
) -> None:
    pump = addresses["pump"].rpartition("/")[2]
    before = clinic.schedule(pump)
    for _ in range(10):
        window.page.goto(addresses["pump"])
    window.page.evaluate("async () => { for (let n = 0; n < 90; n++) await (await fetch(location.href)).text() }")
    assert len(window.asked) == 100
    assert clinic.schedule(pump) == before
    assert before["responses"] == []
