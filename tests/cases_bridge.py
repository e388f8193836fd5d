"""How the rows on catheters, priming and bridges of pumps.csv are asked: of the calculators, and of the simulator."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from asking import exact, hard_hits, refusal
from cases_fills import Asked, Given

import pumpcalc
from pumpcalc import Calculation, calculate
from pumpcalc.bridge import Run, Slug, simulate
from pumpcalc.library import Library
from pumpcalc.quantities import LENGTH, read

_TUBING = Decimal("0.14")
"""Of SynchroMed II, for the rows that state only the volume from the reservoir to the tip."""


def prime(library: Library | None = None, **changes: Any) -> Calculation:
    """A catheter-only bolus of morphine in a Prometra II, with changes."""
    request = {"pump": "prometra-ii-20", "drug": "morphine", "concentration": "10 mg/mL", "extent": "catheter-only"}
    return calculate("priming-bolus", request | changes, library)


def bridge(volume: Any = "0.34", **changes: Any) -> Calculation:
    """The bridge of the reference, 200 mcg/day of baclofen from 500 to 2000 mcg/mL, with changes."""
    request = {
        "pump": "synchromed-ii-20",
        "drug": "baclofen",
        "old_concentration": "500 mcg/mL",
        "new_concentration": "2000 mcg/mL",
        "daily_dose": "200 mcg/day",
        "catheter_volume": f"{Decimal(str(volume)) - _TUBING} mL",
    }
    return calculate("bridge-bolus", request | changes)


def _trimmed(case: Given) -> Given:
    catheter = {"model": "prometra-catheter", "trimmed_length": f"{case['trimmed_cm']} cm"}
    found = prime(catheter=catheter)
    assert exact(found, "total_length") == case["total_cm"]
    return {"implanted_cm": exact(found, "implanted_length"), "volume_mL": exact(found, "catheter_volume")}


def _trimmed_too_much(case: Given) -> Given:
    catheter = {"model": "prometra-catheter", "trimmed_length": f"{case['trimmed_cm']} cm"}
    request = {"pump": "prometra-ii-20", "drug": "morphine", "concentration": "10 mg/mL", "extent": "catheter-only"}
    problem = refusal("priming-bolus", request | {"catheter": catheter}, "out-of-range", "/catheter/trimmed_length")
    said = problem.detail.partition(":")[0]
    return {"error": said.removeprefix("The ")}


def _prototype_catheter(case: Given) -> Given:
    """A catheter of another length, in a library of its own."""
    shelf = pumpcalc.library.load()
    known = shelf.catheters["prometra-catheter"]
    total = replace(known.total_length, quantity=read(f"{case['original_cm']} cm", LENGTH))
    library = replace(shelf, catheters={**shelf.catheters, known.name: replace(known, total_length=total)})
    found = prime(library, catheter={"model": known.name, "trimmed_length": f"{case['removed_cm']} cm"})
    return {"implanted_cm": exact(found, "implanted_length")}


def superseded(**changes: Any) -> Calculation:
    """A full system primed with the tubing volume from before the software card."""
    request = {"pump": "synchromed-ii-20", "extent": "full-system", "catheter_volume": "0.2 mL"}
    found = prime(**request | {"pump_tubing_volume": "0.199 mL"} | changes)
    assert "superseded_tubing_volume" in hard_hits(found)
    return found


def _correction(case: Given) -> Given:
    found = superseded(pump_tubing_volume=f"{case['old_mL']} mL")
    return {
        "old_mL": exact(found, "pump_tubing_volume"),
        "new_mL": exact(found, "pump_tubing_volume_of_today"),
        "delta_mL": exact(found, "tubing_volume_difference"),
    }


def _overprime(case: Given) -> Given:
    if "conc_mg_per_mL" in case:
        found = superseded(concentration=f"{case['conc_mg_per_mL']} mg/mL")
    else:
        found = superseded(drug="baclofen", concentration=f"{case['conc_mcg_per_mL']} mcg/mL")
    assert exact(found, "tubing_volume_difference") == Fraction(case["delta_mL"])
    return {"excess_mg": exact(found, "drug_mass_difference", "mg"),
            "excess_mcg": exact(found, "drug_mass_difference", "mcg")}  # fmt: skip


def _prime_catheter(case: Given) -> Given:
    found = prime(catheter_volume=f"{case['catheter_mL']} mL", concentration=f"{case['conc_mg_mL']} mg/mL")
    return {"volume_mL": exact(found, "volume"), "drug_mg": exact(found, "drug_mass", "mg")}


def _prime_all(case: Given) -> Given:
    found = prime(
        pump="synchromed-ii-20",
        drug="baclofen",
        extent="full-system",
        catheter_volume=f"{case['catheter_mL']} mL",
        concentration=f"{case['conc_mcg_mL']} mcg/mL",
    )
    assert exact(found, "pump_tubing_volume") == Fraction(case["tubing_mL"])
    return {"volume_mL": exact(found, "volume"), "drug_mcg": exact(found, "drug_mass", "mcg")}


def _changed(case: Given, volume: Any, dose: str = "dose_mcg_day") -> Calculation:
    return bridge(volume, old_concentration=f"{case['old_conc']} mcg/mL",
                  new_concentration=f"{case['new_conc']} mcg/mL", daily_dose=f"{case[dose]} mcg/day")  # fmt: skip


def _bridged(case: Given) -> Given:
    found = _changed(case, case["catheter_mL"] + _TUBING, "old_dose_mcg_day")
    assert exact(found, "pump_tubing_volume") == Fraction(case["tubing_mL"])
    return {
        "volume_mL": exact(found, "volume"),
        "rate_mL_day": exact(found, "rate"),
        "duration_h": exact(found, "duration", "h"),
        "drug_actually_delivered_mcg": exact(found, "drug_delivered", "mcg"),
        "mcg_shown_at_new_conc": exact(found, "drug_shown_at_new_concentration", "mcg"),
    }


def _omitted(case: Given) -> Given:
    found = _changed(case, case["dead_volume_mL"])
    arrives = exact(found, "dose_if_omitted", "mcg/day")
    return {
        "flow_mL_day": exact(found, "new_flow_rate"),
        "actual_mcg_day_until_clear": arrives,
        "hours": exact(found, "hours_if_omitted", "h"),
        "fraction_of_intended": arrives / exact(found, "daily_dose", "mcg/day"),
    }


def _wrong_volume(case: Given) -> Given:
    """The bridge of the assumed volume, run through a line of the true one until all of it has cleared."""
    found = _changed(case, case["assumed_mL"])
    dose = exact(found, "daily_dose", "mcg/day")
    old, new = ({"baclofen": Fraction(case[key])} for key in ("old_conc", "new_conc"))
    runs = [Run(exact(found, "rate"), exact(found, "duration", "day")), Run(exact(found, "new_flow_rate"), Fraction(9))]
    course = simulate(Slug(Fraction(20), new), [Slug(Fraction(case["true_mL"]), old)], runs)
    (wrong,) = [span for span in course.arrives if span.doses["baclofen"] != dose]
    excess = course.arrived("baclofen") - dose * course.arrives[-1].ends
    error = exact(found, "error_of_volume", "mcg") / exact(found, "sensitivity_volume")
    assert abs(excess) == error * abs(Fraction(case["assumed_mL"]) - Fraction(case["true_mL"]))
    return {
        "actual_mcg_day": wrong.doses["baclofen"],
        "hours_wrong": (wrong.ends - wrong.begins) * 24,
        "excess_mcg": excess,
        "deficit_mcg": -excess,
    }


def _constant_bridge(case: Given) -> Given:
    """A bridge that takes the same minutes whatever the therapy's flow: simulated, beside the calculated one."""
    flow = Fraction(case["therapy_flow_mL_day"])
    found = bridge(case["volume_mL"], daily_dose=f"{case['therapy_flow_mL_day'] * 500} mcg/day")
    assert exact(found, "rate") == flow
    took = Fraction(case["minutes"]) / (24 * 60)
    line = [Slug(Fraction(case["volume_mL"]), {"baclofen": Fraction(500)})]
    course = simulate(Slug(Fraction(20), {}), line, [Run(Fraction(case["volume_mL"]) / took, took)])
    (only,) = course.arrives
    return {
        "rate_used_mL_day": only.flow_rate,
        "overdose_factor": only.doses["baclofen"] / exact(found, "daily_dose", "mcg/day"),
        "true_duration_h": exact(found, "duration", "h"),
    }


def _transit(case: Given) -> Given:
    found = bridge(case["dead_volume_mL"], daily_dose=f"{case['flow_mL_day'] * 500} mcg/day")
    assert exact(found, "rate") == case["flow_mL_day"]
    return {"hours": exact(found, "duration", "h")}


def _diluted(case: Given) -> Given:
    found = calculate(
        "residual-dilution",
        {"pump": f"synchromed-ii-{case['capacity_mL']}", "drug": "baclofen",
         "old_concentration": f"{case['old_conc']} mg/mL", "new_concentration": f"{case['new_conc']} mg/mL",
         "reservoir_residual_volume": f"{case['residual_mL']} mL",
         "fill_volume": f"{case['capacity_mL'] - case['residual_mL']} mL"},
    )  # fmt: skip
    assert exact(found, "volume_in_reservoir") == exact(found, "reservoir_volume") == case["capacity_mL"]
    return {"mixed_conc": exact(found, "mixed_concentration", "mg/mL"), "error_pct": exact(found, "error_percent")}


BY_CASE: dict[str, Asked] = {
    "prometra_catheter_untrimmed": _trimmed,
    "prometra_catheter_trim_25": _trimmed,
    "prometra_catheter_trim_30": _trimmed,
    "prometra_catheter_trim_over_total_rejected": _trimmed_too_much,
    "proto_catheter_lengths": _prototype_catheter,
    "sm2_tubing_volume_correction": _correction,
    "sm2_overprime_dose_morphine_25mg": _overprime,
    "sm2_overprime_dose_baclofen_2000mcg": _overprime,
    "prime_catheter_only": _prime_catheter,
    "prime_full_system_sm2": _prime_all,
    "bridge_up_500_to_2000": _bridged,
    "bridge_omitted_up": _omitted,
    "bridge_volume_overestimate_100uL": _wrong_volume,
    "bridge_volume_underestimate_100uL": _wrong_volume,
    "bridge_hardcoded_prototype": _constant_bridge,
    "fixed_rate_transit_time": _transit,
    "residual_dilution_40": _diluted,
    "residual_dilution_20": _diluted,
}
