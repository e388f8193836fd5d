"""Rows of the case files that no calculator of this version answers, each with the work that will answer it."""

from __future__ import annotations

_WAITING = {
    "compounding": (
        "PV001 PV004 PV005 PV006 PV007 PV119 residual_dilution_40 "
        "residual_dilution_20 archimedes_formula archimedes_stock_too_weak"
    ),
    "compounding: the rinses of a naive pump": "PV045 PV047 ziconotide_rinse_budget",
    "stability of ziconotide admixtures; the days are library figures, pinned in figures.toml": (
        "PV121 PV122 PV123 PV124 PV125"
    ),
    "baclofen screening and rotation": "PV030 PV032 PV128 PV129 PV131 PV132 PV134",
    "patient-bolus": (
        "PV027 match_my_trial ptm_worst_case_day ptm_refill_days_allotted_vs_base ptm_lockout_governs "
        "cadd_step_conc_1 cadd_step_conc_10 cadd_step_conc_25"
    ),
    "day-schedule": "flex_error_60_per_hour flex_day_total flex_week_mean_weekday_weekend sm2_flex_step_limit",
    "priming-bolus": (
        "prometra_catheter_untrimmed prometra_catheter_trim_25 prometra_catheter_trim_30 "
        "prometra_catheter_trim_over_total_rejected sm2_tubing_volume_correction sm2_overprime_dose_morphine_25mg "
        "sm2_overprime_dose_baclofen_2000mcg proto_catheter_lengths prime_catheter_only prime_full_system_sm2"
    ),
    "bridge-bolus": (
        "bridge_up_500_to_2000 bridge_omitted_up bridge_volume_overestimate_100uL bridge_volume_underestimate_100uL "
        "bridge_hardcoded_prototype fixed_rate_transit_time"
    ),
    "choose-concentration: delivery in actuations and strokes": (
        "valve_gated_constant_mg valve_gated_constant_mcg chamber_volume_spread stroke_quantised_dose "
        "stroke_frequency_options"
    ),
    "end of service": "eri_to_eos eos_display_bug_guard",
    "pharmacokinetics; no calculator of the contract": "PV070 PV071 ziconotide_csf_decay_24h",
    "other routes and the reverse direction; refused by design, no calculator converts them": (
        "PV101 PV104 PV105 PV106"
    ),
}

LATER = {case: reason for reason, cases in _WAITING.items() for case in cases.split()}

PARTLY_LATER = {
    "PV089": {"CDC2016": "the scale of 2016 goes by dose bands: it is not one factor, and is not in the library"}
}
"""Expected values, of rows that are answered, that wait for a table or a calculator."""
