"""How each row of pumps.csv is asked of the calculators. A function gives the row's expectations, as found."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from asking import accuracy_of, days_of, exact, fill, hard_hits, limit, lines, notes, refusal, solution
from cases_fills import START, Asked, Given, due, filled, running_at

from pumpcalc import calculate
from pumpcalc.quantities import FRACTION


def _ziconotide_days(case: Given) -> Given:
    kind = "naive" if case["fill_mL"] == 14 else "undiluted"
    found = filled(volume=case["fill_mL"], reserve=case["reserve_mL"], dose=f"{case['dose']} mcg/day",
                  strength=f"{case['conc']} mcg/mL", drug="ziconotide", fill_kind=kind)  # fmt: skip
    return due(found) | {
        "days_volume": exact(found, "days_to_low_reservoir_alarm"),
        "limit_days": exact(found, "in_pump_stability"),
    }


def _baclofen_cap(case: Given) -> Given:
    found = filled(volume=case["fill_mL"], reserve=case["reserve_mL"], dose=f"{case['dose_mcg_day']} mcg/day",
                  strength=f"{case['conc_mcg_mL']} mcg/mL", drug="baclofen", stability="367 day")  # fmt: skip
    return due(found) | {
        "days_volume": exact(found, "days_to_low_reservoir_alarm"),
        "limit_days": exact(found, "maximum_refill_interval"),
    }


def _minimum_flow(case: Given) -> Given:
    found = calculate(
        "daily-dose",
        {"drug": "baclofen", "concentration": f"{case['conc_mg_mL']} mg/mL", "pump": "synchromed-ii-20",
         "flow_rate": f"{case['min_flow_mL_day']} mL/day"},
    )  # fmt: skip
    assert not limit(found, "minimum_flow_rate").hit
    return {"dose_mcg_day": exact(found, "daily_dose", "mcg/day")}


def _too_weak_a_flow(case: Given) -> Given:
    dose = f"{case['dose_mcg_day']} mcg/day"
    request = {"drug": "ziconotide", "daily_dose": dose, "pump": "synchromed-ii-20"}
    found = calculate("flow-rate", request | {"concentration": f"{case['conc_mcg_mL']} mcg/mL"})
    strongest = calculate("concentration", request | {"flow_rate": f"{case['min_flow_mL_day']} mL/day"})
    return {
        "feasible": "minimum_flow_rate" not in hard_hits(found),
        "flow_mL_day": exact(found, "flow_rate"),
        "max_conc_mcg_mL_for_dose": exact(strongest, "concentration"),
    }


def _mixed_units(case: Given) -> Given:
    found = calculate("flow-rate", {"drug": "baclofen", "daily_dose": case["dose"], "concentration": case["conc"]})
    return {"flow_mL_day": exact(found, "flow_rate")}


def _thousandfold(case: Given) -> Given:
    request = {"drug": "baclofen", "daily_dose": f"{case['dose_mcg_day']} mcg/day", "pump": "synchromed-ii-20"}
    true, entered = (calculate("flow-rate", request | {"concentration": case[c]}) for c in ("true", "entered"))
    assert hard_hits(entered) == ["minimum_flow_rate"]
    flows = [exact(found, "flow_rate") for found in (true, entered)]
    return {"flow_true_mL_day": flows[0], "flow_entered_mL_day": flows[1], "ratio": flows[0] / flows[1]}


def _coupled(case: Given) -> Given:
    found = filled(
        volume=20, reserve=2, dose=f"{case['primary_dose_mcg_day']} mcg/day", strength="-", stability="30 day",
        components=solution("morphine", f"{case['primary_conc_mcg_uL']} mg/mL",
                            "baclofen", f"{case['secondary_conc_mcg_mL']} mcg/mL"),
    )  # fmt: skip
    return {
        "secondary_dose_mcg_day": exact(found, "daily_dose_2", "mcg/day"),
        "volume_mL_day": exact(found, "flow_rate"),
    }


def _two_drugs(case: Given) -> Given:
    mixed = solution(case["primary"], f"{case['primary_conc_mg_mL']} mg/mL",
                     case["secondary"], f"{case['secondary_conc_mg_mL']} mg/mL")  # fmt: skip
    found = calculate("admixture-dose", {"components": mixed, "daily_dose": f"{case['primary_dose_mg_day']} mg/day"})
    return {"flow_mL_day": exact(found, "flow_rate"), "secondary_dose_mg_day": exact(found, "daily_dose_2")}


def _with_a_reserve(case: Given) -> Given:
    found = filled(volume=case["reservoir_mL"], reserve=case["refill_at_mL"], dose=f"{case['dose_mg_day']} mg/day",
                  strength=f"{case['conc_mg_mL']} mg/mL", pump="prometra-ii-20")  # fmt: skip
    return {"days": exact(found, "days_to_low_reservoir_alarm")}


def _overfill(case: Given) -> Given:
    found = filled(volume=case["fill_mL"], reserve=2, dose="10 mg/day", strength="20 mg/mL")
    assert limit(found, "reservoir_volume").bound == f"{case['capacity_mL']} mL"
    return {"error": {("reservoir_volume",): "fill exceeds reservoir capacity"}[tuple(hard_hits(found))]}


def _stronger_lasts_longer(case: Given) -> Given:
    fills = [
        filled(volume=case["fill_mL"], reserve=case["reserve_mL"], dose=f"{case['dose_mcg_day']} mcg/day",
              strength=f"{strength} mcg/mL", drug="baclofen", stability="367 day")
        for strength in case["conc_mcg_mL"]
    ]  # fmt: skip
    return {"days": [exact(found, "days_to_low_reservoir_alarm") for found in fills]}


def _alarm_date(case: Given) -> Given:
    found = running_at(
        case["flow_mL_day"], volume=case["fill_mL"], reserve=case.get("reserve_mL", 0), fill_date=case["refill"]
    )
    day = found.answers["low_reservoir_alarm_date"]
    return {"alarm_date": day, "dry_date": day, "days": exact(found, "days_to_low_reservoir_alarm")}


def _worst_alarm_date(case: Given) -> Given:
    found = running_at(
        case["flow_mL_day"], volume=case["fill_mL"], reserve=case["reserve_mL"], fill_date=case["refill"]
    )
    assert exact(found, "flow_accuracy", "") == Fraction(case["over"])
    return {
        "alarm_date": found.answers["worst_case_alarm_date"],
        "days": exact(found, "days_to_alarm_volume_at_worst"),
    }


def _silently_empty(case: Given) -> Given:
    found = running_at(case["flow_mL_day"], volume=case["fill_mL"], reserve=case["reserve_mL"], pump="prometra-ii-20")
    assert exact(found, "flow_accuracy") == case["over_pct"]
    return {
        "alarm_day": days_of(found)["low-reservoir-alarm"],
        "dry_day": exact(found, "days_to_dry_at_worst"),
        "silent_empty": "dry-before-alarm-possible" in notes(found),
    }


def _critical_over_rate(case: Given) -> Given:
    """The accuracy at which the note first appears, found by halving between 0 and 100 %, to 1e-9 %."""
    pump = "synchromed-ii-20" if case["fill_mL"] == 20 else "synchromed-ii-40"
    request = fill(
        pump=pump, fill_volume=f"{case['fill_mL']} mL", low_reservoir_alarm_volume=f"{case['reserve_mL']} mL"
    )
    quiet, warned = 0, 10**11
    while warned - quiet > 1:
        middle = (quiet + warned) // 2
        library = accuracy_of(pump, f"{Decimal(middle).scaleb(-9):f} %", FRACTION)
        if "dry-before-alarm-possible" in notes(calculate("refill-schedule", request, library)):
            warned = middle
        else:
            quiet = middle
    return {"over_fraction": Fraction(quiet, 10**11)}


def _beyond_use(case: Given) -> Given:
    found = running_at("0.2", volume=17, reserve=2, beyond_use_caps_interval=case["beyond_use_caps_interval"],
                beyond_use_date=str(START + timedelta(days=case["bud_days"])))  # fmt: skip
    assert days_of(found) == {
        "low-reservoir-alarm": case["volume_days"],
        "in-pump-stability": case["stability_days"],
        "beyond-use-date": case["bud_days"],
        "maximum-interval": case["device_days"],
    }
    return due(found)


def _lead_window(case: Given, latest: int, earliest: int) -> Given:
    booked = {}
    for end, lead in (("window_end", latest), ("window_start", earliest)):
        found = running_at("0.4", volume=20, reserve=2, days_before=lead)
        assert found.answers["low_reservoir_alarm_date"] == case["alarm_date"]
        booked[end] = found.answers["refill_by"]
    return booked


def _weekend(case: Given) -> Given:
    found = running_at("0.4", volume=20, reserve=4, closed_weekdays=["saturday", "sunday"])
    assert case["latest"] == f"{lines(found)['last_safe_day'].value} (Sat)"
    return {"booked": found.answers["refill_by"]}


def _prototype_days(case: Given) -> Given:
    kept = running_at(case["flow_mL_day"], volume=case["fill_mL"], reserve=case["alert_mL"], days_before="7")
    dry = running_at(case["flow_mL_day"], volume=case["fill_mL"], reserve=0)
    return {
        "days_to_alert": days_of(kept)["low-reservoir-alarm"],
        "days_to_empty": days_of(dry)["low-reservoir-alarm"],
        "latest_refill_day": due(kept)["due_day"],
    }


def _concentration_for_a_fixed_rate(case: Given) -> Given:
    request = {"drug": "morphine", "daily_dose": f"{case['target_mg_day']} mg/day"}
    found = calculate("concentration", request | {"flow_rate": f"{case['actual_flow_mL_day']} mL/day"})
    return {"conc_mg_mL": exact(found, "concentration")}


def _rinse_budget(case: Given) -> Given:
    found = calculate("naive-pump-rinse", {"drug": "ziconotide", "product": "prialt-25-20"})
    names = {"rinse_mL": "rinse_1", "rinses": "rinses", "vial_mL": "vial_volume"}
    assert {key: exact(found, name) for key, name in names.items()} == case
    return {
        "left_to_fill_mL": exact(found, "left_to_fill"),
        "left_to_fill_mcg": exact(found, "left_to_fill_mass"),
    }


def _fixed_rate(case: Given) -> tuple[str, Given]:
    """The concentration that a fixed-rate pump needs, and the request for a reservoir of it."""
    request = {"drug": "morphine", "daily_dose": f"{case['dose_mg_24h']} mg/day"}
    found = calculate("concentration", request | {"flow_rate": f"{case['flow_mL_24h']} mL/day"})
    strength = found.answers["concentration"]
    component = {"drug": "morphine", "concentration": strength, "stock_concentration": f"{case['stock_mg_mL']} mg/mL"}
    return strength, {"final_volume": f"{case['reservoir_mL']} mL", "components": [component]}


def _archimedes(case: Given) -> Given:
    strength, request = _fixed_rate(case)
    found = calculate("compounding", request)
    more = calculate("compounding", request | {"priming_allowance": f"{case['prime_extra_mL']} mL"})
    assert exact(more, "prepared_volume") == case["reservoir_mL"] + case["prime_extra_mL"]
    assert exact(more, "mass_in_final_volume_1") == exact(found, "drug_mass_1")
    lasts = running_at(case["flow_mL_24h"], volume=case["reservoir_mL"], reserve=0)
    return {
        "days": exact(lasts, "days_to_low_reservoir_alarm"),
        "drug_mL": exact(found, "stock_volume_1"),
        "drug_mg": exact(found, "drug_mass_1"),
        "final_conc_mg_mL": Fraction(strength.removesuffix(" mg/mL")),
        "saline_mL": exact(found, "diluent_volume"),
    }


def _archimedes_too_weak(case: Given) -> Given:
    strength, request = _fixed_rate(case)
    problem = refusal("compounding", request, "target-exceeds-stock", "/components/0/concentration")
    error = {"target-exceeds-stock": "required concentration exceeds stock"}[problem.code]
    return {"error": error, "required_conc_mg_mL": Fraction(strength.removesuffix(" mg/mL"))}


def _stops_on(case: Given) -> Given:
    """The end of service after a replacement indicator, and whether the day that a programmer shows can be right."""
    shown = {"replace_by_date": case["replace_by"]} if "replace_by" in case else {}
    request = fill(fill_date="2026-01-05", replacement_indicator_date=case["eri"], **shown)
    found = calculate("refill-schedule", request)
    ends = {row["limit"]: row["date"] for row in found.answers["limits"]}["end-of-service"]
    return {"eos": ends, "valid": "replace_by_date" not in hard_hits(found)}


BY_CASE: dict[str, Asked] = {
    "eri_to_eos": _stops_on,
    "eos_display_bug_guard": _stops_on,
    "sm2_min_flow_baclofen_dose_published": _minimum_flow,
    "ziconotide_0p5_infeasible_25": _too_weak_a_flow,
    "mg_mcg_factor_trap": _mixed_units,
    "mg_mcg_confusion_ratio": _thousandfold,
    "admixture_seed_morphine_baclofen": _coupled,
    "admixture_ratio_two_drugs": _two_drugs,
    "days_with_3mL_reserve": _with_a_reserve,
    "overfill_rejected": _overfill,
    "concentration_halving_days": _stronger_lasts_longer,
    "alarm_date_reserve_4mL": _alarm_date,
    "dry_date": _alarm_date,
    "alarm_date_worst_case_accuracy": _worst_alarm_date,
    "dry_before_alarm_when_overinfusing": _silently_empty,
    "critical_over_rate_for_silent_empty": _critical_over_rate,
    "critical_over_rate_40_2": _critical_over_rate,
    "ziconotide_25_20mL_max_dose": _ziconotide_days,
    "ziconotide_100_20mL_undiluted": _ziconotide_days,
    "ziconotide_naive_first_fill": _ziconotide_days,
    "baclofen_180d_cap": _baclofen_cap,
    "bud_binding": _beyond_use,
    "gillette_lead_3_5": lambda case: _lead_window(case, 3, 5),
    "gillette_lead_7_10": lambda case: _lead_window(case, 7, 10),
    "weekend_roll_back": _weekend,
    "proto_seed_days": _prototype_days,
    "fixed_rate_redose": _concentration_for_a_fixed_rate,
    "ziconotide_rinse_budget": _rinse_budget,
    "archimedes_formula": _archimedes,
    "archimedes_stock_too_weak": _archimedes_too_weak,
}
