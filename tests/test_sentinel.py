"""The entry sentinel: every slip outside what is usual is caught, and an ordinary plan raises no alarm."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from typing import Any

import pytest
from asking import fill, flow, limit, notes, solution

import pumpcalc
from pumpcalc import calculate
from pumpcalc.library import load
from pumpcalc.quantities import write

_ALARMS = {"possible-slip", "outside-usual-band", "slip-against-last", "other-reservoir-size"}
_MASS = {"morphine": "mg", "ziconotide": "mcg", "baclofen": "mcg"}
_FACTORS = [Fraction(10), Fraction(1, 10), Fraction(100), Fraction(1, 100), Fraction(1000), Fraction(1, 1000)]
_SEED = 20261125
_PLANS = int(os.environ.get("PUMPCALC_PLANS", "1000"))
"""How many plans are drawn. The figure of the closing note is taken with PUMPCALC_PLANS=10000."""


def _note(found: pumpcalc.Calculation, code: str) -> str:
    (text,) = [note.text for note in found.notes if note.code == code]
    return text


def _ordinary(dice: random.Random) -> dict[str, Any]:
    """A plan inside what the labels call ordinary, deliverable by a SynchroMed II, its last fill a step away."""
    drug = dice.choice(sorted(_MASS))
    size = dice.choice([20, 40])
    strengths = {"morphine": ("1", "5", "10", "20", "25"), "ziconotide": ("5", "25", "100"),
                 "baclofen": ("500", "1000", "2000")}[drug]  # fmt: skip
    strength = Fraction(dice.choice(strengths))
    usual = load().drugs[drug].usual_daily_dose
    unit = Fraction(1000 if _MASS[drug] == "mg" else 1)
    most = load().drugs[drug].maximum_daily_dose.quantity or usual.at_most.required()
    low = max(usual.at_least.required().amount / unit, strength * Fraction(48, 1000))
    high = min(most.amount / unit, usual.at_most.required().amount / unit, strength * 2)
    tenths = dice.randint(-(-low * 10 // 1), max(-(-low * 10 // 1), high * 10 // 1))
    dose = Fraction(tenths, 10)
    last = dose * Fraction(dice.randint(70, 130), 100)
    volume = size if dice.random() < 0.5 else size - dice.randint(1, 6)
    kind = {"5": "diluted"}.get(str(strength), dice.choice(["diluted", "undiluted"]))
    return fill(
        pump=f"synchromed-ii-{size}",
        fill_volume=f"{volume} mL",
        components=solution(drug, f"{strength} {_MASS[drug]}/mL"),
        daily_dose=write(dose, f"{_MASS[drug]}/day"),
        stability="120 day" if drug == "baclofen" else None,
        fill_kind=kind if drug == "ziconotide" else None,
        last_accepted={
            "daily_dose": write(last, f"{_MASS[drug]}/day"),
            "concentration": f"{strength} {_MASS[drug]}/mL",
            "fill_volume": f"{size} mL",
        },
    )


def test_an_ordinary_plan_raises_no_alarm() -> None:
    dice = random.Random(_SEED)
    for _ in range(_PLANS):
        plan = _ordinary(dice)
        found = calculate("refill-schedule", plan)
        assert not _ALARMS & set(notes(found)), plan
        assert not [each for each in found.limits_hit if each.name.startswith("usual_")], plan


def test_every_slip_that_leaves_the_usual_band_is_a_soft_limit_with_its_reason() -> None:
    dice = random.Random(_SEED + 1)
    caught = 0
    for _ in range(_PLANS):
        plan = _ordinary(dice)
        drug = plan["components"][0]["drug"]
        usual = load().drugs[drug].usual_daily_dose
        number, unit = plan["daily_dose"].split(" ")
        slipped = Fraction(number) * dice.choice(_FACTORS)
        amount = slipped * (1000 if unit.startswith("mg") else 1)
        if usual.at_least.required().amount <= amount <= usual.at_most.required().amount or slipped < Fraction(
            1, 10**6
        ):
            continue
        asked = flow(drug=drug, daily_dose=write(slipped, unit), concentration=plan["components"][0]["concentration"])
        found = calculate("flow-rate", asked)
        hit = [each for each in found.limits_hit if each.name.startswith("usual_daily_dose")]
        assert [each.level for each in hit] == ["soft"], asked
        if amount < usual.at_least.required().amount and usual.at_least.status != "verified":
            assert "outside-usual-band" in notes(found), asked
        else:
            assert plan["daily_dose"] in _note(found, "possible-slip"), asked
        caught += 1
    assert caught > _PLANS // 2


@pytest.mark.parametrize(
    ("dose", "words", "inside"),
    [
        ("200 mg/day", "two hundred milligrams per day", "20 mg/day (this is ten times that)"),
        ("5 mcg/day", "five micrograms per day", "5 mg/day (the same number, in another unit)"),
        ("10 mg/h", "ten milligrams per hour", "10 mg/day (the same number, in another unit)"),
    ],
)
def test_a_probable_slip_is_read_back_in_words_with_what_would_be_usual(dose: str, words: str, inside: str) -> None:
    text = _note(calculate("flow-rate", flow(daily_dose=dose)), "possible-slip")
    assert words in text
    assert inside in text


@pytest.mark.parametrize(
    ("dose", "name", "hit"),
    [
        ("20 mg/day", "usual_daily_dose_at_most", False),
        ("20.000000001 mg/day", "usual_daily_dose_at_most", True),
        ("0.05 mg/day", "usual_daily_dose_at_least", False),
        ("0.049999999 mg/day", "usual_daily_dose_at_least", True),
    ],
)
def test_the_ends_of_what_is_usual_are_inside(dose: str, name: str, hit: bool) -> None:
    assert limit(calculate("flow-rate", flow(daily_dose=dose)), name).hit is hit


@pytest.mark.parametrize(
    ("now", "last", "said"),
    [
        ("10 mg/day", "1 mg/day", "ten times"),
        ("1 mg/day", "10 mg/day", "a tenth of"),
        ("12 mg/day", "0.5 mg/day", "per hour for per day"),
        ("5 mg/day", "5 mcg/day", "mg for mcg"),
        ("9 mg/day", "1 mg/day", "ten times"),
        ("15 mg/day", "1 mg/day", "15 times"),
        ("1 mg/day", "17 mg/day", "0.0588235 times"),
    ],
)
def test_a_value_near_a_slip_of_the_last_accepted_one_is_read_back(now: str, last: str, said: str) -> None:
    found = calculate("refill-schedule", fill(daily_dose=now, last_accepted={"daily_dose": last}))
    assert said in _note(found, "slip-against-last")
    assert [one.level for one in found.limits_hit if "against_last" in one.name] == ["soft"]


@pytest.mark.parametrize(
    ("now", "hit"),
    [
        ("8 mg/day", []),
        ("8.000000001 mg/day", ["daily_dose_against_last_at_most"]),
        ("0.12 mg/day", []),
        ("0.119999999 mg/day", ["daily_dose_against_last_at_least"]),
    ],
)
def test_near_ten_times_and_a_tenth_of_the_last_accepted_value_begin_at_a_bound(now: str, hit: list[str]) -> None:
    found = calculate("refill-schedule", fill(daily_dose=now, last_accepted={"daily_dose": "1 mg/day"}))
    assert [one.name for one in found.limits_hit if "against_last" in one.name] == hit
    assert ("slip-against-last" in notes(found)) is bool(hit)


@pytest.mark.parametrize("last", ["7 mg/day", "10 mg/day", "13 mg/day", "5 mg/day", "20 mg/day"])
def test_an_ordinary_change_of_dose_is_not_a_slip(last: str) -> None:
    assert "slip-against-last" not in notes(calculate("refill-schedule", fill(last_accepted={"daily_dose": last})))


def test_the_reservoir_of_the_other_size_is_asked_about() -> None:
    assert "other-reservoir-size" in notes(calculate("refill-schedule", fill(fill_volume="40 mL")))
    assert "other-reservoir-size" in notes(calculate("refill-schedule", fill(pump="synchromed-ii-40")))
    assert "other-reservoir-size" not in notes(calculate("refill-schedule", fill()))


def test_a_dose_of_exactly_the_maximum_says_that_nothing_is_left() -> None:
    at = calculate("flow-rate", flow(drug="ziconotide", daily_dose="19.2 mcg/day", concentration="25 mcg/mL"))
    below = calculate("flow-rate", flow(drug="ziconotide", daily_dose="19.1 mcg/day", concentration="25 mcg/mL"))
    assert "at-maximum" in notes(at)
    assert "at-maximum" not in notes(below)


def test_an_oral_total_past_any_regimen_is_read_back_and_not_refused() -> None:
    asked = {"table": "cdc-2022", "regimen": [{"opioid": "morphine", "daily_dose": "100000 mg/day"}]}
    found = calculate("oral-morphine-equivalent", asked)
    assert limit(found, "usual_total_at_most").hit
    assert "one hundred thousand milligrams per day" in _note(found, "possible-slip")
    asked["regimen"] = [{"opioid": "morphine", "daily_dose": "3000 mg/day"}]  # type: ignore[assignment]
    assert not calculate("oral-morphine-equivalent", asked).limits_hit


def test_a_dose_and_a_flow_that_are_swapped_are_said_to_be() -> None:
    with pytest.raises(pumpcalc.Refusal) as caught:
        calculate("concentration", {"drug": "morphine", "daily_dose": "0.5 mL/day", "flow_rate": "10 mg/day"})
    assert [problem.pointer for problem in caught.value.problems] == ["/daily_dose", "/flow_rate"]
    assert all("the two look swapped" in problem.detail for problem in caught.value.problems)


def test_a_percentage_is_refused_with_what_it_would_be_in_mg_per_ml() -> None:
    with pytest.raises(pumpcalc.Refusal) as caught:
        calculate("flow-rate", flow(concentration="0.1 %"))
    assert "1 % is 10 mg/mL" in caught.value.problems[0].detail


def test_a_low_dose_is_never_made_to_look_like_a_higher_one_by_a_figure_that_is_not_verified() -> None:
    found = calculate("flow-rate", flow(drug="hydromorphone", daily_dose="0.05 mg/day", concentration="1 mg/mL"))
    assert "Inside would be" not in _note(found, "outside-usual-band")
    high = calculate("flow-rate", flow(drug="hydromorphone", daily_dose="250 mg/day", concentration="10 mg/mL"))
    assert "25 mg/day (this is ten times that)" in _note(high, "possible-slip")


def test_a_drug_whose_dose_nothing_can_check_says_so() -> None:
    found = calculate("flow-rate", flow(drug="fentanyl", daily_dose="1 mg/day", concentration="1 mg/mL"))
    assert {"dose-not-checked", "not-approved-for-pain"} <= set(notes(found))
    assert "dose-not-checked" not in notes(calculate("flow-rate", flow()))


@pytest.mark.parametrize(
    ("written", "meant"), [("fentanil", None), ("morphin", "morphine"), ("ZICONOTIDE", "ziconotide")]
)
def test_a_name_that_is_like_two_drugs_is_not_guessed(written: str, meant: str | None) -> None:
    with pytest.raises(pumpcalc.Refusal) as caught:
        calculate("flow-rate", flow(drug=written))
    assert caught.value.problems[0].did_you_mean == meant


def test_only_the_table_of_2016_is_superseded() -> None:
    assert [name for name, table in load().tables.items() if table.superseded] == ["cdc-2016"]
