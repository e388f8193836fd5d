"""How each row about programmes is asked of the calculators. A function gives the row's expectations, as found."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from asking import exact, hard_hits, limit, refusal
from cases_fills import Asked, Given, filled, running_at

from pumpcalc import Calculation, calculate

_WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _schedule(base: str, total: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    request = {"drug": "baclofen", "concentration": "500 mcg/mL", "pump": "synchromed-ii-20", "base_rate": base}
    weekdays = more.pop("weekdays", _WEEK)
    return request | {"groups": [{"weekdays": weekdays, "steps": steps, "day_total": total}]} | more


def _boluses(**fields: str) -> Calculation:
    request = {"drug": "morphine", "concentration": "20 mg/mL", "daily_dose": "5 mg/day", "dose_per_bolus": "0.25 mg",
               "lockout": "4 h", "boluses_per_day": "24"}  # fmt: skip
    return calculate("patient-bolus", request | fields)


def _actuations(drug: str, concentration: str, daily_dose: str, chamber: Any, **more: str) -> Calculation:
    request = {
        "drug": drug,
        "concentration": concentration,
        "daily_dose": daily_dose,
        "chamber_volume": f"{chamber} mL",
    }
    return calculate("deliverable-dose", request | more)


def _closing_bolus(case: Given) -> Given:
    """The valve's own bolus is one actuation of that volume."""
    litres = Decimal(case["volume_uL"]) / 1000
    found = _actuations("morphine", f"{case['concentration_mg_per_mL']} mg/mL", "1 mg/day", litres)
    return {"dose_mg": exact(found, "dose_per_actuation", "mg")}


def _valve_in_milligrams(case: Given) -> Given:
    dose, strength = f"{case['dose_mg_day']} mg/day", f"{case['conc_mg_mL']} mg/mL"
    found = _actuations("morphine", strength, dose, case["chamber_mL"])
    lasting = filled(volume=20, reserve=0, dose=dose, strength=strength, pump="prometra-ii-20")
    return {
        "actuations_day": found.answers["whole_actuations_per_day"],
        "dose_per_actuation_mg": exact(found, "dose_per_actuation", "mg"),
        "minutes_between": exact(found, "time_between_actuations", "min"),
        "days_no_reserve": exact(lasting, "days_to_low_reservoir_alarm"),
    }


def _valve_in_micrograms(case: Given) -> Given:
    dose, strength = f"{case['dose_mcg_day']} mcg/day", f"{case['conc_mcg_mL']} mcg/mL"
    found = _actuations("baclofen", strength, dose, case["chamber_mL"])
    lasting = filled(volume=case["reservoir_mL"], reserve=0, dose=dose, strength=strength, drug="baclofen",
                     pump="prometra-ii-20", stability="365 day")  # fmt: skip
    return {
        "actuations_day": exact(found, "actuations_per_day"),
        "dose_per_actuation_mcg": exact(found, "dose_per_actuation", "mcg"),
        "minutes_between": exact(found, "time_between_actuations", "min"),
        "days_no_reserve_floor": exact(lasting, "low_reservoir_alarm_days"),
    }


def _chambers(case: Given) -> Given:
    """The same number of actuations from chambers of another size."""
    doses = []
    for chamber in case["chamber_mL"]:
        found = _actuations("morphine", f"{case['conc_mg_mL']} mg/mL", "0.5 mg/day", chamber)
        doses.append(exact(found, "dose_per_actuation", "mg") * case["actuations_day"])
    return {"dose_mg_day": doses}


def _strokes(case: Given) -> Given:
    found = _actuations("morphine", f"{case['conc_mcg_uL']} mg/mL", f"{case['dose_mcg_day']} mcg/day",
                        Decimal(case["stroke_uL"]) / 1000, deliveries_per_day=str(case["deliveries_day"]))  # fmt: skip
    return {"delivered_mcg_day": exact(found, "deliverable_dose", "mcg/day")}


def _stroke_frequencies(case: Given) -> Given:
    """How many equal deliveries divide the day's strokes: those that deliver the dose without a difference."""
    dose = f"{case['strokes_day']} mcg/day"
    options = [
        number
        for number in range(case["min_deliveries"], case["strokes_day"] + 1)
        if not exact(_actuations("morphine", "1 mg/mL", dose, "0.001", deliveries_per_day=str(number)), "difference")
    ]
    return {"options": options}


def _matched_trial(case: Given) -> Given:
    """A dose that relieves for some hours, given again whenever it has worn off, and nothing besides."""
    strength, hours = f"{case['conc_mg_mL']} mg/mL", case["relief_h"]
    found = _boluses(concentration=strength, dose_per_bolus=f"{case['trial_dose_mg']} mg", lockout=f"{hours} h")
    times = found.answers["boluses_per_day_possible"]
    steps = [{"start": f"{hours * n:02}:00", "end": f"{hours * (n + 1):02}:00", "dose": f"{case['trial_dose_mg']} mg"}
             for n in range(times)]  # fmt: skip
    total = exact(found, "daily_dose_with_boluses") - exact(found, "daily_dose")
    run = calculate(
        "day-schedule",
        _schedule("0 mg/h", f"{total} mg/day", steps, drug="morphine", concentration=strength, time_zone="UTC",
                  fill_volume=f"{case['reservoir_mL']} mL", low_reservoir_alarm_volume="0 mL",
                  filled_at="2026-01-05T00:00:00Z"),
    )  # fmt: skip
    return {
        "boluses_day": times,
        "total_mg_day": exact(run, "mean_daily_dose", "mg/day"),
        "volume_mL_day": exact(run, "highest_flow_rate"),
        "days_no_reserve": exact(run, "days_to_dry", "day"),
    }


def _cadd(case: Given) -> Given:
    request = {"pump": "cadd-prizm-pcs-ii", "drug": "morphine", "concentration": f"{case['conc_mg_mL']} mg/mL"}
    found = calculate("external-pump-steps", request)
    return {
        "demand_increment_mg": exact(found, "demand_increment", "mg"),
        "demand_max_mg": exact(found, "demand_dose_at_most", "mg"),
        "clinician_bolus_max_mg": exact(found, "clinician_bolus_at_most", "mg"),
    }


def _per_hour_for_per_day(case: Given) -> Given:
    """60 mcg over one hour of the day is 60 a day; 60 mcg every hour is not, and the total that was meant stops it."""
    dose = re.match(r"\d+ mcg", case["intended"])
    assert dose is not None
    once = calculate(
        "day-schedule", _schedule("0 mcg/h", f"{dose[0]}/day", [{"start": "08:00", "end": "09:00", "dose": dose[0]}])
    )
    hourly = {"drug": "baclofen", "concentration": "500 mcg/mL", "pump": "synchromed-ii-20",
              "base_rate": f"{dose[0]}/h"}  # fmt: skip
    stopped = refusal("day-schedule", hourly | {"day_total": f"{dose[0]}/day"}, "day-total-mismatch", "/day_total")
    said = re.search(r"makes (\d+) mcg/day.*: (\d+) times, per hour for per day\.", stopped.detail)
    assert said is not None, stopped.detail
    return {
        "intended_mcg_day": exact(once, "mean_daily_dose", "mcg/day"),
        "programmed_mcg_day": Fraction(said[1]),
        "ratio": Fraction(said[2]),
    }


def _day_total(case: Given) -> Given:
    steps = [{"start": s["start"], "end": s["end"], "dose": f"{s['mcg']} mcg"} for s in case["steps"]]
    found = calculate("day-schedule", _schedule(f"{case['base_rate_mcg_h']} mcg/h", "315 mcg/day", steps))
    return {
        "base_hours": exact(found, "time_at_base_1", "h"),
        "base_mcg": exact(found, "base_dose_1", "mcg"),
        "day_total_mcg": exact(found, "day_total_1", "mcg/day"),
    }


def _week_mean(case: Given) -> Given:
    weekend = case["weekend_total_mcg"]
    step = {"start": "06:00", "end": "07:00", "dose": f"{case['weekday_total_mcg'] - weekend + weekend // 24} mcg"}
    found = calculate(
        "day-schedule",
        _schedule(f"{weekend // 24} mcg/h", f"{case['weekday_total_mcg']} mcg/day", [step], weekdays=_WEEK[:5],
                  day_total=f"{weekend} mcg/day"),
    )  # fmt: skip
    return {"mean_mcg_day": exact(found, "mean_daily_dose", "mcg/day")}


def _too_many_steps(case: Given) -> Given:
    steps = [{"start": f"{n:02}:00", "end": f"{n:02}:30", "dose": "10 mcg"} for n in range(case["steps"])]
    found = calculate("day-schedule", _schedule("10 mcg/h", f"{240 + 5 * case['steps']} mcg/day", steps))
    assert limit(found, "most_steps_per_day").bound == "13 /day"
    return {"error": {("most_steps_per_day",): "more than 13 steps in a day"}[tuple(hard_hits(found))]}


def _worst_bolus_day(case: Given) -> Given:
    found = _boluses(daily_dose=f"{case['base_mg_day']} mg/day", dose_per_bolus=f"{case['bolus_mg']} mg",
                     concentration=f"{case['conc_mg_mL']} mg/mL", boluses_per_day=str(case["max_per_24h"]))  # fmt: skip
    return {
        "max_mg_day": exact(found, "daily_dose_with_boluses", "mg/day"),
        "flow_base_mL_day": exact(found, "flow_rate"),
        "flow_max_mL_day": exact(found, "flow_rate_with_boluses"),
    }


def _days_with_boluses(case: Given) -> Given:
    days = {}
    for name, flow in (("days_all_boluses", case["flow_max_mL_day"]), ("days_base_only", case["flow_base_mL_day"])):
        found = running_at(flow, volume=case["fill_mL"], reserve=case["reserve_mL"], pump="prometra-ii-20")
        days[name] = exact(found, "days_to_low_reservoir_alarm")
    return days


def _lockout(case: Given) -> Given:
    found = _boluses(lockout=f"{case['lockout_h']} h", boluses_per_day=str(case["max_per_24h"]))
    return {
        "lockout_limit_per_24h": exact(found, "boluses_by_lockout"),
        "effective_max_per_24h": found.answers["boluses_per_day_possible"],
    }


def _stall(case: Given) -> Given:
    found = calculate(
        "pump-stopped",
        {"pump": "synchromed-ii-20", "stopped_for": f"{case['stall_h']} h", "from_log": True, "drug": "morphine",
         "concentration": f"{case['conc_mg_mL']} mg/mL", "daily_dose": f"{case['dose_mg_day']} mg/day"},
    )  # fmt: skip
    return {
        "dose_missed_mg": exact(found, "dose_missed", "mg"),
        "residual_gain_mL": exact(found, "volume_not_delivered"),
    }


def _stopped(case: Given) -> Given:
    found = calculate("pump-stopped", {"pump": "synchromed-ii-20", "stopped_for": f"{case['stopped_h']} h"})
    return {"critical_alarm": {"yes": True, "no": False}[found.answers["alarm_expected"]]}


BY_CASE: dict[str, Asked] = {
    "PV027": _closing_bolus,
    "valve_gated_constant_mg": _valve_in_milligrams,
    "valve_gated_constant_mcg": _valve_in_micrograms,
    "chamber_volume_spread": _chambers,
    "stroke_quantised_dose": _strokes,
    "stroke_frequency_options": _stroke_frequencies,
    "match_my_trial": _matched_trial,
    "cadd_step_conc_1": _cadd,
    "cadd_step_conc_10": _cadd,
    "cadd_step_conc_25": _cadd,
    "flex_error_60_per_hour": _per_hour_for_per_day,
    "flex_day_total": _day_total,
    "flex_week_mean_weekday_weekend": _week_mean,
    "sm2_flex_step_limit": _too_many_steps,
    "ptm_worst_case_day": _worst_bolus_day,
    "ptm_refill_days_allotted_vs_base": _days_with_boluses,
    "ptm_lockout_governs": _lockout,
    "mri_stall_volume_credit": _stall,
    "pump_stop_alarm_48h": _stopped,
}
