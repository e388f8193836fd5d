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
    "prime": (
        "priming-bolus",
        {"pump": "synchromed-ii-20", "drug": "morphine", "concentration": "25 mg/mL", "extent": "full-system",
         "catheter": {"model": "prometra-catheter", "trimmed_length": "33.3 cm"}, "pump_tubing_volume": "0.199 mL"},
    ),
    "bridge": (
        "bridge-bolus",
        {"pump": "synchromed-ii-40", "drug": "baclofen", "old_concentration": "2 mg/mL",
         "new_concentration": "700 mcg/mL", "daily_dose": "300 mcg/day", "new_daily_dose": "0.25 mg/day",
         "catheter_volume": "0.21 mL", "pump_tubing_volume": "0.15 mL", "calculated_on": "2026-01-05",
         "elapsed_volume_since_last_change": "3 mL"},
    ),
    "rotation": (
        "bridge-bolus",
        {"pump": "prometra-ii-20", "drug": "morphine", "old_concentration": "20 mg/mL", "new_drug": "hydromorphone",
         "new_concentration": "6 mg/mL", "daily_dose": "0.3 mg/h", "new_daily_dose": "700 mcg/day",
         "old_dose_may_continue": True, "pump_tubing_volume": "0.3 mL",
         "catheter": {"model": "prometra-catheter", "implanted_length": "77 cm"}},
    ),
    "dilution": (
        "residual-dilution",
        {"pump": "synchromed-ii-20", "drug": "baclofen", "old_concentration": "500 mcg/mL",
         "new_concentration": "2 mg/mL", "reservoir_residual_volume": "1.3 mL", "fill_volume": "19 mL"},
    ),
    "no-conversion": ("oral-to-intrathecal", oral(drug="ziconotide")),
}  # fmt: skip


def asked(name: str) -> Calculation:
    return calculate(*ASKED[name])


RECORDS = {name: asked(name) for name in ASKED}
