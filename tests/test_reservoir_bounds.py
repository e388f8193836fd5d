"""What a ledger refuses, what it projects, and what holds for every reservoir."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from asking import notes, solution
from drawing import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from reservoirs import START, asked, day, event, fill, programmed, refused, reservoir, volume_of, withdrawal

from pumpcalc import Refusal, calculate, library
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, VOLUME, read
from pumpcalc.reservoir import Event, Fill, Ledger, RateChange, Resume, Stop

# What the ledger refuses


_BEGUN = [fill(), programmed()]


@pytest.mark.parametrize(
    ("events", "code", "pointer"),
    [
        ([programmed()], "before-first-fill", "/events/0/at"),
        ([*_BEGUN, event("stop", day(-1))], "before-first-fill", "/events/2/at"),
        ([fill(volume="20.1 mL")], "above-capacity", "/events/0/volume"),
        ([fill(), fill(day(0), volume="0.1 mL")], "above-capacity", "/events/1/volume"),
        ([fill(volume="0 mL")], "zero", "/events/0/volume"),
        ([fill(components=solution("morphine", "1 mg/mL", "morphine", "2 mg/mL"))], "duplicate",
         "/events/0/components/1/drug"),
        ([fill(components=solution("morphin", "1 mg/mL"))], "unknown-drug", "/events/0/components/0/drug"),
        ([fill(programmed_reservoir_volume="19 mL")], "programmed-not-filled",
         "/events/0/programmed_reservoir_volume"),
        ([fill(), withdrawal(day(1), "20 mL", "0.1 mL")], "more-than-there-can-be", "/events/1/volume"),
        ([fill(), withdrawal(day(1), "5 mL", "5 mL"), withdrawal(day(2), "5.1 mL")], "more-than-there-can-be",
         "/events/2/volume"),
        ([fill(id="a"), event("stop", day(1), id="a")], "duplicate", "/events/1/id"),
        ([fill(), {"event": "reversal", "of": "b"}], "unknown-event", "/events/1/of"),
        ([{"event": "reversal", "of": "b"}], "unknown-event", "/events/0/of"),
        ([fill(), event("stop", day(1), id="b"), {"event": "reversal", "of": "b"}, {"event": "reversal", "of": "b"}],
         "already-reversed", "/events/3/of"),
        ([fill(), event("stop", day(1), id="b"), {"event": "reversal", "of": "b", "id": "c"},
          {"event": "reversal", "of": "c"}], "not-reversible", "/events/3/of"),
        ([fill(id="f"), programmed(), {"event": "reversal", "of": "f"}], "before-first-fill", "/events/2"),
        ([fill(), event("resume", day(1))], "not-programmed", "/events/1"),
        ([*_BEGUN, programmed(day(1)) | {"drug": "baclofen"}], "not-in-reservoir", "/events/2/drug"),
        ([*_BEGUN, event("rate-change", day(1))], "one-of-two", "/events/2/flow_rate"),
        ([*_BEGUN, programmed(day(1), flow_rate="0.4 mL/day")], "one-of-two", "/events/2/flow_rate"),
        ([*_BEGUN, event("rate-change", day(1), drug="morphine", daily_dose="1 mg/day")], "one-of-two",
         "/events/2/flow_rate"),
        ([*_BEGUN, event("bolus-log", day(1))], "one-of-two", "/events/2/volume"),
        ([*_BEGUN, event("bolus-log", day(1), volume="20.1 mL")], "out-of-range", "/events/2/volume"),
        ([*_BEGUN, event("bolus-log", day(1), boluses="1.5", drug="morphine", dose_per_bolus="1 mg",
                         concentration="20 mg/mL")], "whole-number", "/events/2/boluses"),
        ([fill(recorded_at=day(-1))], "recorded-before-it-happened", "/events/0/recorded_at"),
        ([fill(recorded_at=day(2)), event("stop", day(1), recorded_at=day(1))], "recorded-out-of-order",
         "/events/1/recorded_at"),
        ([event("withdraw", day(1), volume="0 mL")], "missing", "/events/0/left_volume"),
        ([fill() | {"components": None}], "missing", "/events/0/components"),
        ([event("stop", day(1), volume="1 mL")], "unknown-field", "/events/0/volume"),
        ([event("refill", day(1))], "not-one-of", "/events/0/event"),
        ([fill(at="2026-01-05T09:00:00")], "offset-missing", "/events/0/at"),
        ([], "wrong-type", "/events"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_entry(events: list[dict[str, Any]], code: str, pointer: str) -> None:
    refused(*events, code=code, pointer=pointer)


def test_a_pump_whose_reservoir_nobody_has_read_has_no_ledger() -> None:
    refused(fill(), code="not-in-library", pointer="/pump", pump="synchromed-iii-20")


def test_before_the_first_fill_nothing_is_known() -> None:
    refused(fill(), code="before-first-fill", pointer="/at", at=day(-1))


def test_the_programmer_may_be_told_what_was_seen_or_what_is_left_of_it() -> None:
    visit = [fill(), programmed(), withdrawal(day(40), "2 mL", "2 mL")]
    for told in ("18 mL", "17.99722223 mL"):
        asked(*visit, fill(day(40, 1 / 6), volume="16 mL", programmed_reservoir_volume=told), at=day(41))
    for told in ("18.1 mL", "17.9 mL"):
        refused(*visit, fill(day(40, 1 / 6), volume="16 mL", programmed_reservoir_volume=told),
                 code="programmed-not-filled", pointer="/events/3/programmed_reservoir_volume")  # fmt: skip


def test_without_a_withdrawal_the_programmer_is_told_what_is_calculated() -> None:
    begun = [fill(volume="10 mL"), programmed()]
    refused(*begun, fill(day(10), volume="5 mL", programmed_reservoir_volume="15 mL"),
             code="programmed-not-filled", pointer="/events/2/programmed_reservoir_volume")  # fmt: skip
    asked(*begun, fill(day(10), volume="5 mL", programmed_reservoir_volume="11 mL"), at=day(11))
    # 10 - 0.4 / 3 = 9.8666... mL is told as it is shown.
    asked(*begun, fill(day(0, 8), volume="5 mL", programmed_reservoir_volume="14.8667 mL"), at=day(1))


# Dates


def test_a_projection_goes_by_the_flow_from_each_event_on() -> None:
    found = asked(fill(), programmed(), programmed(day(10), dose="16 mg/day"), at=day(20))
    assert found.answers["volume"] == "8 mL"
    assert found.answers["low_reservoir_alarm_at"] == day(20, 7.5 * 24)
    # Fast since the fill: 20 - 0.458 x 10 - 0.916 x 10 = 6.26 mL; 4.26 / 0.916 and 6.26 / 0.916 days, in whole hours.
    assert found.answers["worst_case_alarm_at"] == day(20, 111)
    assert found.answers["worst_case_dry_at"] == day(20, 164)


@pytest.mark.parametrize(
    ("days", "code", "missing"),
    [
        (39, None, []),
        (45, "possibly-dry", ["low_reservoir_alarm_at", "worst_case_alarm_at", "worst_case_dry_at"]),
        (43, "alarm-possible-now", ["worst_case_alarm_at"]),
    ],
)
def test_an_instant_that_has_come_is_not_projected(days: int, code: str | None, missing: list[str]) -> None:
    found = asked(fill(), programmed(), at=day(days))
    names = ("low_reservoir_alarm_at", "worst_case_alarm_at", "worst_case_dry_at")
    assert [name for name in names if name not in found.answers] == missing
    assert ({"possibly-dry", "alarm-possible-now"} & set(notes(found))) == ({code} if code else set())


def test_a_pump_of_unknown_accuracy_has_no_worst_case() -> None:
    shelf = library.load()
    device = shelf.pumps["synchromed-ii-20"]
    unknown = replace(device, flow_accuracy=shelf.pumps["synchromed-iii-20"].flow_accuracy)
    other = replace(shelf, pumps={**shelf.pumps, device.name: unknown})
    found = calculate("reservoir-state", reservoir(fill(), programmed(), at=day(10)), other)
    assert "worst-case-unknown" in notes(found)
    assert "low_reservoir_alarm_at" in found.answers
    assert "worst_case_dry_at" not in found.answers


@settings(max_examples=60)
@given(numbers("0.5", "20", 2), numbers("0.1", "9", 2), st.integers(0, 120), st.integers(0, 400))
def test_the_page_is_the_ledger_and_between_events_the_volume_falls_in_a_straight_line(
    volume: str, dose: str, days: int, hours: int
) -> None:
    ledger = Ledger.of("synchromed-ii-20")
    events: list[Event] = [
        Fill(id="fill", at=START, recorded_at=START, volume=read(f"{volume} mL", VOLUME),
             components=(("morphine", read("20 mg/mL", CONCENTRATION)),)),
    ]  # fmt: skip
    events.append(
        RateChange(id="rate", at=START, recorded_at=START, drug="morphine",
                   daily_dose=read(f"{dose} mg/day", DAILY_DOSE), concentration=read("20 mg/mL", CONCENTRATION))
    )  # fmt: skip
    for each in events:
        ledger = ledger.record(each)
    at = START + timedelta(days=days, hours=hours)
    state = ledger.state_at(at)
    gone = Fraction(dose) / 20 * (days + Fraction(hours, 24))
    assert state.volume.amount == max(Fraction(0), Fraction(volume) - gone)
    found = asked(fill(volume=f"{volume} mL"), programmed(dose=f"{dose} mg/day"), at=at.isoformat())
    assert volume_of(found) == state.volume.amount
    ahead = ledger.projection(at, read("2 mL", VOLUME))
    for name in ("low_reservoir_alarm", "worst_case_alarm", "worst_case_dry"):
        instant = getattr(ahead, name)
        assert found.answers.get(f"{name}_at") == (None if instant is None else str(instant))
        assert instant is None or instant.instant >= at
    if ahead.worst_case_alarm is not None:
        assert ahead.low_reservoir_alarm is not None
        assert ahead.worst_case_alarm.instant <= ahead.low_reservoir_alarm.instant
    stopped = ledger.record(Stop(id="stop", at=at, recorded_at=at)).state_at(at + timedelta(days=9))
    assert stopped.volume.amount == state.volume.amount
    if not state.naive:
        again = at + timedelta(days=9)
        resumed = ledger.record(Stop(id="stop", at=at, recorded_at=at)).record(
            Resume(id="resume", at=again, recorded_at=again)
        )
        assert resumed.state_at(again).volume.amount == state.volume.amount


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 40), numbers("0.5", "12", 1)), min_size=1, max_size=4))
def test_a_rate_change_never_changes_what_was_delivered_before_it(changes: list[tuple[int, str]]) -> None:
    since, events = 0, [fill(), programmed()]
    for days, dose in changes:
        since += days
        before = asked(*events, at=day(since))
        if before.answers["running"] != "running":
            return
        events.append(programmed(day(since), dose=f"{dose} mg/day"))
        assert volume_of(asked(*events, at=day(since))) == volume_of(before)
        assert before.answers["volume"] == asked(*events, at=day(since)).answers["volume"]


def test_an_event_is_aware_whole_seconds_and_says_one_thing() -> None:
    when = {"recorded_at": START, "at": START}
    for wrong, code in (
        ({"at": datetime(2026, 1, 5)}, "offset-missing"),
        ({"at": START.replace(microsecond=1)}, "instant-format"),
        ({"recorded_at": datetime(2026, 1, 5)}, "offset-missing"),
    ):
        with pytest.raises(Refusal) as caught:
            Stop(id="a", **when | wrong)
        assert caught.value.problems[0].code == code
