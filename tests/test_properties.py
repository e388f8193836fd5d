"""What holds for every dose, flow and fill, not only for the ones that somebody thought of."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import Any

from asking import exact, flow, hard_hits, ladder, limit, oral
from drawing import canonical, in_units, numbers
from hypothesis import assume, given
from hypothesis import strategies as st

from pumpcalc import Calculation, calculate, library

DOSES, STRENGTHS, FLOWS = numbers("0.05", "40"), numbers("0.5", "50"), numbers("0.02", "5")
_OPIOIDS = sorted(library.load().opioids)


# Units


@given(DOSES, STRENGTHS, st.sampled_from(("mg/day", "mcg/day", "mg/h", "mcg/h")), st.sampled_from(("mg/mL", "mcg/mL")))
def test_the_flow_does_not_depend_on_the_units_asked_in(dose: str, strength: str, per: str, over: str) -> None:
    plain = {"drug": "morphine", "daily_dose": f"{dose} mg/h", "concentration": f"{strength} mg/mL",
             "pump": "synchromed-ii-20"}  # fmt: skip
    other_dose, other_strength = in_units(dose, "mg/h", per), in_units(strength, "mg/mL", over)
    assume(other_dose is not None and other_strength is not None)
    asked = calculate("flow-rate", plain)
    again = calculate("flow-rate", plain | {"daily_dose": other_dose, "concentration": other_strength})
    assert canonical(asked) == canonical(again)
    assert [(each.name, each.hit) for each in asked.limits] == [(each.name, each.hit) for each in again.limits]


# Dose, flow, concentration


@given(DOSES, STRENGTHS)
def test_the_dose_is_exactly_the_flow_times_the_concentration(dose: str, strength: str) -> None:
    found = calculate("flow-rate", flow(daily_dose=f"{dose} mg/day", concentration=f"{strength} mg/mL"))
    assert exact(found, "flow_rate") * Fraction(strength) == Fraction(dose)
    assert exact(found, "dose_per_hour") * 24 == Fraction(dose)


@given(FLOWS, STRENGTHS)
def test_the_three_delivery_calculators_undo_each_other(flow: str, strength: str) -> None:
    request = {"drug": "morphine", "flow_rate": f"{flow} mL/day"}
    found = calculate("daily-dose", request | {"concentration": f"{strength} mg/mL"})
    assert exact(found, "daily_dose") == Fraction(flow) * Fraction(strength)
    dose = f"{Decimal(flow) * Decimal(strength):f} mg/day"
    assert exact(calculate("concentration", request | {"daily_dose": dose}), "concentration") == Fraction(strength)


@given(DOSES, DOSES, STRENGTHS)
def test_a_larger_dose_never_flows_more_slowly_and_never_leaves_a_limit(one: str, other: str, strength: str) -> None:
    low, high = sorted((one, other), key=Fraction)
    less, more = (
        calculate("flow-rate", {"drug": "morphine", "daily_dose": f"{d} mg/day", "concentration": f"{strength} mg/mL"})
        for d in (low, high)
    )
    assert exact(less, "flow_rate") <= exact(more, "flow_rate")
    assert {each.name for each in less.limits_hit} <= {each.name for each in more.limits_hit}


# Conversion


@st.composite
def regimens(draw: st.DrawFn, opioids: tuple[str, ...] = tuple(_OPIOIDS)) -> list[dict[str, str]]:
    names = draw(st.lists(st.sampled_from(opioids), min_size=1, max_size=5))
    patch = {name for name in names if library.load().opioids[name].taken_as == "rate"}
    return [
        {"opioid": n, **({"rate": f"{draw(numbers('1', '200'))} mcg/h"} if n in patch
                         else {"daily_dose": f"{draw(numbers('0.1', '2000'))} mg/day"})}
        for n in names
    ]  # fmt: skip


_IN_A_PUMP = ({}, {"pump": "synchromed-ii-20"}, {"pump": "synchromed-iii-20"}, {"concentration": "25 mcg/mL"},
              {"pump": "prometra-ii-20", "concentration": "5 mcg/mL"})  # fmt: skip


@given(regimens(), st.sampled_from(("cdc-2022", "anzca-2021")), st.sampled_from(("naive", "tolerant")),
       st.none() | numbers("1", "400"), numbers("0", "99"), st.sampled_from(_IN_A_PUMP))  # fmt: skip
def test_no_regimen_changes_what_is_said_of_ziconotide(
    regimen: list[dict[str, str]], table: str, status: str, ratio: str | None, reduction: str, pump: dict[str, str]
) -> None:
    asked = {"regimen": regimen, "table": table, "opioid_status": status, "ratio": ratio,
             "reduction_percent": reduction if ratio else None}  # fmt: skip
    found, plain = (
        calculate("oral-to-intrathecal", oral(drug="ziconotide", **asked, **pump)),
        calculate("oral-to-intrathecal", oral(drug="ziconotide", **pump)),
    )
    assert found.outcome == "no_conversion"
    assert (found.answers, found.given, found.steps) == (plain.answers, plain.given, plain.steps)


_COUNTED = tuple(sorted(library.load().tables["cdc-2022"].factors))


def _equivalent(regimen: list[dict[str, str]]) -> Fraction:
    found = calculate("oral-morphine-equivalent", {"table": "cdc-2022", "regimen": regimen})
    return exact(found, "oral_morphine_equivalent") if found.answers else Fraction(0)


@given(regimens(), st.randoms(use_true_random=False), regimens(_COUNTED))
def test_the_oral_total_is_a_sum_in_any_order_that_another_opioid_never_lowers(
    regimen: list[dict[str, str]], dice: Any, more: list[dict[str, str]]
) -> None:
    shuffled = dice.sample(regimen, len(regimen))
    assert _equivalent(shuffled) == _equivalent(regimen)
    assert _equivalent(regimen + more) == _equivalent(regimen) + _equivalent(more)
    assert _equivalent(regimen + more) > _equivalent(regimen)


@given(numbers("1", "2000"), numbers("1", "2000"))
def test_one_opioid_on_two_lines_counts_as_on_one(one: str, other: str) -> None:
    both = f"{Decimal(one) + Decimal(other):f}"
    lines_of = [{"opioid": "oxycodone", "daily_dose": f"{amount} mg/day"} for amount in (one, other, both)]
    assert _equivalent(lines_of[:2]) == _equivalent(lines_of[2:])


def _intrathecal(milligrams: str, ratio: str, reduction: str) -> Calculation:
    regimen = [{"opioid": "morphine", "daily_dose": f"{milligrams} mg/day"}]
    return calculate("oral-to-intrathecal", oral(regimen=regimen, ratio=ratio, reduction_percent=reduction))


@given(numbers("1", "2000"), numbers("1", "400"), numbers("1", "400"), numbers("0", "99"), numbers("0", "99"))
def test_a_higher_ratio_and_a_larger_reduction_give_strictly_less(
    oral_dose: str, ratio: str, other_ratio: str, reduction: str, other_reduction: str
) -> None:
    (ratio, other_ratio), (reduction, other_reduction) = (
        sorted(pair, key=Fraction) for pair in ((ratio, other_ratio), (reduction, other_reduction))
    )
    assume(Fraction(ratio) < Fraction(other_ratio) and Fraction(reduction) < Fraction(other_reduction))
    dose = exact(_intrathecal(oral_dose, ratio, reduction), "intrathecal_daily_dose")
    assert dose == Fraction(oral_dose) * (1 - Fraction(reduction) / 100) / Fraction(ratio)
    assert exact(_intrathecal(oral_dose, other_ratio, reduction), "intrathecal_daily_dose") < dose
    assert exact(_intrathecal(oral_dose, ratio, other_reduction), "intrathecal_daily_dose") < dose


_LISTED = sorted({str(each.ratio.quantity).partition(" ")[0] for each in library.load().ratios["morphine"].forward})


@given(numbers("1", "2000"), numbers("1", "400"), numbers("0", "99"))
def test_the_dose_of_the_evidence_falls_as_its_ratio_rises_whatever_is_chosen(
    oral_dose: str, ratio: str, reduction: str
) -> None:
    found = _intrathecal(oral_dose, ratio, reduction)
    ids = [row["ratio_id"].replace("-", "_") for row in found.answers["evidence"]]
    pairs = [(exact(found, f"ratio_{each}"), exact(found, f"dose_at_{each}")) for each in ids]
    for one, other in itertools.combinations(pairs, 2):
        assert (one[0] < other[0]) == (one[1] > other[1])
    assert {dose for _, dose in pairs} >= {
        exact(found, f"intrathecal_daily_dose_{end}") for end in ("lowest", "highest")
    }


@given(numbers("1", "2000"), st.sampled_from(_LISTED), numbers("0", "99"))
def test_a_listed_ratio_gives_a_dose_within_the_range_of_all_of_them(
    oral_dose: str, ratio: str, reduction: str
) -> None:
    found = _intrathecal(oral_dose, ratio, reduction)
    low, high = (exact(found, f"intrathecal_daily_dose_{end}") for end in ("lowest", "highest"))
    assert low <= exact(found, "intrathecal_daily_dose") <= high
    assert not limit(found, "published_ratio").hit
    listed = [Fraction(each) for each in _LISTED]
    kept = Fraction(oral_dose) * (1 - Fraction(reduction) / 100)
    assert (low, high) == (kept / max(listed), kept / min(listed))


# Titration


@given(numbers("0.1", "3"), numbers("0.1", "3"), numbers("0.2", "7"), st.integers(0, 90),
       st.sampled_from(("us-label", "eu-label", "low-and-slow")))  # fmt: skip
def test_a_titration_keeps_to_its_rule_or_says_which_limit_it_hits(
    start: str, step: str, often: str, days: int, rule: str
) -> None:
    found = calculate("titration", ladder(rule=rule, start=f"{start} mcg/day", step=f"{step} mcg/day",
                                          steps_per_week=often, days=str(days)))  # fmt: skip
    rows = found.answers["steps"]
    doses = [Fraction(row["daily_dose"].removesuffix(" mcg/day")) for row in rows]
    at = [row["day"] for row in rows]
    assert doses == [Fraction(start) + n * Fraction(step) for n in range(len(rows))]
    assert at == sorted(set(at)) or Fraction(often) > 7
    assert at[-1] <= days
    maximum = library.load().drugs["ziconotide"].titration[rule].maximum_daily_dose.required().amount
    assert doses[-1] <= maximum
    assert found.answers["increments"] == len(rows) - 1
    in_a_week = max(sum(first <= day < first + 7 for day in at[1:]) for first in range(days + 1))
    if not hard_hits(found):
        assert rule != "us-label" or in_a_week <= 3
        assert rule == "low-and-slow" or Fraction(step) <= Fraction("2.4")
        assert rule != "eu-label" or all(later - earlier >= 1 for earlier, later in itertools.pairwise(at))
    if rule == "us-label" and in_a_week > 3:
        assert "steps_per_week_at_most" in hard_hits(found)


@given(st.lists(st.tuples(st.integers(1, 4), numbers("0.1", "24")), min_size=1, max_size=9),
       st.sampled_from(("us-label", "eu-label", "low-and-slow")))  # fmt: skip
def test_what_was_given_hits_exactly_what_a_person_with_the_rule_and_a_calendar_would_mark(
    course: list[tuple[int, str]], rule: str
) -> None:
    days = list(itertools.accumulate(days for days, _ in course))
    doses = [Fraction(dose) for _, dose in course]
    given_ = [{"day": str(day), "daily_dose": f"{dose} mcg/day"} for day, (_, dose) in zip(days, course, strict=True)]
    found = calculate("titration", ladder(rule=rule, days="0", given=given_))
    bound = {
        "us-label": {"start": "2.4", "step": "2.4", "top": "19.2", "week": 3, "apart": 0, "better": 0, "least": "0"},
        "eu-label": {"start": "2.4", "step": "2.4", "top": "21.6", "week": 99, "apart": 1, "better": 2, "least": "0"},
        "low-and-slow": {"start": "1.2", "step": "0.5", "top": "19.2", "week": 99, "apart": 7, "better": 0,
                         "least": "0.5"},
    }[rule]  # fmt: skip
    expected = set()
    for n, (day, dose) in enumerate(zip(days, doses, strict=True)):
        marks = {"maximum_daily_dose": dose > Fraction(bound["top"])}
        if n == 0:
            marks |= {
                "start_at_most": dose > Fraction(bound["start"]),
                "start_at_least": dose < Fraction(bound["least"]),
            }
        elif dose > doses[n - 1]:
            changed = max([0, *(m for m in range(1, n) if doses[m] != doses[m - 1])])
            raised = [m for m in range(1, n + 1) if doses[m] > doses[m - 1]]
            marks |= {
                "step_at_most": dose - doses[n - 1] > Fraction(bound["step"]),
                "interval_at_least": day - days[changed] < int(bound["apart"]),
                "interval_recommended": day - days[changed] < int(bound["better"]),
                "steps_per_week_at_most": sum(day - days[m] < 7 for m in raised) > int(bound["week"]),
            }
        expected |= {f"given_{n + 1}_{name}" for name, marked in marks.items() if marked}
    assert {each.name for each in found.limits_hit if each.name.startswith("given_")} == expected
    told = [hit for row in found.answers["given"] for hit in row.get("hits", "").split(", ") if hit]
    assert sorted(told) == sorted(expected)


@given(numbers("0.1", "3"), numbers("0.1", "3"), numbers("0.5", "7"), st.integers(1, 60), numbers("2.1", "40"))
def test_a_plan_keeps_its_fill_above_the_alarm_or_names_the_day(
    start: str, step: str, often: str, days: int, fill: str
) -> None:
    found = calculate("titration", ladder(start=f"{start} mcg/day", step=f"{step} mcg/day", steps_per_week=often,
                                          days=str(days), concentration="25 mcg/mL", fill_volume=f"{fill} mL",
                                          low_reservoir_alarm_volume="2 mL"))  # fmt: skip
    rows, alarm = found.answers["steps"], found.answers["low_reservoir_alarm_day"]
    starts = [*(row["day"] for row in rows), days]
    flows = [exact(found, f"flow_rate_{n}") for n in range(len(rows))]

    def left(at: int) -> Fraction:
        spent = [max(0, min(at, end) - day) for day, end in itertools.pairwise([*starts[:-1], max(at, starts[-1])])]
        return Fraction(fill) - sum(flow * each for flow, each in zip(flows, spent, strict=True))

    assert left(alarm) >= 2 > left(alarm + 1)
    assert (alarm < days and left(days) < 2) == any(
        each.name.startswith("reservoir_lasts") for each in found.limits_hit
    )
