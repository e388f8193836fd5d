"""How each row of pharmacology.csv is asked of the calculators. A function gives the row's expectations, as found."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from asking import days_of, exact, hard_hits, ladder, limit, oral, solution
from cases_fills import Asked, Given, due, filled

from pumpcalc import Refusal, calculate, library


def _flow(case: Given) -> Given:
    hourly = "dose_mcg_per_h" in case
    mass = "mg" if "dose_mg_per_day" in case else "mcg"
    dose = f"{case['dose_mcg_per_h']} mcg/h" if hourly else f"{case[f'dose_{mass}_per_day']} {mass}/day"
    strength = f"{case[f'concentration_{mass}_per_mL']} {mass}/mL"
    found = calculate("flow-rate", {"drug": _drug_of(mass), "daily_dose": dose, "concentration": strength})
    return {
        "flow_mL_per_day": exact(found, "flow_rate"),
        "flow_mL_per_h": exact(found, "flow_rate_per_hour"),
    }


def _drug_of(mass: str) -> str:
    return "morphine" if mass == "mg" else "ziconotide"


def _dose(case: Given) -> Given:
    request = {
        "drug": "ziconotide",
        "concentration": f"{case['concentration_mcg_per_mL']} mcg/mL",
        "flow_rate": f"{case['flow_mL_per_day']} mL/day",
    }
    return {"dose_mcg_per_day": exact(calculate("daily-dose", request), "daily_dose")}


def _per_hour(case: Given) -> Given:
    drug, strength = (
        ("baclofen", "2000 mcg/mL") if Decimal(case["dose_mcg_per_day"]) > 100 else ("ziconotide", "25 mcg/mL")
    )
    request = {"drug": drug, "daily_dose": f"{case['dose_mcg_per_day']} mcg/day", "concentration": strength}
    return {"dose_mcg_per_h": exact(calculate("flow-rate", request), "dose_per_hour")}


def _concentration(case: Given) -> Given:
    mass = "mg" if "dose_mg_per_day" in case else "mcg"
    request = {
        "drug": _drug_of(mass),
        "daily_dose": f"{case[f'dose_{mass}_per_day']} {mass}/day",
        "flow_rate": f"{case['flow_mL_per_day']} mL/day",
    }
    return {f"concentration_{mass}_per_mL": exact(calculate("concentration", request), "concentration")}


def _per_hour_read_literally(case: Given) -> Given:
    strength = f"{case['concentration_mg_per_mL']} mg/mL"
    found = calculate(
        "daily-dose", {"drug": "morphine", "concentration": strength, "flow_rate": f"{case['flow_mL_per_h']} mL/h"}
    )
    lasts = filled(volume=case["reservoir_mL"], reserve=0, dose=found.answers["daily_dose"], strength=strength)
    over = limit(found, "caution_daily_dose").hit and limit(lasts, "caution_daily_dose").hit
    return {
        "dose_mg_per_day": exact(found, "daily_dose"),
        "hours_from_20_mL": exact(lasts, "days_to_low_reservoir_alarm", "h"),
        "verdict": "reject: exceeds any morphine limit" if over else "kept",
    }


def _refill(case: Given) -> Given:
    kinds = {14: "naive", 84: "undiluted", 40: "diluted"}
    lasting = int(case["stability_days"])
    if "concentration_mg_per_mL" in case:
        dose, strength, drug, more = "dose_mg_per_day", "concentration_mg_per_mL", "morphine", {}
    elif Decimal(case["dose_mcg_per_day"]) > 100:
        dose, strength, drug, more = "dose_mcg_per_day", "concentration_mcg_per_mL", "baclofen", {"stability": lasting}
    elif lasting in kinds:
        dose, strength, drug = "dose_mcg_per_day", "concentration_mcg_per_mL", "ziconotide"
        more = {"fill_kind": kinds[lasting]}
    else:
        dose, strength, drug = "dose_mcg_per_day", "concentration_mcg_per_mL", "ziconotide"
        more = {"stability": f"{lasting} day", "components": solution("ziconotide", "5 mcg/mL", "morphine", "20 mg/mL")}
    mass = "mg" if "_mg_" in dose else "mcg"
    found = filled(
        volume=case["fill_mL"], reserve=case["reserve_mL"], dose=f"{case[dose]} {mass}/day",
        strength=f"{case[strength]} {mass}/mL", drug=drug, **more,
    )  # fmt: skip
    assert days_of(found)["in-pump-stability"] == lasting
    return due(found) | {"volume_days": days_of(found)["low-reservoir-alarm"]}


def _stability_on_the_label(case: Given) -> Given:
    kind = "diluted" if case["fill_type"].startswith("subsequent fill, diluted") else "undiluted"
    found = filled(volume=20, reserve=2, dose="2.4 mcg/day", strength="25 mcg/mL", drug="ziconotide", fill_kind=kind)
    return {"max_days": exact(found, "in_pump_stability")}


def _titration(case: Given) -> Given:
    rule = "low-and-slow" if "weeks" in case else "eu-label" if case.get("max") == "21.6" else "us-label"
    per_week = case.get("per_week", 1 if "weeks" in case else 3)
    end = (
        {"days": case["days"]}
        if "days" in case
        else {"days": 7 * case["weeks"]}
        if "weeks" in case
        else {"days": None, "until": f"{case['max']} mcg/day"}
    )
    found = calculate(
        "titration",
        ladder(rule=rule, start=f"{case['start']} mcg/day", step=f"{case['step']} mcg/day",
               steps_per_week=str(per_week), **end),
    )  # fmt: skip
    (last,) = [row for row in found.answers["steps"] if row["daily_dose"] == found.answers["final_daily_dose"]]
    assert last is found.answers["steps"][-1]
    return {
        "increments": found.answers["increments"],
        "dose_mcg_per_day": Fraction(found.answers["final_daily_dose"].removesuffix(" mcg/day")),
    }


def _fourth_increase_in_a_week(case: Given) -> Given:
    increases = case["increases_last_7_days"] + 1
    asked = calculate("titration", ladder(steps_per_week=str(increases), days="7"))
    given = [{"day": str(day), "daily_dose": f"{1 + day} mcg/day"} for day in range(increases + 1)]
    found = calculate("titration", ladder(days="0", given=given))
    (of_the_plan,), (of_the_given,) = hard_hits(asked), hard_hits(found)
    assert of_the_given == f"given_{len(given)}_{of_the_plan}"
    return {"accepted": False, "rule": {"steps_per_week_at_most": "<=2-3 per week"}[of_the_plan]}


def _maximum_by_region(case: Given) -> Given:
    end = f"{case['dose_mcg_per_day']} mcg/day"
    return {
        name: "maximum_daily_dose" not in hard_hits(calculate("titration", ladder(rule=rule, days=None, until=end)))
        for name, rule in (("US", "us-label"), ("EU", "eu-label"))
    }


_TABLES = {"CDC2022": "cdc-2022", "ANZCA2021": "anzca-2021"}
_OPIOIDS = {"fentanyl_td": "fentanyl-transdermal", "buprenorphine_sl": "buprenorphine-sublingual"}


def _equivalent(case: Given) -> Given:
    regimen = [
        {"opioid": _OPIOIDS.get(name, name)}
        | ({"rate": f"{amount} mcg/h"} if name == "fentanyl_td" else {"daily_dose": f"{amount} mg/day"})
        for name, amount in case["items"]
    ]
    found = calculate("oral-morphine-equivalent", {"table": _TABLES[case["table"]], "regimen": regimen})
    total = exact(found, "oral_morphine_equivalent") if found.outcome == "answer" else None
    excluded = [note.text for note in found.notes if note.code == "excluded"]
    return {
        "mme_per_day": total,
        "excluded": [name for name, _ in case["items"] if any(_OPIOIDS.get(name, name) in text for text in excluded)],
    }


def _methadone_by_two_tables(case: Given) -> Given:
    regimen = [{"opioid": "methadone", "daily_dose": f"{case['methadone_mg']} mg/day"}]
    older = calculate("oral-morphine-equivalent", {"table": "cdc-2016", "regimen": regimen})
    assert "superseded-table" in [note.code for note in older.notes]
    found = calculate("oral-morphine-equivalent", {"table": "cdc-2022", "regimen": regimen})
    return {"CDC2022": exact(found, "oral_morphine_equivalent")}


def _intrathecal(case: Given) -> Given:
    reduction = Decimal(case.get("reduction_fraction", 0)) * 100
    found = calculate(
        "oral-to-intrathecal",
        oral(
            regimen=[{"opioid": "morphine", "daily_dose": f"{case['oral_morphine_eq_mg_per_day']} mg/day"}],
            ratio=str(case["ratio_oral_to_it"]),
            reduction_percent=f"{reduction.normalize():f}",
        ),
    )
    over = limit(found, "tolerant_start_at_most")
    under = limit(found, "tolerant_start_at_least")
    return {
        "it_morphine_mg_per_day": exact(found, "intrathecal_daily_dose"),
        "calculated_mg_per_day": exact(found, "intrathecal_daily_dose"),
        "label_start_range": [Fraction(under.bound_exact), Fraction(over.bound_exact)],
        "verdict": "clamp_or_block" if over.hit else "kept",
    }


def _naive_range(_case: Given) -> Given:
    found = calculate("oral-to-intrathecal", oral(opioid_status="naive", ratio="300", reduction_percent="0"))
    bounds = [Fraction(limit(found, f"naive_start_{end}").bound_exact) for end in ("at_least", "at_most")]
    return {"label_start_range_mg_per_day": bounds}


def _no_ziconotide(case: Given) -> Given:
    regimen = [{"opioid": "morphine", "daily_dose": f"{case['oral_morphine_eq_mg_per_day']} mg/day"}]
    found = calculate("oral-to-intrathecal", oral(drug=case["drug"], regimen=regimen))
    return {
        "error": {"no_conversion": "no_oral_to_it_conversion"}[found.outcome],
        "start_max_mcg_per_day": exact(found, "start_dose_at_most"),
    }


def _reverse(case: Given) -> Given:
    """The figures of the refusal; what the ratio would make of the dose is only ever worked out here."""
    try:
        calculate("oral-to-intrathecal", oral(direction="intrathecal-to-oral"))
    except Refusal as refusal:
        (problem,) = refusal.problems
    told = re.search(r"oral ([0-9.]+) mg/mg was .* where ([0-9.]+) mg/mg .* give ([0-9.]+) times", problem.detail)
    assert told is not None
    observed, naive, fold = (Fraction(number) for number in told.groups())
    return {
        "naive_300": naive * case["it_mg_per_day"],
        "sylvester_12": observed * case["it_mg_per_day"],
        "fold_difference": fold,
        "verdict": {"not-reversible": "refuse symmetric reverse conversion"}[problem.code],
    }


_TRIALS = ("50", "75", "100")


def _tried(dose: str, **last: str) -> Any:
    """The trials up to a dose, one a day, all without a response but what is said of the last."""
    trials = [{"dose": f"{each} mcg", "response": "no", "day": str(n)} for n, each in enumerate(_TRIALS)]
    trials = trials[: _TRIALS.index(dose) + 1]
    trials[-1] |= last
    return calculate("baclofen-screening", {"trials": trials})


def _trial_volume(case: Given) -> Given:
    position = _TRIALS.index(case["dose_mcg"])
    found = _tried(_TRIALS[position - 1]) if position else calculate("baclofen-screening", {})
    assert found.answers["next_dose"] == f"{case['dose_mcg']} mcg"
    assert exact(found, "screening_concentration") == case["concentration_mcg_per_mL"]
    return {"volume_mL": exact(found, "next_volume")}


def _baclofen_start(case: Given) -> Given:
    lasted = "8.000000001 h" if case["duration_gt_8h"] else "8 h"
    found = _tried(str(case["bolus_mcg"]), response="yes", effect_duration=lasted)
    return {"dose_mcg_per_day": exact(found, "start_daily_dose")}


def _baclofen_next(case: Given) -> Given:
    found = calculate(
        "baclofen-adjustment",
        {"daily_dose": f"{case['dose_mcg_per_day']} mcg/day", "origin": case["origin"], "phase": "titration"},
    )
    return {"range": [exact(found, f"increased_daily_dose_{end}") for end in ("lowest", "highest")]}


def _no_candidate(case: Given) -> Given:
    found = _tried(str(case["bolus_mcg"]), response="yes" if case["response"] else "no")
    return {"candidate": {"yes": True, "no": False}[found.answers["candidate"]]}


def _dilution(case: Given) -> Given:
    mass = "mg" if "stock_mg_per_mL" in case else "mcg"
    component = {
        "drug": _drug_of(mass),
        "concentration": f"{case[f'target_{mass}_per_mL']} {mass}/mL",
        "stock_concentration": f"{case[f'stock_{mass}_per_mL']} {mass}/mL",
    }
    try:
        found = calculate("compounding", {"final_volume": f"{case['final_volume_mL']} mL", "components": [component]})
    except Refusal as refusal:
        return {"error": refusal.problems[0].code.replace("-", "_")}
    return {"stock_mL": exact(found, "stock_volume_1"), "diluent_mL": exact(found, "diluent_volume")}


def _mixture(case: Given) -> Given:
    named = [(name.partition("_"), wanted, stock) for name, wanted, stock in case["components"]]
    components = [
        {
            "drug": drug,
            "concentration": f"{wanted} {mass or 'mg'}/mL",
            "stock_concentration": f"{stock} {mass or 'mg'}/mL",
        }
        for (drug, _, mass), wanted, stock in named
    ]
    try:
        found = calculate("compounding", {"final_volume": f"{case['final_volume_mL']} mL", "components": components})
    except Refusal as refusal:
        (together,) = re.findall(r"together are ([0-9.]+)", refusal.problems[0].detail)
        return {"error": refusal.problems[0].code, "sum_fraction": Fraction(together)}
    volumes = {row[0]: exact(found, f"stock_volume_{n}") for n, row in enumerate(case["components"], 1)}
    return {"volumes_mL": volumes, "diluent_mL": exact(found, "diluent_volume")}


_BEGUN = "2026-11-25T09:00:00-05:00"


def _waits(case: Given, **stated: str) -> Any:
    category = case["category"].replace("_", "-")
    request = {"category": category, "storage": case["storage"], "compounded_at": _BEGUN} | stated
    return calculate("beyond-use-date", request)


def _beyond_use(case: Given) -> Given:
    found = _waits(case)
    waited = datetime.fromisoformat(found.answers["beyond_use"]) - datetime.fromisoformat(_BEGUN)
    hours = int(waited.total_seconds()) // 3600
    return {"max_bud": f"{hours} h" if hours <= 24 else f"{hours // 24} d"}


def _assigned_beyond_use(case: Given) -> Given:
    found = _waits(case, chemical_stability=f"{case['chemical_days']} day")
    return {
        "bud_days": exact(found, "lasts"),
        "limited_by": {"chemical-stability": "in-pump-stability"}.get(
            found.answers["binding"], found.answers["binding"]
        ),
    }


def _content(case: Given) -> Given:
    """A whole vial, undiluted: what it holds."""
    mass = "mg" if "concentration_mg_per_mL" in case else "mcg"
    strength, volume = f"{case[f'concentration_{mass}_per_mL']} {mass}/mL", f"{case['volume_mL']} mL"
    (vial, *_) = [
        each.id
        for each in library.load().drugs[_drug_of(mass)].products
        if (str(each.concentration.quantity), str(each.volume.quantity)) == (strength, volume)
    ]
    component = {"drug": _drug_of(mass), "concentration": strength, "product": vial}
    found = calculate("compounding", {"final_volume": volume, "components": [component]})
    (row,) = found.answers["components"]
    assert (row["vials"], found.answers["diluent_volume"], list(hard_hits(found))) == (1, "0 mL", [])
    return {f"content_{mass}": exact(found, "mass_in_final_volume_1")}


def _assay(case: Given) -> Given:
    component = {
        "drug": "ziconotide",
        "concentration": f"{case['target']} mcg/mL",
        "product": "prialt-25-20",
        "assayed_concentration": f"{case['measured']} mcg/mL",
    }
    found = calculate("compounding", {"final_volume": "20 mL", "components": [component]})
    accepted = limit(found, "assay_error_at_most_1")
    assert Fraction(accepted.bound_exact) / 100 == Fraction(case["limit_fraction"])
    return {"accepted": not accepted.hit}


def _rinse(case: Given) -> Given:
    request = {"drug": "ziconotide", "product": "prialt-25-20", "rinses": str(case["rinses"])}
    found = calculate("naive-pump-rinse", request)
    assert exact(found, "rinse_1") == case["rinse_mL"]
    assert exact(found, "vial_concentration") == case.get("concentration_mcg_per_mL", 25)
    return {
        "rinse_volume_mL": exact(found, "rinse_volume"),
        "drug_wasted_mcg": exact(found, "drug_discarded"),
        "remaining_mL": Fraction(found.answers["remaining"][-1]["volume"].removesuffix(" mL")),
    }


def _coupled(case: Given) -> Given:
    (first, strength, dose), (second, other) = case["primary"], case["secondary"]
    mixed = solution(first, f"{strength} mg/mL", second, f"{other} mg/mL")
    found = calculate("admixture-dose", {"components": mixed, "daily_dose": f"{dose} mg/day"})
    return {"flow_mL_per_day": exact(found, "flow_rate"), f"{second}_mg_per_day": exact(found, "daily_dose_2")}


def _stability(case: Given) -> Given:
    mixed = solution("ziconotide", "1 mcg/mL", "morphine", f"{case['morphine_mg_per_mL']} mg/mL")
    found = calculate("admixture-dose", {"components": mixed, "daily_dose": "0.5 mcg/day"})
    left = {row["remaining"].removesuffix(" %"): row["days"] for row in found.answers["stability"]}
    if "day" not in case:
        return {"days": left[str(case["criterion_percent"])]}
    (percent,) = [remaining for remaining, days in left.items() if days == case["day"]]
    return {"percent_remaining": Fraction(percent)}


BY_GROUP: dict[str, Asked] = {
    "units": _per_hour,
    "flow": _flow,
    "concentration": _concentration,
    "refill": _refill,
    "refill_label": _stability_on_the_label,
    "titration": _titration,
    "mme": _equivalent,
    "oral_to_it": _intrathecal,
    "dilution": _dilution,
    "bud": _beyond_use,
    "stability": _stability,
    "presentation": _content,
}
BY_CASE: dict[str, Asked] = {
    "PV015": _dose,
    "PV045": _rinse,
    "PV047": _rinse,
    "PV030": _trial_volume,
    "PV032": _trial_volume,
    "PV034": _per_hour_read_literally,
    "PV067": _fourth_increase_in_a_week,
    "PV068": _maximum_by_region,
    "PV089": _methadone_by_two_tables,
    "PV105": _reverse,
    "PV108": _naive_range,
    "PV110": _no_ziconotide,
    "PV114": _mixture,
    "PV115": _mixture,
    "PV116": _mixture,
    "PV117": _coupled,
    "PV119": _assay,
    "PV128": _baclofen_start,
    "PV129": _baclofen_start,
    "PV131": _baclofen_start,
    "PV132": _baclofen_next,
    "PV134": _no_candidate,
    "PV150": _assigned_beyond_use,
}
