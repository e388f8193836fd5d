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
    "choice": (
        "choose-concentration",
        {"drug": "ziconotide", "daily_dose": "2.4 mcg/day", "highest_planned_dose": "4.8 mcg/day",
         "pump": "synchromed-ii-20", "fill_volume": "20 mL", "wanted_interval": "18 day", "stability": "60 day"},
    ),
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
    "no-conversion": ("oral-to-intrathecal", oral(drug="ziconotide")),
}  # fmt: skip


def asked(name: str) -> Calculation:
    return calculate(*ASKED[name])


RECORDS = {name: asked(name) for name in ASKED}
