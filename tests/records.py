"""One record of each kind of calculation, for the tests that look at records."""

from __future__ import annotations

from typing import Any

from asking import fill, flow, ladder, oral, solution, ziconotide_fill

from pumpcalc import Calculation, calculate

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "flow-rate": ("flow-rate", flow(pump="synchromed-ii-20")),
    "daily-dose": ("daily-dose", {"drug": "ziconotide", "concentration": "25 mcg/mL", "flow_rate": "0.002 mL/h"}),
    "concentration": ("concentration", {"drug": "morphine", "daily_dose": "5 mg/day", "flow_rate": "0.3 mL/day"}),
    "titration": (
        "titration",
        ladder(steps_per_week="3", start_date="2026-01-05", concentration="25 mcg/mL", pump="synchromed-ii-20"),
    ),
    "refill": ("refill-schedule", ziconotide_fill(days_before="3", closed_weekdays=["sat", "sunday"])),
    "admixture": (
        "refill-schedule",
        fill(components=solution("morphine", "20 mg/mL", "baclofen", "500 mcg/mL"), stability="30 day",
             beyond_use_date="2026-01-20", beyond_use_caps_interval=True, accuracy_caps_interval=True),
    ),
    "equivalent": (
        "oral-morphine-equivalent",
        {"table": "cdc-2022", "regimen": [{"opioid": "oxycodone", "daily_dose": "33.3 mg/day"},
                                          {"opioid": "fentanyl-transdermal", "rate": "12.5 mcg/h"}]},
    ),
    "oral": ("oral-to-intrathecal", oral(ratio="300", reduction_percent="50")),
    "syringe": (
        "compounding",
        {"final_volume": "20 mL", "overfill": "3 mL", "graduation": "0.2 mL",
         "components": [{"drug": "ziconotide", "concentration": "5 mcg/mL", "product": "prialt-100-5"},
                        {"drug": "morphine", "concentration": "10 mg/mL", "stock_concentration": "25 mg/mL"}]},
    ),
    "mixture": (
        "admixture-dose",
        {"components": solution("morphine", "1 mg/mL", "baclofen", "500 mcg/mL"), "daily_dose": "0.5 mg/day"},
    ),
    "begin-by": (
        "beyond-use-date",
        {"category": "2-aseptic-tested", "storage": "fridge", "compounded_at": "2026-11-01T01:30:00-04:00",
         "chemical_stability": "30 day"},
    ),
    "schedule": (
        "day-schedule",
        {"drug": "baclofen", "concentration": "2 mg/mL", "pump": "synchromed-ii-20", "base_rate": "10 mcg/h",
         "day_total": "240 mcg/day",
         "groups": [{"weekdays": ["mon", "tuesday", "wednesday", "thursday", "friday"], "day_total": "315 mcg/day",
                     "steps": [{"start": "21:00", "end": "22:00", "rate": "0.04 mg/h"},
                               {"start": "06:00", "end": "09:00", "dose": "75 mcg"}]}],
         "fill_volume": "18 mL", "low_reservoir_alarm_volume": "2 mL", "filled_at": "2026-02-25T09:10:00-05:00",
         "time_zone": "America/New_York"},
    ),
    "boluses": (
        "patient-bolus",
        {"drug": "morphine", "concentration": "20 mg/mL", "daily_dose": "5 mg/day", "dose_per_bolus": "0.25 mg",
         "lockout": "5 h", "boluses_per_day": 6, "expected_boluses_per_day": "2.5", "bolus_duration": "10 min",
         "pump": "prometra-ii-20"},
    ),
    "single-bolus": (
        "single-bolus",
        {"drug": "morphine", "concentration": "20 mg/mL", "dose": "0.5 mg", "duration": "30 min",
         "before": "minimum-rate", "minimum_rate": "0.06 mL/day", "end_state": "stopped", "pump": "synchromed-ii-20"},
    ),
    "actuations": (
        "deliverable-dose",
        {"drug": "morphine", "concentration": "20 mg/mL", "daily_dose": "0.51 mg/day", "chamber_volume": "0.0025 mL",
         "tolerance_percent": "1"},
    ),
    "external": (
        "external-pump-steps",
        {"pump": "cadd-prizm-pcs-ii", "drug": "morphine", "concentration": "10 mg/mL", "demand_dose": "1.3 mg"},
    ),
    "stopped": (
        "pump-stopped",
        {"pump": "synchromed-ii-20", "stopped_for": "49 h", "from_log": True, "drug": "morphine",
         "concentration": "20 mg/mL", "daily_dose": "6 mg/day", "minimum_rate": "0.048 mL/day"},
    ),
    "no-conversion": ("oral-to-intrathecal", oral(drug="ziconotide")),
}  # fmt: skip


def asked(name: str) -> Calculation:
    return calculate(*ASKED[name])


RECORDS = {name: asked(name) for name in ASKED}
