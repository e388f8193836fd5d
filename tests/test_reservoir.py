"""The ledger of a reservoir as a clinic meets it: what it says, what it stops, and where it does not know."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from asking import exact, hard_hits, limit, notes, solution
from reservoirs import (
    FILLED_AT,
    START,
    asked,
    day,
    event,
    fill,
    new_start,
    programmed,
    refused,
    said,
    volume_of,
    withdrawal,
)

from pumpcalc.quantities import VOLUME, read
from pumpcalc.reservoir import Fill, Ledger, Withdraw

# The cases that the field has paid for

_TMLT_FILL = fill("2019-01-03T09:00:00-06:00", components=solution("morphine", "18.1 mg/mL"))
_TMLT_RATE = programmed("2019-01-03T09:00:00-06:00", "3.8 mg/day", "18.1 mg/mL")
_TMLT_VISIT = "2019-07-03T10:00:00-05:00"


def test_tmlt_the_first_time_40_is_programmed_in_a_reservoir_of_20() -> None:
    why = refused(_TMLT_FILL | {"programmed_reservoir_volume": "40 mL"}, code="above-capacity",
                    pointer="/events/0/programmed_reservoir_volume")  # fmt: skip
    assert "The reservoir of the SynchroMed II 20 mL (8637-20) holds 20 mL, not 40 mL" in why


def test_tmlt_the_second_time_40_is_programmed_and_20_is_filled() -> None:
    why = refused(_TMLT_FILL | {"programmed_reservoir_volume": "40 mL"}, code="programmed-not-filled",
                    pointer="/events/0/programmed_reservoir_volume", pump="synchromed-ii-40")  # fmt: skip
    assert "told 40 mL, but with this fill of 20 mL the reservoir holds 20 mL" in why


def test_tmlt_had_nobody_stopped_it_the_ledger_says_dry_since_day_95_and_stops_the_old_dose() -> None:
    found = asked(_TMLT_FILL, _TMLT_RATE, at=_TMLT_VISIT)
    assert (found.answers["volume"], found.answers["running"], found.answers["restart"]) == ("0 mL", "dry", "as-naive")
    assert exact(found, "days_to_dry_now") == Fraction(1810, 19)
    assert "programmed-not-compared" in notes(found)
    assert "other-reservoir-size" in notes(asked(_TMLT_FILL, at=_TMLT_VISIT, pump="synchromed-ii-40"))
    assert found.answers["dry_since"].startswith("2019-04-08")
    assert found.answers["possibly_dry_since"].startswith("2019-03-27")
    assert "The reservoir was dry for about 85 to 98 days." in said(found, "restart-as-naive")
    empty = withdrawal(_TMLT_VISIT, "0 mL")
    later = "2019-07-03T11:00:00-05:00"
    for old in (
        event("resume", later),
        programmed(later, "3.8 mg/day", "18.1 mg/mL"),
        programmed(later, "0.1 mg/day", "18.1 mg/mL"),
        _TMLT_FILL | {"at": later},
    ):
        why = refused(_TMLT_FILL, _TMLT_RATE, empty, old, code="restart-as-naive", pointer="/events/3")
        assert "dry for about 85 days; for up to about 98 days" in why


def test_20_18_0_is_in_spec_but_empty_and_the_ledger_stops_the_old_dose() -> None:
    visit = withdrawal(day(45), "0 mL")
    found = asked(fill(), programmed(), visit, at=day(45))
    assert found.answers["withdrawals"] == [
        {"at": day(45), "expected_residual": "2 mL", "withdrawn_volume": "0 mL", "left_volume": "0 mL"}
    ]  # fmt: skip
    assert "unexpectedly-empty" in notes(found)
    assert found.answers["restart"] == "as-naive"
    assert found.answers["possibly_dry_since"] == day(0, 1048), "20 mL / (0.4 mL/day x 1.145) = 43.67 days = 1048 h"
    assert exact(found, "dry_days_at_most") == Fraction(32, 24)
    assert "dry_since" not in found.answers, "by its programme it was never dry"
    refused(fill(), programmed(), visit, fill(day(45)), code="restart-as-naive", pointer="/events/3")
    refused(fill(), programmed(), visit, event("resume", day(45)), code="restart-as-naive", pointer="/events/3")


def test_after_an_empty_interval_a_new_start_begins_at_most_at_the_naive_dose() -> None:
    before = [fill(), programmed(), withdrawal(day(45), "0 mL")]
    refused(*before, new_start(day(45), "1.000000001 mg/day"), code="restart-as-naive",
             pointer="/events/3/daily_dose")  # fmt: skip
    found = asked(*before, new_start(day(45), "1 mg/day"), fill(day(45)), at=day(46))
    assert (found.answers["running"], found.answers.get("restart")) == ("running", None)
    assert found.answers["components"][0]["daily_dose"] == "1 mg/day"
    assert not limit(found, "naive_start_at_most").hit


def test_a_new_start_at_another_concentration_than_was_programmed_is_held_to_the_dose_that_flows() -> None:
    before = [fill(), programmed(), withdrawal(day(45), "0 mL"), new_start(day(45), "1 mg/day", strength="10 mg/mL")]
    found = asked(*before, fill(day(45)), at=day(46))
    assert found.answers["components"][0]["daily_dose"] == "2 mg/day"
    assert hard_hits(found) == ["naive_start_at_most"]
    assert "1 mg/day of morphine is programmed" in said(found, "dose-not-as-programmed")


def test_where_no_naive_start_is_known_a_new_start_is_at_least_below_the_old_dose() -> None:
    of = {"components": solution("baclofen", "2000 mcg/mL")}
    before = [
        fill(**of),
        event("rate-change", FILLED_AT, drug="baclofen", daily_dose="800 mcg/day", concentration="2000 mcg/mL"),
        withdrawal(day(45), "0 mL"),
    ]
    refused(*before, new_start(day(45), "800 mcg/day", "baclofen", "2000 mcg/mL"), code="restart-as-naive",
             pointer="/events/3/daily_dose")  # fmt: skip
    asked(*before, new_start(day(45), "799 mcg/day", "baclofen", "2000 mcg/mL"), at=day(46))


def test_a_stop_lets_the_reservoir_be_filled_and_the_old_dose_still_does_not_go_on() -> None:
    before = [fill(), programmed(), withdrawal(day(45), "0 mL"), event("stop", day(45)), fill(day(45))]
    found = asked(*before, at=day(46))
    assert (found.answers["running"], found.answers["restart"], found.answers["volume"]) == (
        "stopped", "as-naive", "20 mL",
    )  # fmt: skip
    refused(*before, event("resume", day(46)), code="restart-as-naive", pointer="/events/5")


def test_a_withdrawal_that_finds_more_than_nearly_nothing_shows_that_the_pump_never_ran_dry() -> None:
    slow = [fill(), programmed(), withdrawal(day(51), "1.500000001 mL")]
    assert "restart" not in asked(*slow, at=day(51)).answers
    asked(*slow, fill(day(51)), at=day(52))
    nearly = [fill(), programmed(), withdrawal(day(51), "1.4 mL")]
    assert asked(*nearly, at=day(51)).answers["restart"] == "as-naive"


def test_a_refill_within_the_visit_is_no_empty_interval_and_a_day_is_one() -> None:
    visit = [fill(), programmed(), withdrawal(day(40), "4 mL")]
    assert "restart" not in asked(*visit, fill(day(40, 23)), at=day(41)).answers
    refused(*visit, fill(day(41)), code="restart-as-naive", pointer="/events/3")
    stopped = [*visit, event("stop", day(40)), fill(day(44)), event("resume", day(44))]
    assert asked(*stopped, at=day(45)).answers["running"] == "running"


def test_the_days_without_drug_are_counted_from_the_latest_empty_interval() -> None:
    dry = [fill(), programmed(), event("stop", day(60)), fill(day(60)), new_start(day(61), "1 mg/day")]
    assert asked(*dry[:3], at=day(60)).answers["dry_since"] == day(50)
    assert exact(asked(*dry[:4], at=day(99)), "dry_days") == 10, "from running dry until the fill, not until now"
    assert "dry_since" not in asked(*dry, at=day(62)).answers
    again = asked(*dry, at=day(61 + 401))
    assert (again.answers["dry_since"], exact(again, "dry_days")) == (day(61 + 400), 1)


def test_when_it_can_have_been_dry_goes_by_what_can_be_left_at_least() -> None:
    found = asked(fill(), programmed(), programmed(day(20)), withdrawal(day(45), "0 mL"), at=day(45))
    # 20 - 0.458 x 20 = 10.84 mL at least; 10.84 / 0.458 = 23.67 days = 568 h.
    assert found.answers["possibly_dry_since"] == day(20, 568)


def test_only_what_is_measured_before_a_new_fill_shows_that_the_pump_never_ran_dry() -> None:
    filled = [fill(), programmed(), event("stop", day(51)), fill(day(51))]
    assert asked(*filled, withdrawal(day(52), "20 mL"), at=day(52)).answers["restart"] == "as-naive"


def test_a_second_look_into_a_reservoir_that_was_emptied_is_no_event() -> None:
    visit = [fill(), programmed(), withdrawal(day(40), "4 mL"), withdrawal(day(40, 1 / 6), "0 mL")]
    found = asked(*visit, fill(day(40, 1 / 3)), at=day(41))
    assert found.answers["running"] == "running"
    assert not {"unexpectedly-empty", "empty-at-visit"} & set(notes(found))


# Mixing, boluses, stops


def test_a_fill_on_top_of_a_remainder_mixes_drug_by_drug() -> None:
    found = asked(
        fill(components=solution("morphine", "20 mg/mL", "clonidine", "100 mcg/mL")),
        fill(volume="0.5 mL", at=day(1)) | {"components": solution("morphine", "10 mg/mL", "bupivacaine", "5 mg/mL")},
        at=day(1),
        pump="synchromed-ii-40",
    )
    rows = {row["drug"]: row for row in found.answers["components"]}
    assert rows["morphine"]["drug_mass"] == "405 mg"
    assert rows["clonidine"]["drug_mass"] == "2000 mcg"
    assert rows["bupivacaine"]["drug_mass"] == "2.5 mg"
    assert list(rows) == ["morphine", "bupivacaine", "clonidine"], "the primary of the fill is the first"
    assert "mixed" in notes(found)


def test_saline_holds_no_drug_and_thins_what_remained() -> None:
    found = asked(fill(volume="10 mL"), fill(day(0), volume="10 mL", components=[]), at=day(0))
    assert found.answers["components"] == [{"drug": "morphine", "concentration": "10 mg/mL", "drug_mass": "200 mg"}]
    assert asked(fill(components=[]), at=day(0)).answers["components"] == []


def test_boluses_leave_the_reservoir_in_addition_to_the_base() -> None:
    counted = event("bolus-log", day(10), boluses="8", drug="morphine", dose_per_bolus="250 mcg",
                    concentration="20 mg/mL")  # fmt: skip
    found = asked(fill(), programmed(), counted, at=day(10))
    assert volume_of(found) == 20 - 4 - Fraction("0.1")
    by_volume = asked(fill(), programmed(), event("bolus-log", day(10), volume="0.1 mL"), at=day(10))
    assert volume_of(by_volume) == volume_of(found)


def test_a_stopped_pump_keeps_its_volume_and_states_no_date() -> None:
    stopped = [fill(), programmed(), event("stop", day(10))]
    found = asked(*stopped, at=day(12))
    assert (found.answers["volume"], found.answers["running"]) == ("16 mL", "stopped")
    assert found.answers["projection"] == "stopped"
    assert not any(name.endswith("_at") for name in found.answers)
    assert not limit(found, "stopped_at_most").hit
    assert "stopped-48-h" not in notes(found)
    over = asked(*stopped, at=day(12, 1 / 3600))
    assert limit(over, "stopped_at_most").hit
    assert "stopped-48-h" in notes(over)
    going = asked(*stopped, event("resume", day(12)), at=day(12))
    never = asked(fill(), programmed(), at=day(10))
    shift = [datetime.fromisoformat(f.answers["low_reservoir_alarm_at"]) for f in (never, going)]
    assert shift[1] - shift[0] == timedelta(days=2), "a stop of two days moves the alarm by two days"


# A scan


def test_after_a_scan_no_date_is_stated_until_the_pump_is_interrogated() -> None:
    scanned = [fill(), programmed(), event("mri", day(10))]
    found = asked(*scanned, at=day(11))
    assert (found.answers["running"], found.answers["projection"]) == ("unknown", "unknown")
    assert (found.answers["volume"], found.answers["volume_if_it_stood"]) == ("15.6 mL", "16 mL")
    assert "mri" in notes(found)
    why = refused(*scanned, event("stop", day(11)), code="not-interrogated", pointer="/events/3/at")
    assert "record its interrogation first" in why
    known = asked(*scanned, event("interrogation", day(11)), at=day(11))
    assert (known.answers["running"], known.answers["volume"]) == ("running", "15.6 mL")


def test_what_a_scan_stopped_is_credited_only_as_the_log_says() -> None:
    scanned = [fill(), programmed(), event("mri", day(10))]
    found = asked(*scanned, event("interrogation", day(11), stopped_for="6 h"), at=day(11))
    assert volume_of(found) == Fraction("15.7")
    at_most = event("interrogation", day(11), stopped_for="24 h")
    assert asked(*scanned, at_most, at=day(11)).answers["volume"] == "16 mL"
    refused(*scanned, event("interrogation", day(11), stopped_for="24.000000001 h"), code="out-of-range",
             pointer="/events/3/stopped_for")  # fmt: skip


def test_a_pump_that_stood_ran_dry_by_so_much_later() -> None:
    scanned = [fill(), programmed(), event("mri", day(10)), event("interrogation", day(55), stopped_for="3 day")]
    found = asked(*scanned, at=day(55))
    assert found.answers["dry_since"] == day(53)


def test_a_prometra_that_is_scanned_says_that_it_must_be_empty() -> None:
    found = asked(fill(), programmed(), event("mri", day(10)), at=day(10), pump="prometra-ii-20")
    assert "mri-empty-first" in notes(found)


# Late entries and reversals


def test_a_late_entry_takes_its_place_in_time_and_is_said_to_be_late() -> None:
    bolus = event("bolus-log", day(5), id="bolus", volume="1 mL")
    visit = withdrawal(day(20), "11 mL", id="visit")
    late = asked(fill(), programmed(), visit, bolus, at=day(20))
    in_order = asked(fill(), programmed(), bolus, visit, at=day(20))
    assert late.answers["withdrawals"] == in_order.answers["withdrawals"]
    assert late.answers["withdrawals"][0]["expected_residual"] == "11 mL"
    assert "bolus" in said(late, "late-recorded")
    assert "late-recorded" not in notes(in_order)


def test_a_late_entry_that_makes_a_later_one_impossible_is_refused_where_it_stands() -> None:
    why = refused(fill(volume="10 mL"), fill(day(2), volume="10 mL"), fill(day(1), volume="1 mL"),
                    code="above-capacity", pointer="/events/2")  # fmt: skip
    assert why.startswith("With this, entry event-2 cannot stand: The reservoir of")


def test_a_reversing_entry_takes_back_and_erases_nothing() -> None:
    slip = programmed(day(1), dose="80 mg/day", id="slip")
    found = asked(fill(), programmed(), slip, event("reversal", day(1), of="slip") | {"at": None}, at=day(10))
    assert found.answers["volume"] == "16 mL"
    assert "slip" in said(found, "reversed")
    assert [e["event"] for e in found.request["events"]] == ["fill", "rate-change", "rate-change", "reversal"]


def test_what_was_known_at_an_instant_is_what_was_recorded_by_then() -> None:
    found = Ledger.of("synchromed-ii-20")
    when = {"recorded_at": START, "at": START}
    found = found.record(Fill(id="a", volume=read("20 mL", VOLUME), components=(), **when))
    later = START + timedelta(days=3)
    corrected = found.record(Withdraw(id="b", volume=read("5 mL", VOLUME), left_volume=read("15 mL", VOLUME),
                                      recorded_at=later, at=START))  # fmt: skip
    assert corrected.as_known_at(START) == found
    assert str(corrected.as_known_at(START).state_at(later).volume) == "20 mL"
    assert str(corrected.state_at(later).volume) == "15 mL"
    assert found.entries == corrected.entries[:1]
