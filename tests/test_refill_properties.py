"""Nothing makes a refill later: not a larger dose, flow, alarm volume or error, nor one more limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import accuracy_of, days_of, fill, lines, solution
from drawing import canonical, in_units, numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pumpcalc import Calculation, Refusal, calculate
from pumpcalc.quantities import FRACTION

_START = date(2026, 1, 5)


@given(numbers("0.05", "40"), numbers("0.5", "50"), numbers("3", "20"))
def test_the_refill_does_not_depend_on_the_units_asked_in(dose: str, strength: str, volume: str) -> None:
    def asked(dose_in: str, strength_in: str) -> Calculation | None:
        try:
            made = solution("morphine", strength_in)
            return calculate("refill-schedule", fill(components=made, daily_dose=dose_in, fill_volume=f"{volume} mL"))
        except Refusal:
            return None

    milli = asked(f"{dose} mg/day", f"{strength} mg/mL")
    micro = asked(str(in_units(dose, "mg/day", "mcg/day")), str(in_units(strength, "mg/mL", "mcg/mL")))
    assert (milli is None) == (micro is None)
    if milli is not None and micro is not None:
        assert milli.answers == micro.answers
        assert canonical(milli) == canonical(micro)


# Refill


@st.composite
def fills(draw: st.DrawFn) -> dict[str, Any]:
    """A morphine fill with whatever else a clinic may state."""
    volume = draw(numbers("2.5", "20", 2))
    request = fill(
        fill_volume=f"{volume} mL",
        low_reservoir_alarm_volume=f"{draw(numbers('0', '2.4', 2))} mL",
        components=solution("morphine", f"{draw(numbers('5', '25', 1))} mg/mL"),
        daily_dose=f"{draw(numbers('0.5', '8', 2))} mg/day",
        pump=draw(st.sampled_from(("synchromed-ii-20", "prometra-ii-20"))),
    )
    for field, value in (
        ("days_before", str(draw(st.integers(0, 5)))),
        ("closed_weekdays", draw(st.lists(st.sampled_from(("monday", "friday", "saturday", "sunday")), max_size=4))),
        ("closed_dates", [str(_START + timedelta(days=d)) for d in draw(st.lists(st.integers(0, 60), max_size=8))]),
        ("stability", f"{draw(st.integers(1, 120))} day"),
        ("accuracy_caps_interval", draw(st.booleans())),
    ):
        if draw(st.booleans()):
            request[field] = value
    return request


def _due(request: dict[str, Any], shelf: Any = None) -> int | None:
    """Days until the refill; None when no day is left."""
    try:
        found = calculate("refill-schedule", request, shelf)
    except Refusal as refusal:
        if refusal.problems[0].code != "no-day-left":
            raise
        return None
    return (date.fromisoformat(found.answers["refill_by"]) - _START).days


def _never_later(request: dict[str, Any], stricter: dict[str, Any], shelf: Any = None, other: Any = None) -> None:
    before, after = _due(request, shelf), _due(stricter, other)
    assert after is None or (before is not None and after <= before)


def _more(text: str, by: str) -> str:
    number, unit = text.split(" ")
    return f"{Decimal(number) + Decimal(by):f} {unit}"


def _higher_alarm(request: dict[str, Any], by: str) -> str:
    """A larger alarm volume that is still below every fill."""
    return min(_more(request["low_reservoir_alarm_volume"], by), "2.45 mL", key=lambda text: Decimal(text[:-3]))


_STRICTER: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "a_larger_dose": lambda r, by: r | {"daily_dose": _more(r["daily_dose"], by)},
    "a_larger_flow": lambda r, by: r | {"components": solution("morphine", f"{5 / (1 + Decimal(by)):.6f} mg/mL")},
    "a_larger_alarm_volume": lambda r, by: r | {"low_reservoir_alarm_volume": _higher_alarm(r, by)},
    "a_beyond_use_date_that_caps": lambda r, by: r | {
        "beyond_use_date": str(_START + timedelta(days=int(Decimal(by)))), "beyond_use_caps_interval": True},
    "a_stated_stability": lambda r, by: r if "stability" in r else r | {"stability": f"{int(Decimal(by)) + 1} day"},
    "an_accuracy_that_caps": lambda r, _: r | {"accuracy_caps_interval": True},
    "more_lead_days": lambda r, by: r | {"days_before": str(int(r.get("days_before", "0")) + int(Decimal(by)))},
    "another_closed_day": lambda r, _: r | {"closed_weekdays": [*r.get("closed_weekdays", ()), "wednesday"]},
}  # fmt: skip


@pytest.mark.parametrize("stricter", _STRICTER)
@settings(max_examples=80)
@given(fills(), numbers("0", "40", 2))
def test_it_never_makes_the_refill_later(stricter: str, request_: dict[str, Any], by: str) -> None:
    _never_later(request_, _STRICTER[stricter](request_, by))


@settings(max_examples=80)
@given(fills(), numbers("0", "30", 1), numbers("0", "30", 1))
def test_a_larger_error_of_the_pump_never_makes_the_refill_later(
    request_: dict[str, Any], one: str, other: str
) -> None:
    low, high = sorted((one, other), key=Fraction)
    pump = request_["pump"]
    request_["accuracy_caps_interval"] = True
    _never_later(request_, request_, accuracy_of(pump, f"{low} %", FRACTION), accuracy_of(pump, f"{high} %", FRACTION))


@settings(max_examples=80)
@given(fills(), numbers("0", "10", 2))
def test_a_larger_fill_never_makes_the_refill_earlier(request_: dict[str, Any], by: str) -> None:
    _never_later(request_ | {"fill_volume": _more(request_["fill_volume"], by)}, request_)


@given(fills())
def test_the_refill_is_on_an_open_day_not_after_any_limit_and_the_binding_limit_is_the_earliest(
    request_: dict[str, Any],
) -> None:
    assume(_due(request_) is not None)
    found = calculate("refill-schedule", request_)
    by = date.fromisoformat(found.answers["refill_by"])
    assert by >= _START
    assert by + timedelta(days=int(request_.get("days_before", "0"))) <= date.fromisoformat(
        lines(found)["last_safe_day"].value
    )
    assert by.strftime("%A").lower() not in request_.get("closed_weekdays", ())
    assert str(by) not in request_.get("closed_dates", ())
    rows = found.answers["limits"]
    assert all(by <= date.fromisoformat(row["date"]) for row in rows)
    assert all(date.fromisoformat(row["date"]) == _START + timedelta(days=row["days"]) for row in rows)
    assert days_of(found)[found.answers["binding"]] == min(row["days"] for row in rows)
    assert str(by) <= found.answers["low_reservoir_alarm_date"]
    assert found.answers["worst_case_alarm_date"] <= found.answers["low_reservoir_alarm_date"]
    assert found.answers["worst_case_alarm_date"] <= found.answers["worst_case_dry_date"]
    settled = {key: value for key, value in request_.items() if not key.startswith("closed")}
    assert _due(request_) <= _due(settled)  # type: ignore[operator]


@given(numbers("1.2", "19.2"), numbers("2.1", "20"), st.sampled_from(("naive", "undiluted", "diluted")))
def test_a_fill_of_ziconotide_never_outlasts_its_label(dose: str, volume: str, kind: str) -> None:
    request = fill(components=solution("ziconotide", "25 mcg/mL"), daily_dose=f"{dose} mcg/day",
                   fill_volume=f"{volume} mL", fill_kind=kind)  # fmt: skip
    days = _due(request)
    assert days is not None
    assert days <= {"naive": 14, "undiluted": 84, "diluted": 40}[kind]
