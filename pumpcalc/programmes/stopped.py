"""A pump that stands still, or runs at its minimum rate: the alarm, and what was not delivered."""

from __future__ import annotations

from typing import Literal

from pumpcalc import formulas
from pumpcalc.library import Pump
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DailyDoseField,
    DrugName,
    DurationField,
    FlowRateField,
    PumpName,
    YesNo,
)

__all__ = ["pump_stopped", "say_stopped"]


def say_stopped(work: Worksheet, device: Pump | None) -> None:
    """What it means that a pump is left stopped."""
    after = None if device is None else device.stopped_alarm_after
    alarm = (
        f" Stopped for more than {after.quantity}, it sounds its critical alarm."
        if after is not None and after.is_known
        else ""
    )
    work.note(
        "ends-stopped",
        f"The pump is then stopped: it delivers nothing until it is programmed again.{alarm} "
        "State when it is to be started, and by whom.",
        work.cite(after) if after is not None and after.is_known else None,
    )
    if device is not None:
        work.cautions(device.cautions, "stopped-48-h", "left-stopped")


@calculator("pump-stopped")
def pump_stopped(
    work: Worksheet,
    *,
    pump: PumpName,
    stopped_for: DurationField,
    from_log: YesNo = False,
    drug: DrugName | None = None,
    concentration: ConcentrationField | None = None,
    daily_dose: DailyDoseField | None = None,
    minimum_rate: FlowRateField | None = None,
) -> None:
    """What a pump did not deliver while it stood still, and whether its critical alarm is to be expected.

        dose_missed = daily_dose * stopped_for,  volume_not_delivered = dose_missed / concentration

    Parameters
    ----------
    pump : pump model
    stopped_for : how long it stood still, or ran at its minimum rate [h, min or day]
    from_log : the pump's own log says so; without it no volume is credited
    drug, concentration, daily_dose : of the programme that was interrupted, all or none
    minimum_rate : the flow that ran on, where it was at its minimum rate and not stopped [mL/day]

    Returns
    -------
    alarm_expected: yes, no or unknown; with a programme dose_missed [mg or mcg] and volume_not_delivered [mL]

    Limits
    ------
    stopped_for at most ``stopped_alarm_after`` of the pump

    Raises
    ------
    Refusal ``not-from-log`` when a volume is to be credited and the log does not say how long

    Source
    ------
    [gillette-itb-discharge-sheet] the alarm; [tga-synchromed-ii-alert] the risk of over-infusion afterwards

    Example
    -------
    >>> found = pump_stopped(pump="synchromed-ii-20", stopped_for="24 h", from_log=True, drug="morphine",
    ...     concentration="20 mg/mL", daily_dose="6 mg/day")
    >>> found.answers
    {'alarm_expected': 'no', 'dose_missed': '6 mg', 'volume_not_delivered': '0.3 mL'}
    """
    device = work.pump(pump)
    lasted = work.given("stopped_for", stopped_for)
    work.answer_with("alarm_expected", _alarm(work, device, lasted, at_minimum_rate=minimum_rate is not None))
    programme = {"drug": drug, "concentration": concentration, "daily_dose": daily_dose}
    if drug is not None and concentration is not None and daily_dose is not None:
        if not from_log:
            raise work.refuse(
                "not-from-log",
                "A volume is credited only when the pump's log says how long it stood still: read the log, and set "
                "from_log to true.",
                "/from_log",
            )
        _credit(work, drug, concentration, daily_dose, lasted, minimum_rate)
    elif any(each is not None for each in (*programme.values(), minimum_rate)):
        missing = next(name for name, each in programme.items() if each is None)
        raise work.refuse(
            "missing", f"{missing} is missing: what was not delivered follows from {', '.join(programme)}.",
            f"/{missing}",
        )  # fmt: skip
    work.cautions(device.cautions, "stopped-48-h", "left-stopped", "mri", "mri-empty-first")
    work.note(
        "until-interrogated",
        "Until an interrogation confirms that the pump runs again, its state is unknown and no projected date holds.",
    )


def _alarm(work: Worksheet, device: Pump, lasted: Value, *, at_minimum_rate: bool) -> Literal["yes", "no", "unknown"]:
    """Does a pump that stands still for so long sound its critical alarm?"""
    after = device.stopped_alarm_after
    if at_minimum_rate:
        return "no"
    work.at_most(lasted, after)
    if after.quantity is None:
        return "unknown"
    return "yes" if lasted.amount > after.quantity.amount else "no"


def _credit(
    work: Worksheet,
    drug: str,
    concentration: Quantity,
    daily_dose: Quantity,
    lasted: Value,
    minimum_rate: Quantity | None,
) -> None:
    """The dose that was missed, and the volume that is still in the reservoir."""
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    dose = work.given("daily_dose", daily_dose, monograph.name)
    mass = dose.spelling.partition("/")[0]
    if minimum_rate is not None:
        flow = work.given("minimum_rate", minimum_rate)
        ran_on = work.step(
            formulas.daily_dose, name="dose_at_minimum_rate", flow_rate=flow, concentration=strength, show=f"{mass}/day"
        )
        if ran_on.amount >= dose.amount:
            raise work.refuse(
                "out-of-range",
                f"At {minimum_rate} the pump ran at {ran_on}, which is not below the daily dose of {dose}.",
                "/minimum_rate",
            )
        dose = work.step(
            formulas.difference_of_doses, name="daily_dose_missed", larger=dose, smaller=ran_on, show=f"{mass}/day"
        )
    missed = work.step(formulas.dose_over, name="dose_missed", rate=dose, lasts=lasted, show=mass)
    work.answer(missed)
    work.answer(
        work.step(formulas.volume_of_dose, name="volume_not_delivered", dose=missed, concentration=strength, show="mL")
    )
    work.note(
        "credit-of-volume",
        "This volume is still in the reservoir: the expected residual is so much more. The dose that was missed is not "
        "made up.",
    )
