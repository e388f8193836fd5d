"""The calendar of refills: readable by any calendar, whatever text is in it, and never mistaken for an alarm."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.calendar_feed import A_VIEW, Entry, calendar
from api.inert import ics_text

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
LINK = "https://pumpcalc.example/v1/clinics/c/pumps/p/schedule"

anything = st.text(st.characters(exclude_categories=()))
_SEPARATORS = ["\r\n", "\n", "\r", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x00"]
_ESCAPES = ["\\", "\\n", "\\N", ";", ",", ":", '"', "BEGIN:VALARM", "END:VEVENT", " ", "\t", "\ud800", "\u202e"]
_LONG = ["\u00e9" * 40, "\U0001f489" * 20, "x" * 75]
nasty = st.lists(st.sampled_from([*_SEPARATORS, *_ESCAPES, *_LONG]), max_size=30).map("".join)
texts = anything | nasty


def entry(**changed: object) -> Entry:
    parts: dict[str, object] = {
        "uid": "refill-01JD@pumpcalc.invalid",
        "sequence": 0,
        "day": dt.date(2026, 12, 18),
        "summary": "Pump 7F3K: refill by today",
        "description": "Refill of pump 7F3K.",
        "link": LINK,
    }
    return Entry(**(parts | changed))  # type: ignore[arg-type]


def unfolded(made: bytes) -> list[str]:
    """The content lines of RFC 5545 section 3.1, read by its letter and not by the library that wrote them."""
    assert made.endswith(b"\r\n")
    return made.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def values(made: bytes, name: str) -> list[str]:
    """The texts of a property, unescaped after RFC 5545 section 3.3.11 in one pass."""
    found = [line.partition(":")[2] for line in unfolded(made) if re.match(rf"{name}[:;]", line)]
    return [re.sub(r"\\([\\;,nN])", lambda each: "\n" if each[1] in "nN" else each[1], value) for value in found]


@given(texts, texts, texts)
def test_any_text_comes_back_as_it_went_in_to_two_readers(name: str, summary: str, description: str) -> None:
    made = calendar(name, [entry(summary=summary, description=description)], NOW)
    assert values(made, "X-WR-CALNAME") == [ics_text(name) + " (a view, not an alarm)"]
    assert values(made, "SUMMARY") == [ics_text(summary)]
    assert values(made, "DESCRIPTION") == [f"{A_VIEW}\n{ics_text(description)}"]
    (event,) = icalendar.Calendar.from_ical(made).walk("VEVENT")
    assert str(event["SUMMARY"]) == ics_text(summary)
    assert str(event["DESCRIPTION"]) == f"{A_VIEW}\n{ics_text(description)}"


@given(texts, texts, texts)
def test_no_text_adds_a_line(name: str, summary: str, description: str) -> None:
    plain = [line.partition(":")[0] for line in unfolded(calendar("x", [entry()], NOW))]
    made = calendar(name, [entry(summary=summary, description=description)], NOW)
    assert [line.partition(":")[0] for line in unfolded(made)] == plain
    # Nor for a reader that takes any of Unicode's line separators for the end of a line.
    assert len(made.decode().splitlines()) == made.count(b"\r\n")


@given(texts, texts)
def test_no_line_is_longer_than_75_octets_and_no_character_is_cut(name: str, description: str) -> None:
    made = calendar(name, [entry(description=description)], NOW)
    for line in made.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()


@given(texts)
def test_no_character_that_a_calendar_could_obey_remains(text: str) -> None:
    for character in ics_text(text).replace("\n", ""):
        category = unicodedata.category(character)
        assert category[0] != "C"
        assert category not in ("Zl", "Zp")


@given(anything)
def test_ordinary_text_is_left_alone(text: str) -> None:
    ordinary = "".join(c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029") + "\nx"
    assert ics_text(ordinary) == ordinary


@pytest.mark.parametrize("text", ["C:\\New", "\\n", "\\N", "a\\;b", "\\\\n", "Clinic;X=Y\\,Z"])
def test_a_backslash_is_a_backslash(text: str) -> None:
    made = calendar("x", [entry(summary=text)], NOW)
    assert values(made, "SUMMARY") == [text]
    assert str(icalendar.Calendar.from_ical(made).walk("VEVENT")[0]["SUMMARY"]) == text


def test_a_refill_is_a_whole_day_without_a_time_or_an_alarm() -> None:
    lines = unfolded(calendar("Refills", [entry()], NOW))
    assert "DTSTART;VALUE=DATE:20261218" in lines
    assert "DTSTAMP:20261125T170000Z" in lines
    assert "STATUS:CONFIRMED" in lines
    assert "TRANSP:TRANSPARENT" in lines
    assert f"URL:{LINK}" in lines
    assert not [line for line in lines if "VALARM" in line or line.startswith("DTEND")]


def test_every_description_says_that_this_is_no_alarm() -> None:
    made = calendar("Refills", [entry(), entry(uid="b", cancelled=True), entry(uid="c", description="")], NOW)
    assert len(values(made, "DESCRIPTION")) == 3
    for description in values(made, "DESCRIPTION"):
        assert description.startswith("A view, not an alarm: reminders come by ")
    assert "not an alarm" in values(made, "X-WR-CALNAME")[0]


def test_a_refill_that_changes_or_is_cancelled_keeps_its_id_and_counts_up() -> None:
    before = calendar("Refills", [entry()], NOW)
    after = calendar("Refills", [entry(sequence=1, day=dt.date(2026, 12, 17), cancelled=True)], NOW)
    assert values(before, "UID") == values(after, "UID") == ["refill-01JD@pumpcalc.invalid"]
    assert values(before, "SEQUENCE") == ["0"]
    assert values(after, "SEQUENCE") == ["1"]
    assert values(after, "STATUS") == ["CANCELLED"]


def test_the_same_refills_at_the_same_time_are_the_same_bytes_and_none_is_a_calendar_too() -> None:
    assert calendar("x", [entry()], NOW) == calendar("x", [entry()], NOW)
    assert icalendar.Calendar.from_ical(calendar("x", [], NOW)).walk("VEVENT") == []


@pytest.mark.parametrize("field", ["uid", "link"])
@pytest.mark.parametrize("text", ["", "a b", "a\r\nATTENDEE:x", "a\n", "\u00e9", "a\x7f", "a\u2028"])
def test_an_id_or_a_link_of_anything_else_than_printable_ascii_is_a_fault_of_ours(field: str, text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        calendar("x", [entry(**{field: text})], NOW)


def test_a_sequence_does_not_begin_below_0() -> None:
    with pytest.raises(ValueError, match="begins at 0"):
        calendar("x", [entry(sequence=-1)], NOW)
