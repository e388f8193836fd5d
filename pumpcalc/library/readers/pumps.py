"""Pumps, catheters, the rules for what is found at a refill, and our own decisions."""

from __future__ import annotations

from pumpcalc.errors import Refusal
from pumpcalc.library.facts import (
    Fact,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    Catheter,
    ExternalPump,
    Policy,
    Pump,
    ResidualRules,
)
from pumpcalc.library.readers.shared import above_zero, cautions_of, in_order, once
from pumpcalc.quantities import (
    DURATION,
    FLOW_RATE,
    FRACTION,
    LENGTH,
    PER_DAY,
    VOLUME,
    VOLUME_PER_LENGTH,
    Quantity,
    read,
)

__all__ = ["read_catheter", "read_external_pump", "read_policy", "read_pump", "read_residual_rules"]

_EXPLAINED = ("more-delivered", "less-delivered", "programmed-exceeds-fill")


def _history(table: Table, key: str) -> tuple[tuple[str, Fact], ...]:
    """Every value of a constant that changed, in order, the first from the beginning."""
    history = [(entry.day("effective_from"), entry.own_figure(VOLUME)) for entry in table.tables(key)]
    days = [day for day, _ in history]
    if days != sorted(set(days)) or days[:1] != [""]:
        raise table.defect(key, "the first value has an empty effective_from, and each later one a later day")
    return tuple(history)


def read_pump(table: Table) -> Pump:
    made = Pump(
        name=table.name,
        label=table.text("label"),
        family=table.text("family"),
        verified_by=table.text("verified_by", empty=True),
        reservoir_volume=table.bound("reservoir_volume", VOLUME),
        undeliverable_volume=table.figure("undeliverable_volume", VOLUME),
        minimum_flow_rate=table.bound("minimum_flow_rate", FLOW_RATE),
        maximum_flow_rate=table.bound("maximum_flow_rate", FLOW_RATE),
        flow_step=table.figure("flow_step", FLOW_RATE),
        flow_accuracy=table.figure("flow_accuracy", FRACTION),
        recommended_alarm_volume=table.figure("recommended_alarm_volume", VOLUME),
        refill_reference_volume=table.figure("refill_reference_volume", VOLUME),
        maximum_refill_interval=table.bound("maximum_refill_interval", DURATION),
        days_from_replacement_indicator=table.figure("days_from_replacement_indicator", DURATION),
        most_steps_per_day=table.bound("most_steps_per_day", PER_DAY),
        stopped_alarm_after=table.bound("stopped_alarm_after", DURATION),
        stopped_at_most=table.bound("stopped_at_most", DURATION),
        patient_bolus_drugs=table.statement("patient_bolus_drugs"),
        pump_tubing_volume=_history(table, "pump_tubing_volume"),
        cautions=cautions_of(table),
    )
    table.done()
    above_zero(table, made.flow_step)
    in_order(table, made.minimum_flow_rate, made.maximum_flow_rate)
    in_order(table, made.undeliverable_volume, made.reservoir_volume)
    return made


def read_catheter(table: Table) -> Catheter:
    made = Catheter(
        name=table.name,
        label=table.text("label"),
        verified_by=table.text("verified_by", empty=True),
        volume_per_length=table.figure("volume_per_length", VOLUME_PER_LENGTH),
        total_length=table.figure("total_length", LENGTH),
        cautions=cautions_of(table),
    )
    table.done()
    return made


def read_external_pump(table: Table) -> ExternalPump:
    made = ExternalPump(
        name=table.name,
        label=table.text("label"),
        demand_increment_volume=table.figure("demand_increment_volume", VOLUME),
        demand_dose_volume=table.bound("demand_dose_volume", VOLUME),
        clinician_bolus_volume=table.bound("clinician_bolus_volume", VOLUME),
        cautions=cautions_of(table),
    )
    table.done()
    in_order(table, made.demand_increment_volume, made.demand_dose_volume)
    return made


def _post_fill(table: Table) -> tuple[Quantity, Fact]:
    try:
        size = read(table.text("reservoir_volume"), VOLUME)
    except Refusal as refusal:
        raise table.defect("reservoir_volume", str(refusal)) from None
    made = (size, table.bound("at_most", VOLUME))
    table.done()
    return made


def read_residual_rules(table: Table) -> ResidualRules:
    """When a withdrawn volume that is not the expected one is an event."""
    explanations = table.table("explanations")
    table.text("label")
    made = ResidualRules(
        name=table.name,
        over_volume=table.bound("over_volume", VOLUME),
        over_part_of_residual=table.bound("over_part_of_residual", FRACTION),
        post_fill_discrepancy=tuple(_post_fill(entry) for entry in table.tables("post_fill_discrepancy")),
        emptied_counts_as_dry_after=table.bound("emptied_counts_as_dry_after", DURATION),
        restart=table.statement("restart"),
        explanations={way: explanations.statement(way) for way in _EXPLAINED},
    )
    explanations.done()
    table.done()
    once(table, "post_fill_discrepancy", (str(size) for size, _ in made.post_fill_discrepancy))
    return made


def read_policy(table: Table) -> Policy:
    made = Policy(sensitivity_volume=table.figure("sensitivity_volume", VOLUME))
    table.done()
    return made
