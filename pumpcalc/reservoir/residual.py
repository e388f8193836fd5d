"""What was withdrawn at a refill against what the programme expects, by every published rule, and what it means.

A discrepancy is an event to explain. It never changes a dose by itself.
"""

from __future__ import annotations

from pumpcalc import formulas
from pumpcalc.library import Pump
from pumpcalc.limits import check_flow_rate
from pumpcalc.quantities import Quantity
from pumpcalc.reservoir.restart import check_restart, dry_days, note_restart, was_empty
from pumpcalc.reservoir.visits import EarlierVisit, Visit, trend, visit_of
from pumpcalc.sentinel import check_reservoir_size
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    DailyDoseField,
    Days,
    DrugName,
    Listed,
    PumpName,
    VolumeField,
    VolumeOrZeroField,
)

__all__ = ["check_capacity", "residual_check"]

_DISCREPANT = {
    "unexpectedly-empty",
    "programmed-exceeds-fill",
    "outside-accuracy",
    "over-2-mL",
    "over-20-percent-of-residual",
}


@calculator("residual-check")
def residual_check(
    work: Worksheet,
    *,
    pump: PumpName,
    fill_volume: VolumeField,
    programmed_volume: VolumeField,
    withdrawn_volume: VolumeOrZeroField,
    left_volume: VolumeOrZeroField | None = None,
    days_since_fill: Days | None = None,
    drug: DrugName | None = None,
    resume_daily_dose: DailyDoseField | None = None,
    history: Listed[EarlierVisit] | None = None,
) -> None:
    """The residual that the programme expects, against the volume that was withdrawn, and what the difference means.

        expected_residual = fill_volume - programmed_volume,  delivered_volume = fill_volume - withdrawn_volume

    Parameters
    ----------
    pump : pump model
    fill_volume : put in at the last fill: what went in, not what was programmed [mL]
    programmed_volume : delivered since then according to the programme, every dose change and bolus counted [mL]
    withdrawn_volume : found in the reservoir now [mL]
    left_volume : left in the reservoir before that fill [mL]
    days_since_fill : from that fill until now; with it, for about how many days the reservoir was dry is said
    drug : the primary drug, for what an interruption means
    resume_daily_dose : dose at which the therapy is to go on; needs the drug [mg/day or mcg/day]
    history : earlier refills of this pump, the oldest first: their trend is shown

    Returns
    -------
    expected_residual (negative when the programme counts more than the reservoir held), delivered_volume [mL];
    delivered_percent of the programmed volume, which is "at least" where nothing was withdrawn; findings: codes, the
    gravest first: unexpectedly-empty, empty-at-visit, programmed-exceeds-fill, fill-above-capacity,
    content-above-capacity, outside-accuracy, over-2-mL, over-20-percent-of-residual; explanations, the likeliest first;
    expected_residual_lowest, expected_residual_highest [mL] within the pump's accuracy; with days_since_fill
    mean_flow_rate [mL/day], dry_days_at_least, dry_days_at_most [day]; with a history visits (count), trend (rising,
    falling, level, mixed), mean_delivered_percent, cumulative_discrepancy [mL delivered above programmed]

    Limits
    ------
    delivered_volume within ``flow_accuracy`` of the programmed volume; discrepancy at most 2 mL, and at most 20 % of
    the expected residual; fill_volume at most ``reservoir_volume``; after a suspected empty interval resume_daily_dose
    at most the naive start of the drug, hard

    Raises
    ------
    Refusal ``out-of-range`` when more was withdrawn than can have been there

    Source
    ------
    [tga-rc-2014-rn-00357-1] accuracy; [asra-2017-residual-poster] 2 mL; [78stepshealth-refill] 20 %

    Example
    -------
    >>> residual_check(pump="synchromed-ii-20", fill_volume="20 mL", programmed_volume="18 mL",
    ...                withdrawn_volume="0 mL").answers["findings"]
    ['unexpectedly-empty', 'over-20-percent-of-residual']
    """
    device = work.pump(pump)
    monograph = None if drug is None else work.drug(drug)
    visit = visit_of(work, fill_volume, programmed_volume, withdrawn_volume, left_volume)
    empty = was_empty(visit.withdrawn.amount, visit.expected.amount, device)
    if not empty and not device.undeliverable_volume.is_known:
        work.not_checked(device.undeliverable_volume)
    residuals, outside = _accuracy(work, device, visit)
    findings = [
        *_emptiness(visit, empty=empty),
        *check_capacity(work, device, work.line("fill_volume"), visit.held),
        *outside,
        *_differences(work, visit),
    ]
    for answer in (visit.expected, visit.delivered, visit.percent):
        work.answer(answer)
    work.answer_with("findings", findings)
    _explain(work, device, visit, findings)
    for answer in residuals:
        work.answer(answer)
    dry: tuple[Value | None, Value | None] = (None, None)
    if days_since_fill is not None:
        # How long a fill lasted that cannot have gone in would be a number about nothing.
        dated = empty and "fill-above-capacity" not in findings
        dry = _flow_and_dry_days(work, device, visit, days_since_fill, empty=dated)
    if empty:
        note_restart(work, monograph, *dry)
    if resume_daily_dose is not None:
        if monograph is None:
            raise work.refuse("missing", "drug is missing: write the drug of resume_daily_dose beside it.", "/drug")
        check_restart(work, monograph, resume_daily_dose, empty=empty)
    if history is not None:
        trend(work, history, visit)


def _emptiness(visit: Visit, *, empty: bool) -> list[str]:
    """Was the reservoir empty when more was expected, or by its own programme?"""
    found = []
    if empty:
        found.append("unexpectedly-empty" if visit.expected.amount > 0 else "empty-at-visit")
    if visit.expected.amount < 0:
        found.append("programmed-exceeds-fill")
    return found


def check_capacity(work: Worksheet, pump: Pump, fill: Value, held: Value) -> list[str]:
    """Can the reservoir hold what is said to have been put in it, and what was left in it?"""
    work.at_most(fill, pump.reservoir_volume)
    check_reservoir_size(work, fill, pump)
    holds = pump.reservoir_volume.quantity
    if holds is None:
        return []
    if fill.amount > holds.amount:
        work.note(
            "reservoir-holds",
            f"The reservoir of the {pump.label} holds {holds}: {fill} cannot have gone into it. Compare what was drawn "
            "up with what was programmed.",
            work.cite(pump.reservoir_volume),
        )
        return ["fill-above-capacity"]
    if held is fill:
        return []
    capacity = work.fact("reservoir_volume", pump.reservoir_volume)
    work.soft_bound(held, "at most", capacity, "volume_after_fill_at_most", work.cite(pump.reservoir_volume))
    return ["content-above-capacity"] if held.amount > capacity.amount else []


def _accuracy(work: Worksheet, pump: Pump, visit: Visit) -> tuple[list[Value], list[str]]:
    """The residuals that the pump's stated accuracy allows, and whether what was delivered lies outside it."""
    if not pump.flow_accuracy.is_known:
        work.not_checked(pump.flow_accuracy)
        return [], []
    accuracy = work.fact("flow_accuracy", pump.flow_accuracy)
    source = work.cite(pump.flow_accuracy)
    residuals, within = [], True
    for end, formula, opposite in (
        ("highest", formulas.volume_if_fast, "lowest"),
        ("lowest", formulas.volume_if_slow, "highest"),
    ):
        bound = work.step(
            formula, name=f"delivered_volume_{end}", volume=visit.programmed, flow_accuracy=accuracy, show="mL"
        )
        if end == "highest":
            work.soft_bound(visit.delivered, "at most", bound, "delivered_within_accuracy_at_most", source)
            within = within and visit.delivered.amount <= bound.amount
        else:
            work.soft_bound(visit.delivered, "at least", bound, "delivered_within_accuracy_at_least", source)
            within = within and visit.delivered.amount >= bound.amount
        residuals.append(
            work.step(
                formulas.volume_left,
                name=f"expected_residual_{opposite}",
                volume=visit.held,
                taken=bound,
                show="mL",
            )
        )
    return residuals, [] if within else ["outside-accuracy"]


def _differences(work: Worksheet, visit: Visit) -> list[str]:
    """Is the difference, as a volume and as a part of the expected residual, more than practice lets pass?"""
    rules = work.library.residual_rules
    # Delivered less programmed is expected less withdrawn, and neither of the two is ever negative.
    less, more = sorted((visit.delivered, visit.programmed), key=lambda each: each.amount)
    difference = work.step(formulas.volume_left, name="discrepancy", volume=more, taken=less, show="mL")
    work.at_most(difference, rules.over_volume, "discrepancy_at_most")
    found = ["over-2-mL"] if difference.amount > rules.over_volume.required().amount else []
    if visit.expected.amount > 0:
        part = work.step(
            formulas.part_of_volume, name="discrepancy_of_residual", part=difference, whole=visit.expected, show="%"
        )
        work.at_most(part, rules.over_part_of_residual, "discrepancy_of_residual_at_most")
        if part.amount > rules.over_part_of_residual.required().amount:
            found.append("over-20-percent-of-residual")
    return found


def _explain(work: Worksheet, pump: Pump, visit: Visit, findings: list[str]) -> None:
    """What the findings mean in words, and what can explain them."""
    if visit.withdrawn.amount == 0:
        work.note(
            "at-least",
            f"Nothing was withdrawn, so {visit.percent} is what was delivered at least: when the reservoir ran dry is "
            "not known from the volumes alone.",
        )
    if "unexpectedly-empty" in findings:
        nearly = visit.withdrawn.amount > 0
        cannot = f"Up to {pump.undeliverable_volume.quantity} of this reservoir cannot be delivered: the pump may have "
        work.note(
            "unexpectedly-empty",
            f"{visit.expected} was expected and {visit.withdrawn} was found. "
            f"{cannot + 'stood still. ' if nearly else ''}"
            "An empty or nearly empty reservoir is an event even when every other rule is kept: look for the cause.",
            work.cite(pump.undeliverable_volume) if nearly else None,
        )
    if "programmed-exceeds-fill" in findings:
        work.note(
            "programmed-exceeds-fill",
            f"The programme counted {visit.programmed}, but the reservoir held {visit.held} after its fill: what was "
            "programmed is not what was filled. A pump that ran as programmed was dry before this visit.",
        )
    if not _DISCREPANT & set(findings):
        return
    way = "more-delivered" if visit.delivered.amount > visit.programmed.amount else "less-delivered"
    if "programmed-exceeds-fill" in findings:
        way = "programmed-exceeds-fill"
    work.answer_with("explanations", list(work.library.residual_rules.explanations[way].listed))
    work.note(
        "dose-not-adjusted",
        "A discrepancy never changes a dose by itself. The explanations are ranked, not proved: rule them out in turn.",
    )


def _flow_and_dry_days(
    work: Worksheet, pump: Pump, visit: Visit, since: Quantity, *, empty: bool
) -> tuple[Value | None, Value | None]:
    """The mean flow of the programme; where the reservoir was empty, for about how long it was dry."""
    if since.amount == 0:
        raise work.refuse("zero", "No time since the fill is no interval: state its days.", "/days_since_fill")
    days = work.given("days_since_fill", since)
    flow = work.step(formulas.mean_flow_rate, programmed_volume=visit.programmed, days=days, show="mL/day")
    work.answer(flow)
    check_flow_rate(work, pump, flow)
    if not empty:
        return None, None
    dry = dry_days(work, pump, days, flow, visit.delivered)
    for answer in dry:
        if answer is not None:
            work.answer(answer)
    return dry
