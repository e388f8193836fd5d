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
    "residual": (
        "residual-check",
        {"pump": "synchromed-ii-20", "fill_volume": "18 mL", "left_volume": "1.4 mL", "programmed_volume": "17.7 mL",
         "withdrawn_volume": "0 mL", "days_since_fill": "45", "drug": "morphine", "resume_daily_dose": "8 mg/day",
         "history": [{"fill_volume": "20 mL", "programmed_volume": "15 mL", "withdrawn_volume": "4.9 mL"},
                     {"fill_volume": "20 mL", "programmed_volume": "16 mL", "withdrawn_volume": "3.2 mL"}]},
    ),
    "post-fill": (
        "post-fill-check", {"pump": "synchromed-ii-20", "injected_volume": "20 mL", "measured_volume": "18.7 mL"},
    ),
    "reservoir": (
        "reservoir-state",
        {"pump": "synchromed-ii-20", "low_reservoir_alarm_volume": "2 mL", "at": "2026-03-09T12:00:00-04:00",
         "events": [
             {"event": "fill", "at": "2026-01-05T09:00:00-05:00", "volume": "20 mL",
              "components": solution("morphine", "20 mg/mL", "bupivacaine", "7.5 mg/mL")},
             {"event": "rate-change", "at": "2026-01-05T09:10:00-05:00", "drug": "morphine", "daily_dose": "7 mg/day",
              "concentration": "20 mg/mL"},
             {"event": "withdraw", "id": "sip", "at": "2026-02-04T10:00:00-05:00", "volume": "6 mL",
              "left_volume": "3 mL"},
             {"event": "fill", "at": "2026-02-04T10:10:00-05:00", "volume": "16 mL",
              "components": solution("morphine", "25 mg/mL"), "programmed_reservoir_volume": "19 mL"},
             {"event": "bolus-log", "at": "2026-01-20T10:00:00-05:00", "boluses": "12", "drug": "morphine",
              "dose_per_bolus": "250 mcg", "concentration": "20 mg/mL"},
             {"event": "mri", "at": "2026-02-20T10:00:00-05:00"},
             {"event": "interrogation", "at": "2026-02-20T15:30:00-05:00", "stopped_for": "40 min"},
             {"event": "stop", "id": "slip", "at": "2026-02-21T09:00:00-05:00"},
             {"event": "reversal", "of": "slip"}]},
    ),
    "dry": (
        "reservoir-state",
        {"pump": "synchromed-ii-40", "low_reservoir_alarm_volume": "2 mL", "at": "2019-07-03T09:00:00-05:00",
         "events": [
             {"event": "fill", "at": "2019-01-03T09:00:00-06:00", "volume": "20 mL",
              "components": solution("morphine", "18.1 mg/mL")},
             {"event": "rate-change", "at": "2019-01-03T09:00:00-06:00", "drug": "morphine",
              "daily_dose": "3.8 mg/day", "concentration": "18.1 mg/mL"}]},
    ),
    "no-conversion": ("oral-to-intrathecal", oral(drug="ziconotide")),
}  # fmt: skip


def asked(name: str) -> Calculation:
    return calculate(*ASKED[name])


RECORDS = {name: asked(name) for name in ASKED}
