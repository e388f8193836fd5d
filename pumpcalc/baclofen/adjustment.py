"""By how much a dose of baclofen may be changed, by the origin of the spasticity and the phase."""

from __future__ import annotations

from pumpcalc import formulas
from pumpcalc.library import Adjustment, Drug, Origin, Phase
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import ConcentrationField, DailyDoseField, PumpName

__all__ = ["baclofen_adjustment"]

_DRUG = "baclofen"


@calculator("baclofen-adjustment")
def baclofen_adjustment(
    work: Worksheet,
    *,
    daily_dose: DailyDoseField,
    origin: Origin,
    phase: Phase,
    next_daily_dose: DailyDoseField | None = None,
    concentration: ConcentrationField | None = None,
    pump: PumpName | None = None,
) -> None:
    """The lowest and the highest next dose of baclofen, by the origin of the spasticity and the phase.

        increased_daily_dose_lowest = daily_dose * (1 + increase_at_least)

    Parameters
    ----------
    daily_dose : the dose in force [mcg/day or mg/day]
    origin : spinal or cerebral
    phase : titration, in the days after the first 24 hours; refill, later
    next_daily_dose : the dose that is planned next, to be checked [mcg/day or mg/day]
    concentration : in the reservoir, to show the flow of each dose [mg/mL or mcg/mL]
    pump : pump model, to check each flow

    Returns
    -------
    increased_daily_dose_lowest and _highest; at a refill also decreased_daily_dose_lowest and _highest [mg/day or
    mcg/day]; with a concentration the flow of each, such as increased_flow_rate_lowest [mL/day]

    Limits
    ------
    increased_daily_dose_highest at most ``caution_daily_dose`` and the usual range of the origin; at a refill
    decreased_daily_dose_lowest at least that range, and daily_dose within it
    next_daily_dose between the lowest and the highest of its direction, within the same bounds; each flow_rate within
    the pump's limits

    Source
    ------
    [baclofen-minclinic] a secondary copy of the label's text

    Example
    -------
    >>> baclofen_adjustment(daily_dose="200 mcg/day", origin="spinal", phase="titration").answers
    {'increased_daily_dose_lowest': '220 mcg/day', 'increased_daily_dose_highest': '260 mcg/day'}
    """
    drug = work.drug(_DRUG)
    if drug.adjustment is None:
        raise work.refuse("not-in-library", f"The library holds no changes of dose for {drug.label}.", "")
    device = work.pump(pump) if pump is not None else None
    if device is not None and concentration is None:
        raise work.refuse(
            "missing", "concentration is missing: without it no flow can be checked against the pump.", "/concentration"
        )
    dose = work.given("daily_dose", daily_dose, _DRUG)
    doses = _changed(work, drug.adjustment, dose, origin, phase)
    for each in doses.values():
        work.answer(each)
    if next_daily_dose is not None:
        doses["next"] = work.given("next_daily_dose", next_daily_dose, _DRUG)
    _check(work, drug, drug.adjustment, dose, doses, origin, phase)
    if concentration is not None:
        strength = work.given("concentration", concentration, _DRUG)
        check_concentration(work, drug, strength)
        if device is not None:
            check_indication(work, drug, device)
        for each in doses.values():
            name = each.name.replace("daily_dose", "flow_rate")
            flow = work.step(formulas.flow_rate, name=name, daily_dose=each, concentration=strength, show="mL/day")
            work.answer(flow)
            if device is not None:
                check_flow_rate(work, device, flow)
    codes = ("titration-once-daily",) if phase == "titration" else ()
    work.cautions(drug.cautions, *codes, "children-dose", "never-stop-abruptly")


def _changed(work: Worksheet, adjustment: Adjustment, dose: Value, origin: str, phase: str) -> dict[str, Value]:
    """The doses that the source allows next, by a name of its own for each."""
    span = adjustment.increase[origin][phase]
    made = {
        f"increased_{end}": work.step(
            formulas.raised_dose,
            name=f"increased_daily_dose_{end}",
            daily_dose=dose,
            increase=work.fact(f"increase_{bound}", fact),
            show=dose.spelling,
        )
        for end, bound, fact in (("lowest", "at_least", span.at_least), ("highest", "at_most", span.at_most))
    }
    if phase == "refill":
        made |= {
            f"decreased_{end}": work.step(
                formulas.lowered_dose,
                name=f"decreased_daily_dose_{end}",
                daily_dose=dose,
                decrease=work.fact(f"decrease_{bound}", fact),
                show=dose.spelling,
            )
            for end, bound, fact in (
                ("lowest", "at_most", adjustment.decrease.at_most),
                ("highest", "at_least", adjustment.decrease.at_least),
            )
        }
    return made


def _check(
    work: Worksheet,
    drug: Drug,
    adjustment: Adjustment,
    dose: Value,
    doses: dict[str, Value],
    origin: str,
    phase: str,
) -> None:
    """The usual range of the origin, the caution threshold, and the planned dose between its two ends.

    The lower end of the range is of a dose that has been found: it is looked at from the first refill on.
    """
    usual = adjustment.usual_daily_dose[origin]
    check_daily_dose(work, drug, doses["increased_highest"])
    above, below = [doses["increased_highest"]], []
    if phase == "refill":
        above.append(dose)
        below += [dose, doses["decreased_lowest"]]
    planned = doses.get("next")
    if planned is not None:
        above.append(planned)
        work.at_most(planned, drug.caution_daily_dose, "next_daily_dose_caution")
        if phase == "refill":
            below.append(planned)
        _check_planned(work, adjustment, dose, planned, doses, origin, phase)
    for each in above:
        work.at_most(each, usual.at_most, f"{each.name}_{origin}_usual_at_most")
    for each in below:
        work.at_least(each, usual.at_least, f"{each.name}_{origin}_usual_at_least")


def _check_planned(
    work: Worksheet,
    adjustment: Adjustment,
    dose: Value,
    planned: Value,
    doses: dict[str, Value],
    origin: str,
    phase: str,
) -> None:
    """A planned dose between the lowest and the highest of its direction. A dose that stays is neither."""
    if planned.amount == dose.amount:
        return
    direction = "increased" if planned.amount > dose.amount else "decreased"
    if f"{direction}_lowest" not in doses:
        work.note("decrease-not-read", "No figure for a decrease during titration was read: nothing checked it.")
        return
    span = adjustment.increase[origin][phase] if direction == "increased" else adjustment.decrease
    cited = work.cite(span.at_most)
    work.soft_bound(planned, "at least", doses[f"{direction}_lowest"], f"next_daily_dose_{direction}_at_least", cited)
    work.soft_bound(planned, "at most", doses[f"{direction}_highest"], f"next_daily_dose_{direction}_at_most", cited)
