"""How the rows of pumps.csv about residuals, stops and scans are asked: what a row expects, as found."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from asking import exact, limit
from cases_fills import Asked, Given

from pumpcalc import Calculation, calculate

_START = datetime.fromisoformat("2026-01-05T09:00:00-05:00")


def _residual(pump: str, fill: Any, programmed: Any, withdrawn: Any, **more: Any) -> Calculation:
    request = {
        "pump": pump,
        "fill_volume": f"{fill} mL",
        "programmed_volume": f"{programmed} mL",
        "withdrawn_volume": f"{withdrawn} mL",
    }
    return calculate("residual-check", request | more)


def _synchromed(case: Given) -> Given:
    pump = "synchromed-ii-20" if case["fill_mL"] == 20 else "synchromed-ii-40"
    found = _residual(pump, case["fill_mL"], case["programmed_delivered_mL"], case["withdrawn_mL"])
    assert exact(found, "flow_accuracy", "") == Fraction(case["accuracy"])
    assert limit(found, "discrepancy_at_most").bound == f"{case['abs_mL']} mL"
    percent = exact(found, "delivered_percent")
    return {
        "expected_residual_mL": exact(found, "expected_residual"),
        "delivered_mL": exact(found, "delivered_volume"),
        "delivered_over_programmed": percent / 100,
        "percent_error": percent - 100,
        "lower_ok_mL": exact(found, "expected_residual_lowest"),
        "upper_ok_mL": exact(found, "expected_residual_highest"),
        "outside_spec": "outside-accuracy" in found.answers["findings"],
        "outside_2mL": "over-2-mL" in found.answers["findings"],
    }


def _prometra_window(case: Given) -> Given:
    found = _residual("prometra-ii-20", 20, case["programmed_mL"], 5)
    ratios = [exact(found, f"delivered_volume_{end}") / case["programmed_mL"] for end in ("lowest", "highest")]
    assert ratios == [Fraction(case["ratio_low"]), Fraction(case["ratio_high"])]
    return {
        "high_mL": exact(found, "delivered_volume_highest"),
        "low_mL": exact(found, "delivered_volume_lowest"),
    }  # fmt: skip


def _prometra_trial(case: Given) -> Given:
    found = _residual("prometra-ii-20", 20, 10, 20 - 10 * case["ratio"])
    assert exact(found, "delivered_percent", "") == Fraction(case["ratio"])
    return {"within": "outside-accuracy" not in found.answers["findings"]}


def _filled_less_than_programmed(case: Given) -> Given:
    """With the 2 mL reserve that the row assumes: the programme delivers 38 of the 40 mL it was told of."""
    found = _residual(
        "synchromed-ii-40", case["true_fill_mL"], case["programmed_fill_mL"] - 2, 0,
        days_since_fill=str(case["programmed_days"]),
    )  # fmt: skip
    return {
        "days_to_dry": exact(found, "days_to_dry"),
        "flow_mL_day": exact(found, "mean_flow_rate"),
        "fraction": exact(found, "delivered_percent", ""),
    }


def _post_fill(case: Given) -> Given:
    found = calculate(
        "post-fill-check",
        {
            "pump": f"synchromed-ii-{case['pump_mL']}",
            "injected_volume": f"{case['injected_mL']} mL",
            "measured_volume": f"{case['measured_mL']} mL",
        },
    )
    return {
        "discrepancy_mL": exact(found, "discrepancy"),
        "flag": "post-fill-discrepancy" in found.answers["findings"],
    }  # fmt: skip


def _after(hours: int, events: list[dict[str, Any]]) -> Calculation:
    """A 20 mL reservoir of morphine 20 mg/mL at 6 mg/day, so many hours after its fill."""
    filled = {"event": "fill", "at": _START.isoformat(), "volume": "20 mL",
              "components": [{"drug": "morphine", "concentration": "20 mg/mL"}]}  # fmt: skip
    programmed = {"event": "rate-change", "at": _START.isoformat(), "drug": "morphine", "daily_dose": "6 mg/day",
                  "concentration": "20 mg/mL"}  # fmt: skip
    return calculate(
        "reservoir-state",
        {"pump": "synchromed-ii-20", "low_reservoir_alarm_volume": "2 mL",
         "events": [filled, programmed, *events], "at": (_START + timedelta(hours=hours)).isoformat()},
    )  # fmt: skip


def _stalled(case: Given) -> Given:
    """The same scan, with and without a log that says for how long the rotor stood."""
    assert (case["dose_mg_day"], case["conc_mg_mL"]) == (6, 20)
    scan = {"event": "mri", "at": (_START + timedelta(days=10)).isoformat()}
    read = {"event": "interrogation", "at": (_START + timedelta(days=12)).isoformat()}
    with_log, without = (
        _after(15 * 24, [scan, read | log]) for log in ({"stopped_for": f"{case['stall_h']} h"}, {})
    )  # fmt: skip
    return {
        "residual_gain_mL": exact(with_log, "volume_before_now") - exact(without, "volume_before_now"),
        "dose_missed_mg": exact(with_log, "mass_of_morphine") - exact(without, "mass_of_morphine"),
    }


def _stopped(case: Given) -> Given:
    found = _after(case["stopped_h"], [{"event": "stop", "at": _START.isoformat()}])
    return {"critical_alarm": limit(found, "stopped_at_most").hit}


BY_CASE: dict[str, Asked] = {
    "recon_over_spec": _synchromed,
    "recon_under_spec": _synchromed,
    "recon_empty_within_spec": _synchromed,
    "recon_prometra_window": _prometra_window,
    "recon_prometra_trial_result": _prometra_trial,
    "tmlt_20_programmed_as_40": _filled_less_than_programmed,
    "postfill_check_20": _post_fill,
    "postfill_check_40": _post_fill,
    "mri_stall_volume_credit": _stalled,
    "pump_stop_alarm_48h": _stopped,
}
