"""A person follows a reminder, reads the page of the pump, and answers on it: in a real browser, to a real service."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from browsing import Clinic, Window
from playwright.sync_api import Page, Route, expect

DAY = dt.timedelta(days=1)


def _fill(page: Page, who: str, what: str, day: dt.date | str | None = None) -> None:
    page.get_by_label("Who answers").select_option(who)
    page.get_by_label(what).check()
    if day is not None:
        page.get_by_label("Day of the visit").fill(str(day))


def _press(page: Page) -> None:
    page.get_by_role("button", name="Record this answer").click()


def _is_recorded(page: Page) -> None:
    expect(page.get_by_role("status")).to_contain_text("Recorded.")


def test_the_board_lists_what_waits_first_and_links_to_each_pump(clinic: Clinic, window: Window) -> None:
    pumps = {"5G7M": clinic.pump("5G7M", 20), "7F3K": clinic.pump("7F3K", 3), "9H2K": clinic.pump("9H2K", None)}
    page = window.page
    page.goto(f"{clinic.url}/board")
    rows = page.locator("tbody tr td:first-child")
    expect(rows).to_have_text(["9H2K", "7F3K", "5G7M"])
    for reference, pump in pumps.items():
        page.get_by_role("link", name=reference).click()
        expect(page).to_have_url(f"{clinic.url}/pumps/{pump}")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Pump {reference}")
        page.get_by_role("link", name="Board of Fictional Clinic").click()
        expect(page).to_have_url(f"{clinic.url}/board")


def test_who_follows_the_mail_and_answers_booked_is_recorded_once_and_seen_on_the_board(
    clinic: Clinic, window: Window
) -> None:
    pump = clinic.pump("MAIL-3", 3)
    page = window.page
    page.goto(clinic.mailed_link("MAIL-3"))
    last = clinic.today + 3 * DAY
    expect(page.locator(".lead")).to_have_text(f"Refill by {last:%A} {last.day} {last:%B %Y}: 3 days left.")
    expect(page.get_by_text("Nobody has answered the reminder of")).to_be_visible()
    visit = clinic.today + DAY
    _fill(page, clinic.nurse, "A visit is booked", visit)
    _press(page)
    _is_recorded(page)
    (answer,) = clinic.answers(pump)
    assert (answer["person_id"], answer["kind"], answer["day"]) == (clinic.nurse, "booked", str(visit))
    expect(page.get_by_role("listitem").filter(has_text="Fictional Nurse: a visit is booked")).to_be_visible()
    expect(page.get_by_text("Nobody has answered the reminder of")).to_have_count(0)
    page.goto(f"{clinic.url}/board")
    expect(page.get_by_role("row").filter(has_text="MAIL-3")).to_contain_text(f"booked {visit}")
    assert window.complaints == []


def test_a_button_that_is_pressed_twice_records_one_answer(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    _fill(page, clinic.nurse, "Taken note of")
    page.get_by_role("button").dblclick()
    _is_recorded(page)
    assert len(clinic.answers(pump)) == 1
    assert sum(url.endswith("/responses") for url in window.asked) == 1


def test_an_answer_whose_confirmation_was_lost_is_sent_again_under_its_key_and_recorded_once(
    clinic: Clinic, window: Window
) -> None:
    pump = clinic.pump("7F3K", 3)
    page, keys = window.page, []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    def pass_on(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.continue_()

    page.goto(f"{clinic.url}/pumps/{pump}")
    _fill(page, clinic.nurse, "A visit is booked", clinic.today + DAY)
    page.route("**/responses", lose)
    _press(page)
    expect(page.locator("#wrong")).to_contain_text("No answer came from the service. Press the button again")
    expect(page.get_by_role("button")).to_be_enabled()
    assert len(clinic.answers(pump)) == 1, "the service has recorded it, and nobody could know"
    page.route("**/responses", pass_on)
    _press(page)
    _is_recorded(page)
    assert len(clinic.answers(pump)) == 1
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_form_that_is_filled_anew_gets_a_key_of_its_own(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page, keys = window.page, []

    def break_off(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.abort()

    page.goto(f"{clinic.url}/pumps/{pump}")
    page.route("**/responses", break_off)
    for day in (clinic.today + DAY, clinic.today + 2 * DAY):
        _fill(page, clinic.nurse, "A visit is booked", day)
        _press(page)
        expect(page.locator("#wrong")).to_contain_text("No answer came")
    assert len(set(keys)) == 2
    assert clinic.answers(pump) == []


def test_while_it_is_sent_the_button_is_off(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page, held = window.page, []

    def hold(route: Route) -> None:
        held.append(route)

    page.goto(f"{clinic.url}/pumps/{pump}")
    page.route("**/responses", hold)
    _fill(page, clinic.nurse, "Taken note of")
    _press(page)
    expect(page.get_by_role("button")).to_be_disabled()
    expect(page.get_by_role("status")).to_have_text("Sending ...")
    held[0].continue_()
    _is_recorded(page)


def test_the_last_safe_day_is_taken_and_the_day_after_it_refused_next_to_its_field(
    clinic: Clinic, window: Window
) -> None:
    pump = clinic.pump("7F3K", 3)
    page, last = window.page, clinic.today + 3 * DAY
    page.goto(f"{clinic.url}/pumps/{pump}")
    _fill(page, clinic.nurse, "A visit is booked", last + DAY)
    _press(page)
    place = page.locator("#field-day")
    expect(place.get_by_role("alert")).to_have_text(f"The last safe day is {last}: book that day or an earlier one.")
    expect(place.get_by_label("Day of the visit")).to_have_attribute("aria-invalid", "true")
    expect(place.get_by_label("Day of the visit")).to_be_focused()
    assert clinic.answers(pump) == []
    place.get_by_label("Day of the visit").fill(str(last))
    _press(page)
    _is_recorded(page)
    expect(place.get_by_role("alert")).to_have_text("")
    assert [answer["day"] for answer in clinic.answers(pump)] == [str(last)]


def test_a_silence_is_offered_up_to_the_clinics_ceiling_and_never_past_it(
    make_clinic: Callable[..., Clinic], window: Window
) -> None:
    clinic = make_clinic(snooze_minutes_at_most="60")
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    _fill(page, clinic.nurse, "Not now")
    options = page.get_by_label("It comes again").get_by_role("option")
    assert [text.partition(":")[0] for text in options.all_inner_texts()] == ["Choose a time", "30 minutes", "1 hour"]
    page.get_by_label("It comes again").select_option(index=2)
    _press(page)
    _is_recorded(page)
    (answer,) = clinic.answers(pump)
    recorded, until = (dt.datetime.fromisoformat(answer[name]) for name in ("recorded_at", "until"))
    assert dt.timedelta(minutes=58) < until - recorded <= dt.timedelta(hours=1), "though the browser is in Tokyo"


def test_where_the_clinic_has_stated_no_ceiling_nothing_can_be_put_off(clinic: Clinic, window: Window) -> None:
    window.page.goto(f"{clinic.url}/pumps/{clinic.pump('7F3K', 3)}")
    expect(window.page.get_by_label("Taken note of")).to_be_visible()
    expect(window.page.get_by_label("Not now")).to_have_count(0)


def test_only_the_fields_that_an_answer_needs_are_shown(make_clinic: Callable[..., Clinic], window: Window) -> None:
    clinic = make_clinic(snooze_minutes_at_most="60")
    page = window.page
    page.goto(f"{clinic.url}/pumps/{clinic.pump('7F3K', 3)}")
    fields = {name: page.get_by_label(name, exact=True) for name in ("Day of the visit", "It comes again", "Why")}
    for what, needed in (
        ("Taken note of", None),
        ("A visit is booked", "Day of the visit"),
        ("Not now", "It comes again"),
        ("There will be no refill here", "Why"),
    ):
        page.get_by_label(what).check()
        for name, place in fields.items():
            expect(place).to_be_visible(visible=name == needed)


def test_what_is_left_out_is_said_next_to_its_field_and_nothing_is_sent(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    _press(page)
    expect(page.locator("#field-person_id").get_by_role("alert")).to_have_text("Choose who answers.")
    expect(page.locator("#field-kind").get_by_role("alert")).to_have_text("Choose an answer.")
    _fill(page, clinic.nurse, "There will be no refill here")
    _press(page)
    expect(page.locator("#field-reason").get_by_role("alert")).to_have_text("Write in a few words why.")
    assert not any(url.endswith("/responses") for url in window.asked)
    page.get_by_label("Why").fill("moved to hospice")
    _press(page)
    _is_recorded(page)
    assert [answer["reason"] for answer in clinic.answers(pump)] == ["moved to hospice"]


def test_an_answer_to_what_has_changed_meanwhile_is_refused_in_words(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    clinic.fill(pump, 20)
    _fill(page, clinic.nurse, "Taken note of")
    _press(page)
    expect(page.locator("#wrong")).to_contain_text("What this pump waits for has changed since")
    assert clinic.answers(pump) == []


def test_a_visit_is_moved_only_where_one_is_booked(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    expect(page.get_by_label("moved to another day")).to_have_count(0)
    _fill(page, clinic.nurse, "A visit is booked", clinic.today + DAY)
    _press(page)
    expect(page.get_by_label("moved to another day")).to_have_count(1)
    _fill(page, clinic.scheduler, "moved to another day", clinic.today + 2 * DAY)
    _press(page)
    _is_recorded(page)
    assert [answer["kind"] for answer in clinic.answers(pump)] == ["booked", "rescheduled"]


def test_the_keyboard_is_enough(clinic: Clinic, window: Window) -> None:
    pump = clinic.pump("7F3K", 3)
    page = window.page
    page.goto(f"{clinic.url}/pumps/{pump}")
    for key in ("Tab", "Tab"):  # the link to the board, then who answers
        page.keyboard.press(key)
    expect(page.get_by_label("Who answers")).to_be_focused()
    page.keyboard.type("Fict")
    for key in ("Tab", "Space", "ArrowDown", "Tab"):
        page.keyboard.press(key)
    expect(page.get_by_label("Day of the visit")).to_be_focused()
    page.keyboard.type(f"{clinic.today + DAY:%m%d%Y}")
    page.keyboard.press("Enter")
    _is_recorded(page)
    (answer,) = clinic.answers(pump)
    assert (answer["person_id"], answer["day"]) == (clinic.nurse, str(clinic.today + DAY))
