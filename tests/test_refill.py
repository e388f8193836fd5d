"""The refill schedule: the earliest limit, its day, and everything that moves it, which is only ever earlier."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import accuracy_of, days_of, exact, fill, hard_hits, limit, lines, notes, refusal, solution, ziconotide_fill
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import calculate
from pumpcalc.quantities import FRACTION


def _schedule(**request: Any) -> Any:
    return calculate("refill-schedule", request)


def _morphine(**changes: Any) -> Any:
    return _schedule(**fill(**changes))


def _ziconotide(**changes: Any) -> Any:
    return _schedule(**ziconotide_fill(**changes))


def test_a_plain_fill_is_due_on_the_day_of_its_alarm() -> None:
    found = _morphine()
    assert found.answers == {
        "refill_by": "2026-02-10",
        "binding": "low-reservoir-alarm",
        "low_reservoir_alarm_date": "2026-02-10",
        "worst_case_alarm_date": "2026-02-05",
        "worst_case_dry_date": "2026-02-08",
        "limits": [
            {"limit": "low-reservoir-alarm", "date": "2026-02-10", "days": 36},
            {"limit": "in-pump-stability", "date": "2026-04-05", "days": 90},
            {"limit": "maximum-interval", "date": "2026-07-04", "days": 180},
        ],
    }


def test_a_naive_fill_of_ziconotide_is_due_on_day_14_however_long_its_volume_lasts() -> None:
    found = _ziconotide(fill_kind="naive", fill_volume="14 mL", daily_dose="2.4 mcg/day")
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-01-19", "in-pump-stability")
    assert days_of(found)["low-reservoir-alarm"] == 125


def test_the_largest_dose_of_ziconotide_from_20_ml_is_due_on_day_23_by_volume() -> None:
    found = _ziconotide()
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-01-28", "low-reservoir-alarm")


@pytest.mark.parametrize(
    ("kind", "strength", "days"),
    [("naive", 25, 14), ("undiluted", 25, 84), ("undiluted", 100, 84), ("diluted", 5, 40), ("diluted", 25, 40)],
)
def test_ziconotide_keeps_in_the_pump_by_the_kind_of_fill(kind: str, strength: int, days: int) -> None:
    found = _ziconotide(fill_kind=kind, components=solution("ziconotide", f"{strength} mcg/mL"))
    assert days_of(found)["in-pump-stability"] == days


def test_an_undiluted_fill_that_is_weaker_than_any_product_is_a_contradiction() -> None:
    for strength in ("5 mcg/mL", "24.999999999 mcg/mL", "0.1 mg/mL"):
        request = ziconotide_fill(components=solution("ziconotide", strength))
        if strength == "0.1 mg/mL":
            assert days_of(calculate("refill-schedule", request))["in-pump-stability"] == 84
        else:
            refusal("refill-schedule", request, "fill-kind-contradicts-concentration", "/fill_kind")


def test_a_naive_pump_that_is_filled_with_a_diluted_solution_hits_a_hard_limit() -> None:
    found = _ziconotide(fill_kind="naive", components=solution("ziconotide", "5 mcg/mL"), daily_dose="2.4 mcg/day")
    assert hard_hits(found) == ["ziconotide_fill_concentration"]


# Stability


def test_a_solution_that_the_library_does_not_know_needs_its_stability_stated() -> None:
    for request in (
        fill(components=solution("baclofen", "2000 mcg/mL"), daily_dose="300 mcg/day"),
        fill(components=solution("morphine", "20 mg/mL", "baclofen", "500 mcg/mL")),
        ziconotide_fill(components=solution("ziconotide", "25 mcg/mL", "bupivacaine", "10 mg/mL")),
    ):
        refusal("refill-schedule", request, "stability-unknown", "/stability")
        assert days_of(calculate("refill-schedule", request | {"stability": "30 day"}))["in-pump-stability"] == 30


@pytest.mark.parametrize(("stated", "days"), [("60 day", 60), ("90 day", 90), ("120 day", 90), ("60", 60), (60, 60),
                                              ("60.9", 60), ("1464 h", 61), ("30 min", 0)])  # fmt: skip
def test_the_earlier_of_what_is_held_and_what_is_stated_counts(stated: Any, days: int) -> None:
    assert days_of(_morphine(stability=stated))["in-pump-stability"] == days


def test_a_stability_of_no_time_or_of_the_wrong_form_is_refused() -> None:
    for stated, code in (("0 day", "zero"), ("90 mL", "wrong-kind"), ("90 d", None), (-90, "quantity-as-text"),
                         (90.0, "quantity-as-text"), (True, "quantity-as-text"), ("1e2", "number-format")):  # fmt: skip
        if code is None:
            refusal("refill-schedule", fill(stability=stated), "unit-unknown", "/stability")
        else:
            refusal("refill-schedule", fill(stability=stated), code, "/stability")


# Beyond use, accuracy, lead days, closed days


def test_a_beyond_use_date_bounds_the_beginning_and_not_the_interval() -> None:
    found = _morphine(beyond_use_date="2026-01-10")
    assert found.answers["refill_by"] == "2026-02-10"
    assert "beyond-use-date" not in days_of(found)
    assert not limit(found, "beyond_use_date").hit
    late = _morphine(beyond_use_date="2026-01-04")
    assert hard_hits(late) == ["beyond_use_date"]
    assert late.answers["refill_by"] == "2026-02-10"


def test_with_the_clinics_policy_a_beyond_use_date_ends_the_interval() -> None:
    found = _morphine(beyond_use_date="2026-01-10", beyond_use_caps_interval=True)
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-01-10", "beyond-use-date")
    same_day = _morphine(beyond_use_date="2026-01-05", beyond_use_caps_interval=True)
    assert same_day.answers["refill_by"] == "2026-01-05"
    past = fill(beyond_use_date="2026-01-04", beyond_use_caps_interval=True)
    refusal("refill-schedule", past, "no-day-left", "/days_before")


def test_with_the_clinics_policy_the_worst_dry_day_binds() -> None:
    found = _morphine(accuracy_caps_interval=True)
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-02-08", "accuracy")
    assert days_of(found)["accuracy"] == 34
    assert found.answers["worst_case_dry_date"] == "2026-02-08"


def test_lead_days_and_closed_days_move_the_day_earlier_and_past_each_other() -> None:
    assert _morphine(days_before="3").answers["refill_by"] == "2026-02-07"
    assert _morphine(days_before=3).answers["refill_by"] == "2026-02-07"
    closed = _morphine(days_before="3", closed_weekdays=["Saturday", "fri"], closed_dates=["2026-02-05", "2026-02-03"])
    assert closed.answers["refill_by"] == "2026-02-04"
    assert closed.request["closed_weekdays"] == ["saturday", "friday"]
    assert _morphine(closed_dates=["2026-02-11"]).answers["refill_by"] == "2026-02-10"


def test_the_fill_day_itself_is_the_last_day_that_may_be_left() -> None:
    assert _morphine(days_before="36").answers["refill_by"] == "2026-01-05"
    refusal("refill-schedule", fill(days_before="37"), "no-day-left", "/days_before")
    refusal("refill-schedule", fill(days_before="36", closed_weekdays=["monday"]), "no-day-left", "/days_before")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"days_before": "1.5"}, "whole-days", "/days_before"),
        ({"days_before": "12 h"}, "whole-days", "/days_before"),
        ({"closed_weekdays": ["funday"]}, "weekday", "/closed_weekdays"),
        ({"closed_weekdays": "saturday"}, "wrong-type", "/closed_weekdays"),
        ({"closed_weekdays": "mon tue wed thu fri sat sun".split()}, "never-open", "/closed_weekdays"),
        ({"closed_dates": ["2026-02-30"]}, "date-impossible", "/closed_dates"),
        ({"closed_dates": ["2026-02-01"] * 401}, "wrong-type", "/closed_dates"),
        ({"fill_date": None}, "one-of-two", "/fill_date"),
        ({"filled_at": "2026-01-05T09:00:00Z", "time_zone": "UTC"}, "one-of-two", "/fill_date"),
        ({"fill_date": None, "filled_at": "2026-01-05T09:00:00Z"}, "missing", "/time_zone"),
        ({"fill_date": None, "filled_at": "2026-01-05T09:00:00", "time_zone": "UTC"}, "offset-missing", "/filled_at"),
        ({"fill_date": None, "filled_at": "2026-01-05 09:00Z", "time_zone": "UTC"}, "instant-format", "/filled_at"),
        ({"fill_date": None, "filled_at": "2026-02-29T09:00:00Z", "time_zone": "UTC"}, "date-impossible", "/filled_at"),
        ({"fill_date": None, "filled_at": "2026-01-05T09:00:00Z", "time_zone": "EST"}, "time-zone", "/time_zone"),
        ({"fill_date": "2026-1-5"}, "date-format", "/fill_date"),
        ({"fill_date": 20260105}, "date-format", "/fill_date"),
        ({"beyond_use_caps_interval": "yes"}, "wrong-type", "/beyond_use_caps_interval"),
        ({"fill_kind": "first"}, "not-one-of", "/fill_kind"),
        ({"low_reservoir_alarm_volume": "20 mL"}, "out-of-range", "/low_reservoir_alarm_volume"),
        ({"fill_volume": "0 mL"}, "zero", "/fill_volume"),
        ({"components": []}, "wrong-type", "/components"),
        ({"components": solution("morphine", "20")}, "unit-missing", "/components/0/concentration"),
        ({"components": solution("morphine", "20 mg/mL", "heroin", "1 mg/mL")}, "unknown-drug", "/components/1/drug"),
        ({"components": solution("morphine", "20 mg/mL", "morphine", "1 mg/mL")}, "duplicate", "/components/1/drug"),
        ({"daily_dose": "0.000000001 mcg/day"}, "beyond-calendar", "/daily_dose"),
    ],
)
def test_a_fill_that_cannot_be_scheduled_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("refill-schedule", fill(**changes), code, pointer)


def test_ziconotide_without_its_kind_of_fill_is_refused_even_with_a_stated_stability() -> None:
    request = ziconotide_fill(fill_kind=None)
    refusal("refill-schedule", request, "missing", "/fill_kind")
    refusal("refill-schedule", request | {"stability": "14 day"}, "missing", "/fill_kind")


# Accuracy


def test_a_pump_that_can_be_dry_before_its_alarm_is_named_with_the_alarm_volume_that_avoids_it() -> None:
    assert "dry-before-alarm-possible" in notes(_ziconotide())
    enough = exact(_ziconotide(), "alarm_volume_that_warns_in_time")
    assert enough == Fraction(20) * Fraction("0.145") / Fraction("1.145")
    nanolitres = -(-enough * 10**6 // 1)
    for volume, warned in ((nanolitres, False), (nanolitres - 1, True)):
        found = _ziconotide(low_reservoir_alarm_volume=f"{Decimal(int(volume)).scaleb(-6):f} mL")
        assert ("dry-before-alarm-possible" in notes(found)) is warned


def test_the_worst_days_are_never_later_than_the_programmed_ones_and_equal_at_no_error() -> None:
    library = accuracy_of("synchromed-ii-20", "0 %", FRACTION)
    found = calculate("refill-schedule", fill(low_reservoir_alarm_volume="0 mL"), library)
    alarm = exact(found, "days_to_low_reservoir_alarm")
    assert alarm == exact(found, "days_to_alarm_volume_at_worst") == exact(found, "days_to_dry_at_worst")
    assert "dry-before-alarm-possible" not in notes(found)


# Unknown pumps, admixtures


def test_what_is_unknown_of_a_pump_is_listed_and_never_defaulted() -> None:
    found = _ziconotide(pump="synchromed-iii-20", fill_volume="999 mL")
    assert not {"worst_case_alarm_date", "worst_case_dry_date"} & set(found.answers)
    assert set(days_of(found)) == {"low-reservoir-alarm", "in-pump-stability"}
    assert not [each for each in found.limits if each.name in ("reservoir_volume", "minimum_flow_rate")]
    assert "worst-case-unknown" in notes(found)
    unread = ("reservoir_volume", "minimum_flow_rate", "maximum_flow_rate", "flow_accuracy", "maximum_refill_interval")
    assert set(found.unknown) >= {f"synchromed-iii-20.{figure}" for figure in unread}


def test_a_calculation_that_needs_an_unknown_figure_is_refused() -> None:
    with pytest.raises(Exception, match=r"needs synchromed-iii-20.flow_accuracy, which the library does not hold"):
        _ziconotide(pump="synchromed-iii-20", accuracy_caps_interval=True)


def test_one_flow_drives_every_drug_and_every_component_is_checked() -> None:
    mixed = solution("morphine", "20 mg/mL", "ziconotide", "25 mcg/mL", "baclofen", "2001 mcg/mL")
    found = _morphine(components=mixed, stability="28 day", daily_dose="20 mg/day", fill_kind="undiluted")
    assert exact(found, "flow_rate") == 1
    assert (exact(found, "daily_dose_2"), exact(found, "daily_dose_3")) == (25, 2001)
    assert hard_hits(found) == ["maximum_daily_dose"]
    names = {each.name for each in found.limits_hit if not each.name.startswith("usual_")}
    assert names == {"maximum_daily_dose", "caution_daily_dose", "strongest_product", "fda_2018_statement"}
    assert "admixture" in notes(found)
    graded = [note.text for note in found.notes if note.code == "missed-refill"]
    assert [text.rsplit(" ", 1)[1] for text in graded] == ["high.", "analgesia-loss.", "critical."]


# The day of the fill


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-01-06T03:30:00Z", "America/New_York", "2026-01-05"),
        ("2026-01-05T23:59:59-05:00", "America/New_York", "2026-01-05"),
        ("2026-01-06T00:00:00-05:00", "America/New_York", "2026-01-06"),
        ("2026-01-05T12:00:00Z", "Pacific/Kiritimati", "2026-01-06"),
        ("2026-01-05T12:00:00Z", "Pacific/Pago_Pago", "2026-01-05"),
        # Daylight saving begins at 02:00 on 8 March 2026 and ends at 02:00 on 1 November 2026.
        ("2026-03-08T04:59:59Z", "America/New_York", "2026-03-07"),
        ("2026-03-08T05:00:00Z", "America/New_York", "2026-03-08"),
        ("2026-03-09T03:59:59Z", "America/New_York", "2026-03-08"),
        ("2026-03-09T04:00:00Z", "America/New_York", "2026-03-09"),
        ("2026-11-01T03:59:59Z", "America/New_York", "2026-10-31"),
        ("2026-11-01T04:00:00Z", "America/New_York", "2026-11-01"),
        ("2026-11-02T04:59:59Z", "America/New_York", "2026-11-01"),
        ("2026-11-02T05:00:00Z", "America/New_York", "2026-11-02"),
    ],
)
def test_the_fill_counts_from_the_clinics_own_calendar_day(instant: str, zone: str, day: str) -> None:
    found = _morphine(fill_date=None, filled_at=instant, time_zone=zone)
    assert lines(found)["fill_date"].value == day
    due = date.fromisoformat(found.answers["refill_by"])
    assert (due - date.fromisoformat(day)).days == 36, "a day is a day, on a day of 23 hours and of 25 alike"
    assert calculate("refill-schedule", found.request).answers == found.answers


BOLUSES = {"dose_per_bolus": "0.25 mg", "lockout": "4 h", "boluses_per_day": 4}


def test_every_allotted_bolus_is_counted_as_the_pump_itself_does() -> None:
    # PTC Guide p5: 20 mL with 2 mL reserve at 0.25 mL/day lasts 72 days on base alone, 60 with all four boluses.
    base = calculate("refill-schedule", fill(daily_dose="5 mg/day"))
    found = calculate("refill-schedule", fill(daily_dose="5 mg/day", **BOLUSES))
    assert (days_of(base)["low-reservoir-alarm"], days_of(found)["low-reservoir-alarm"]) == (72, 60)
    assert exact(found, "flow_rate_with_boluses") == Fraction(3, 10)
    assert {"boluses-counted"} <= set(notes(found))


@given(st.integers(1, 24), st.integers(1, 30), st.integers(1, 400))
def test_boluses_never_make_a_refill_later(lockout: int, allotted: int, hundredths: int) -> None:
    boluses = {"dose_per_bolus": f"0.{hundredths:03} mg", "lockout": f"{lockout} h", "boluses_per_day": allotted}
    base = calculate("refill-schedule", fill())
    found = calculate("refill-schedule", fill(**boluses))
    assert all(days <= days_of(base)[limit] for limit, days in days_of(found).items())


@pytest.mark.parametrize("left_out", list(BOLUSES))
def test_a_bolus_is_stated_whole_or_not_at_all(left_out: str) -> None:
    stated = {name: value for name, value in BOLUSES.items() if name != left_out}
    refusal("refill-schedule", fill(**stated), "missing", f"/{left_out}")


def test_a_mixture_is_held_to_its_limits_on_a_day_with_every_bolus() -> None:
    parts = solution("morphine", "20 mg/mL", "ziconotide", "5 mcg/mL")
    asked = fill(components=parts, daily_dose="10 mg/day", fill_kind="diluted", **BOLUSES | {"dose_per_bolus": "20 mg"})
    found = calculate("refill-schedule", asked)
    assert limit_hits(found, "maximum_daily_dose") == ["22.5 mcg/day"]


def limit_hits(found: Any, name: str) -> list[str]:
    return [each.actual for each in found.limits_hit if each.name == name]


@pytest.mark.parametrize(
    ("replace_by", "hit"), [("2026-05-30", False), ("2026-05-31", True), ("2026-06-15", True), (None, None)]
)
def test_a_pump_stops_90_days_after_its_indicator_whatever_a_programmer_shows(
    replace_by: str | None, hit: bool | None
) -> None:
    asked = fill(daily_dose="1 mg/day", stability="180 day", replacement_indicator_date="2026-03-01",
                 replace_by_date=replace_by)  # fmt: skip
    found = calculate("refill-schedule", asked)
    assert {row["limit"]: row["date"] for row in found.answers["limits"]}["end-of-service"] == "2026-05-30"
    assert [each.hit for each in found.limits if each.name == "replace_by_date"] == ([] if hit is None else [hit])


def test_the_end_of_service_binds_when_it_comes_first() -> None:
    found = calculate("refill-schedule", fill(replacement_indicator_date="2025-11-01"))
    assert (found.answers["binding"], found.answers["refill_by"]) == ("end-of-service", "2026-01-30")


def test_no_fill_of_a_pump_that_has_stopped_is_planned_and_no_day_of_replacement_stands_alone() -> None:
    asked = fill(replacement_indicator_date="2025-10-01")
    refusal("refill-schedule", asked, "past-end-of-service", "/replacement_indicator_date")
    asked = fill(replace_by_date="2026-05-01")
    refusal("refill-schedule", asked, "missing", "/replacement_indicator_date")
    asked = fill(pump="synchromed-iii-20", replacement_indicator_date="2026-01-01")
    refusal("refill-schedule", asked, "not-in-library", "/replacement_indicator_date")


WEEK = {
    "base_rate": "0.01 mg/h",
    "day_total": "0.24 mg/day",
    "groups": [
        {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"], "day_total": "0.315 mg/day",
         "steps": [{"start": "06:00", "end": "09:00", "dose": "0.075 mg"},
                   {"start": "21:00", "end": "22:00", "dose": "0.04 mg"}]},
    ],
}  # fmt: skip


def scheduled(**changes: Any) -> dict[str, Any]:
    """Baclofen 0.5 mg/mL, 315 mcg on weekdays and 240 mcg at weekends, filled on a Thursday at noon in New York."""
    plain = {
        "fill_date": None, "filled_at": "2026-02-26T12:00:00-05:00", "time_zone": "America/New_York",
        "components": solution("baclofen", "0.5 mg/mL"), "daily_dose": "0.293571 mg/day", "stability": "77 day",
    }  # fmt: skip
    return fill(**plain | WEEK | changes)


def test_a_fill_under_a_day_schedule_is_walked_over_the_real_calendar() -> None:
    # 18 mL of 0.5 mg/mL are 9 mg. A week is 2.055 mg: four weeks 8.22 mg, 0.78 mg are left at Thursday noon. From noon,
    # Thursday 0.15 (11 h at base, 0.04 at nine), Friday 0.315, Saturday 0.24 make 0.705; 0.075 mg of Sunday are 7.5 h.
    found = calculate("refill-schedule", scheduled())
    walked = exact(found, "days_to_low_reservoir_alarm")
    assert walked == 28 + Fraction(1, 2) + 2 + Fraction(75, 240)
    assert days_of(found)["low-reservoir-alarm"] == 30
    of_fill = ("pump", "fill_volume", "low_reservoir_alarm_volume", "filled_at", "time_zone")
    asked = {name: scheduled()[name] for name in of_fill} | {"drug": "baclofen", "concentration": "0.5 mg/mL"}
    same = calculate("day-schedule", asked | WEEK)
    assert exact(same, "days_to_low_reservoir_alarm") == walked


def test_the_worst_case_of_a_schedule_is_the_walk_of_what_the_programme_counts_when_the_pump_runs_fast() -> None:
    found = calculate("refill-schedule", scheduled())
    assert exact(found, "usable_volume_when_fast") == 18 / Fraction("1.145")
    alarm, worst = (exact(found, f"days_to_{name}") for name in ("low_reservoir_alarm", "alarm_volume_at_worst"))
    assert worst < alarm
    assert found.answers["worst_case_alarm_date"] < found.answers["low_reservoir_alarm_date"]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"daily_dose": "0.3 mg/day"}, "day-total-mismatch", "/daily_dose"),
        ({"base_rate": None}, "missing", "/base_rate"),
        ({"filled_at": None, "time_zone": None, "fill_date": "2026-02-26"}, "missing", "/filled_at"),
        ({"day_total": "5.76 mg/day"}, "day-total-mismatch", "/day_total"),
        (BOLUSES | {"dose_per_bolus": "0.01 mg"}, "one-of-two", "/dose_per_bolus"),
    ],
)
def test_a_schedule_that_does_not_fit_the_fill_is_refused(change: dict[str, Any], code: str, pointer: str) -> None:
    refusal("refill-schedule", scheduled(**change), code, pointer)


def test_fourteen_steps_a_day_are_a_hard_limit_of_a_fill_too() -> None:
    steps = [{"start": f"{hour:02}:00", "end": f"{hour:02}:30", "dose": "0.005 mg"} for hour in range(14)]
    group = {"weekdays": WEEK["groups"][0]["weekdays"], "day_total": "0.24 mg/day", "steps": steps}  # type: ignore[index]
    found = calculate("refill-schedule", scheduled(groups=[group], daily_dose="0.24 mg/day"))
    assert "most_steps_per_day" in hard_hits(found)
