"""What holds for every choice of a concentration, and what the other calculators say of the same fill."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from asking import choice, exact
from drawing import canonical, in_units, numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pumpcalc import Calculation, calculate
from pumpcalc.library import load


def _chosen(asked: dict[str, Any]) -> Calculation:
    return calculate("choose-concentration", asked)


# Against the other calculators


@settings(max_examples=60)
@given(
    st.sampled_from((("morphine", "mg", "0.5", "12"), ("ziconotide", "mcg", "0.5", "19.2"))),
    st.data(),
    st.sampled_from((8, 10, 16, 20)),
    st.booleans(),
)
def test_what_is_offered_is_what_the_refill_schedule_and_the_compounding_sheet_say(
    drug: tuple[str, str, str, str], data: st.DataObject, fill: int, naive: bool
) -> None:
    name, mass, low, high = drug
    dose = f"{data.draw(numbers(low, high, 2))} {mass}/day"
    found = _chosen(choice(drug=name, daily_dose=dose, fill_volume=f"{fill} mL", naive_pump=naive))
    for row in found.answers["options"]:
        kind = "naive" if naive else "undiluted" if row["diluent_volume"] == "0 mL" else "diluted"
        component = {"drug": name, "concentration": row["concentration"]}
        refill = calculate("refill-schedule", {
            "pump": "synchromed-ii-20", "fill_date": "2026-01-05", "fill_volume": f"{fill} mL",
            "low_reservoir_alarm_volume": "2 mL", "components": [component], "daily_dose": dose, "fill_kind": kind,
        })  # fmt: skip
        assert f"{exact(refill, 'days_that_fit')} day" == row["interval"]
        assert refill.answers["binding"] == row["binding"]
        assert exact(refill, "flow_rate") == exact(found, found.answer_lines[_place(found, row, "flow_rate")])
        assert not [each for each in refill.limits_hit if each.name.endswith("flow_rate")]
        sheet = calculate("compounding", {
            "final_volume": f"{fill} mL", "components": [component | {"product": row["product"]}],
        })  # fmt: skip
        (made,) = sheet.answers["components"]
        assert (made["stock_volume"], made["vials"]) == (row["stock_volume"], row["vials"])
        assert sheet.answers["diluent_volume"] == row["diluent_volume"]


def _place(found: Calculation, row: dict[str, Any], key: str) -> str:
    return f"/options/{found.answers['options'].index(row)}/{key}"


# What holds for every order


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    drug, mass, low, high = draw(
        st.sampled_from((("morphine", "mg", "0.5", "20"), ("ziconotide", "mcg", "0.2", "19.2")))
    )
    size = draw(st.sampled_from((20, 40)))
    pump = draw(st.sampled_from(("synchromed-ii", "prometra-ii")))
    return choice(
        drug=drug,
        daily_dose=f"{draw(numbers(low, high))} {mass}/day",
        pump=f"{pump}-{size}",
        fill_volume=f"{draw(numbers('4.5', str(size), 1))} mL",
    )


def _longest(found: Calculation) -> int:
    return max((int(row["interval"].partition(" ")[0]) for row in found.answers["options"]), default=0)


@settings(max_examples=40)
@given(orders())
def test_what_is_opened_is_what_the_patient_gets_and_what_is_wasted(asked: dict[str, Any]) -> None:
    found = _chosen(asked)
    for n, row in enumerate(found.answers["options"], start=1):
        product = row["product"].replace("-", "_")
        opened = (
            row["vials"]
            * exact(found, f"vial_volume_of_{product}")
            * exact(found, f"concentration_of_{product}", "mcg/mL")
        )
        got = exact(found, f"interval_{n}") * exact(found, "daily_dose", "mcg/day")
        assert opened == got + exact(found, f"waste_{n}", "mcg")
        assert exact(found, f"left_in_vials_{n}") >= 0
        assert exact(found, f"left_in_pump_{n}") > 0
        assert exact(found, f"dose_delivered_{n}", "mcg/day") == exact(found, "daily_dose", "mcg/day")


@settings(max_examples=40)
@given(orders(), st.integers(1, 120), st.sampled_from(("2.5 mL", "3 mL", "4 mL")))
def test_nothing_that_is_asked_more_makes_the_longest_interval_longer(
    asked: dict[str, Any], days: int, alarm: str
) -> None:
    longest = _longest(_chosen(asked))
    dose, unit = asked["daily_dose"].split(" ")
    for stricter in (
        {"wanted_interval": str(days)},
        {"stability": str(days)},
        {"low_reservoir_alarm_volume": alarm},
        {"highest_planned_dose": f"{Decimal(dose) * 2:f} {unit}"},
        {"products": [load().drugs[asked["drug"]].products[days % 4].id]},
    ):
        assert _longest(_chosen(asked | stricter)) <= longest


@settings(max_examples=40)
@given(orders())
def test_no_option_is_as_long_and_more_wasteful_or_shorter_and_as_wasteful_as_another(asked: dict[str, Any]) -> None:
    found = _chosen(asked)
    pairs = [
        (exact(found, f"interval_{n}"), exact(found, f"waste_{n}", "mcg"))
        for n in range(1, len(found.answers["options"]) + 1)
    ]
    assert pairs == sorted(pairs, key=lambda pair: (-pair[0], pair[1]))
    assert all(a == b or (a[0] > b[0] and a[1] > b[1]) for a, b in itertools.pairwise(pairs))


@settings(max_examples=40)
@given(orders(), st.sampled_from(("mcg/day", "mg/day", "mcg/h", "mg/h")))
def test_the_choice_does_not_depend_on_the_unit_of_the_dose(asked: dict[str, Any], unit: str) -> None:
    written = in_units(*asked["daily_dose"].split(" "), unit)
    assume(written is not None)
    again = _chosen(asked | {"daily_dose": written})
    found = _chosen(asked)
    assert again.answers["options"] == found.answers["options"]
    reasons = [[(row["option"], row["reason"]) for row in each.answers["not_listed"]] for each in (again, found)]
    assert reasons[0] == reasons[1]
    assert canonical(again) == canonical(found)
