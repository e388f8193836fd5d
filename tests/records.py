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
    "calendar": (
        "refill-schedule",
        fill(days_before="3", closed_weekdays=["saturday", "sunday"], closed_dates=["2026-02-03"], booking_window="10",
             lead_times=[{"for": "compounding", "open_days": "2"}, {"for": "delivery", "open_days": "4"}],
             would_move=True, as_of="2026-01-20", volume_then="11 mL", least_volume_then="10 mL"),
    ),
    "admixture": (
        "refill-schedule",
        fill(components=solution("morphine", "20 mg/mL", "baclofen", "500 mcg/mL"), stability="30 day",
             beyond_use_date="2026-01-20", beyond_use_caps_interval=True, accuracy_caps_interval=True),
    ),
    "with-boluses": (
        "refill-schedule",
        fill(daily_dose="5 mg/day", dose_per_bolus="0.25 mg", lockout="5 h", boluses_per_day=6,
             replacement_indicator_date="2026-01-01", replace_by_date="2026-04-02"),
    ),
    "under-a-schedule": (
        "refill-schedule",
        fill(fill_date=None, filled_at="2026-02-26T12:00:00-05:00", time_zone="America/New_York", stability="77 day",
             components=solution("baclofen", "0.5 mg/mL"), daily_dose="0.24 mg/day", base_rate="0.01 mg/h",
             day_total="0.24 mg/day"),
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
    "syringe-with-clocks": (
        "compounding",
        {"final_volume": "18 mL", "overfill": "0.3 mL", "priming_allowance": "3 mL", "graduation": "0.5 mL",
         "minimum_measurable_volume": "0.5 mL", "error_percent_at_most": "2", "storage": "fridge",
         "compounded_at": "2026-11-25T09:00:00-05:00", "category": "2-aseptic-tested", "chemical_stability": "30 day",
         "diluent_lot": "NS-77", "diluent_expiry": "2026-11-30",
         "components": [{"drug": "morphine", "concentration": "7.3 mg/mL", "product": "infumorph-500",
                         "lot": "B2043/17", "expiry": "2027-01-31", "assayed_concentration": "7 mg/mL"}]},
    ),
    "rinse": ("naive-pump-rinse", {"drug": "ziconotide", "product": "prialt-25-20", "rinses": "2"}),
    "mixture": (
        "admixture-dose",
        {"components": [{"drug": "ziconotide", "concentration": "1 mcg/mL", "product": "prialt-25-20"},
                        {"drug": "morphine", "concentration": "10 mg/mL", "stock_concentration": "25 mg/mL"}],
         "daily_dose": "0.5 mcg/day", "previous_daily_dose": "0.8 mcg/day", "acknowledged": ["fda-2018"]},
    ),
    "begin-by": (
        "beyond-use-date",
        {"category": "2-aseptic-tested", "storage": "fridge", "compounded_at": "2026-11-01T01:30:00-04:00",
         "chemical_stability": "30 day"},
    ),
    "three-way": (
        "three-way-check",
        {"order": {"pump": "synchromed-ii-20", "fill_volume": "20 mL", "daily_dose": "5 mg/day",
                   "components": solution("morphine", "20 mg/mL")},
         "compounding": {"final_volume": "18 mL", "components": solution("morphine", "15 mg/mL")},
         "programme": {"pump": "synchromed-ii-40", "reservoir_volume": "40 mL", "daily_dose": "7 mg/day",
                       "components": solution("morphine", "30 mg/mL")}},
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
    "no-conversion-in-a-pump": ("oral-to-intrathecal", oral(drug="ziconotide", pump="synchromed-ii-20")),
    "oral-in-a-pump": (
        "oral-to-intrathecal",
        oral(ratio="100", reduction_percent="25", pump="synchromed-ii-20", concentration="10 mg/mL"),
    ),
    "titration-rechecked": (
        "titration",
        ladder(start_date="2026-01-05", concentration="25 mcg/mL", pump="synchromed-ii-20", fill_volume="5 mL",
               low_reservoir_alarm_volume="2 mL",
               given=[{"day": "0", "daily_dose": "2.4 mcg/day"}, {"date": "2026-01-08", "daily_dose": "4.8 mcg/day"},
                      {"day": "5", "daily_dose": "3.6 mcg/day"}, {"day": "6", "daily_dose": "6 mcg/day"}]),
    ),
    "trials": (
        "baclofen-screening",
        {"trials": [{"dose": "50 mcg", "response": "no", "given_at": "2026-03-07T20:00:00-05:00"},
                    {"dose": "75 mcg", "response": "no", "given_at": "2026-03-09T09:30:00-04:00"}]},
    ),
    "start-after-trials": (
        "baclofen-screening",
        {"trials": [{"dose": "50 mcg", "response": "no", "day": "0"},
                    {"dose": "75 mcg", "response": "yes", "effect_duration": "6.5 h", "day": "1"}]},
    ),
    "adjustment": (
        "baclofen-adjustment",
        {"daily_dose": "333 mcg/day", "origin": "cerebral", "phase": "refill", "next_daily_dose": "350 mcg/day",
         "concentration": "500 mcg/mL", "pump": "synchromed-ii-20"},
    ),
}  # fmt: skip


def asked(name: str) -> Calculation:
    return calculate(*ASKED[name])


RECORDS = {name: asked(name) for name in ASKED}
