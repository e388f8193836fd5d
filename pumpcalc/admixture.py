"""Mixtures: one flow drives every drug, each drug keeps its own ceilings, and how long they keep together is a fact.

How long a mixture keeps is read, never reckoned. A solution is held to the one that was studied with the next higher
concentration of the partner; between two it is never interpolated, and above the highest there are no data. Where the
study changed both drugs at once, only the solutions that were studied count.

Of the days that a study gives, those to 90 % of the drug count. That is our decision: 90 % of the labelled amount is
the usual criterion of the compendia, and the earlier of two days is the safer. The others are shown beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pumpcalc import formulas
from pumpcalc.compounding import StockedComponent, stock_of
from pumpcalc.delivery import doses_by_flow
from pumpcalc.library import Drug, Fact, Mixture, StudiedSolution
from pumpcalc.limits import check_approval, check_flow_rate, check_indication, solution_of
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_against_last
from pumpcalc.worksheet import Count, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import Acknowledged, DailyDoseField, Listed, PumpName

__all__ = ["admixture_dose", "nobody_has_read", "note_mixture", "studied_limits"]

_Strengths = Mapping[str, Quantity]
"""The concentrations of a solution, by drug."""


@calculator("admixture-dose")
def admixture_dose(
    work: Worksheet,
    *,
    components: Listed[StockedComponent],
    daily_dose: DailyDoseField,
    previous_daily_dose: DailyDoseField | None = None,
    pump: PumpName | None = None,
    acknowledged: Acknowledged = (),
) -> None:
    """The dose of every drug of a mixture when one flow drives them all, and how long the mixture keeps.

        daily_dose_2 = flow_rate * concentration_2,  flow_rate = daily_dose / concentration

    Parameters
    ----------
    components : drugs in the reservoir with their concentrations; the first is primary and sets the flow. Each may
        state its stock, a stock_concentration or a product of the library, to see if the mixture can be made of them
    daily_dose : of the primary drug [mg/day or mcg/day]
    previous_daily_dose : of the primary drug from the same solution, before a change [mg/day or mcg/day]
    pump : pump model, to check the flow against what it can deliver
    acknowledged : statements that were read, such as fda-2018

    Returns
    -------
    flow_rate [mL/day]; components, in the order of the request: drug, daily_dose [mg/day or mcg/day], and with a
    previous dose previous_daily_dose and change_percent; with stocks sum_of_fractions; where the mixture was studied,
    in_pump_stability [day] and stability: remaining [%] and days, in the order of the days

    Limits
    ------
    each drug's daily dose and concentration within its own limits, at every change; flow_rate within the pump's;
    sum_of_fractions at most 1; fda_2018_statement acknowledged

    Raises
    ------
    Refusal ``missing`` for the stock of one drug where that of another is stated; ``unknown-product``

    Source
    ------
    [definition] dose over concentration, flow times concentration; [ziconotide-morphine-admixture-2008] days that
    ziconotide keeps with morphine; [fda-pump-drugs-2018-11-14] the statement on mixtures

    Example
    -------
    >>> found = admixture_dose(daily_dose="4 mg/day", components=[
    ...     {"drug": "morphine", "concentration": "10 mg/mL"}, {"drug": "bupivacaine", "concentration": "20 mg/mL"}])
    >>> found.answers["flow_rate"], found.answers["components"][1]["daily_dose"]
    ('0.4 mL/day', '8 mg/day')
    """
    drugs = [work.drug(each.drug, f"/components/{n}/drug") for n, each in enumerate(components)]
    work.refuse_duplicates(drugs)
    dose = work.given("daily_dose", daily_dose, drugs[0].name)
    strength = work.given("concentration", components[0].concentration, drugs[0].name)
    flow = work.step(formulas.flow_rate, daily_dose=dose, concentration=strength, show="mL/day")
    doses = doses_by_flow(work, drugs, [each.concentration for each in components], flow, dose, strength)
    rows: list[dict[str, Any]] = [
        {"drug": drug.name, "daily_dose": each} for drug, each in zip(drugs, doses, strict=True)
    ]
    if previous_daily_dose is not None:
        _change(work, drugs, rows, previous_daily_dose)
    work.answer(flow)
    work.answer_with("components", rows)
    if any(each.stock_concentration or each.product for each in components):
        work.answer(_sum_of_fractions(work, drugs, components))
    if len(drugs) > 1:
        _answer_stability(work, drugs, {each.drug: each.concentration for each in components})
        note_mixture(work, drugs)
    if pump is not None:
        device = work.pump(pump)
        check_flow_rate(work, device, flow)
        for drug in drugs:
            check_indication(work, drug, device)
    check_approval(work, drugs, acknowledged)


def _strength(work: Worksheet, position: int) -> Value:
    """The concentration of a component, already on the page."""
    return work.line(f"concentration_{position + 1}" if position else "concentration")


def _change(work: Worksheet, drugs: Sequence[Drug], rows: Sequence[dict[str, Any]], previous: Quantity) -> None:
    """What every drug had before the change, and by how much each is moved. The limits are those of the new doses."""
    before = work.given("previous_daily_dose", previous, drugs[0].name)
    flow = work.step(
        formulas.flow_rate,
        name="previous_flow_rate",
        daily_dose=before,
        concentration=work.line("concentration"),
        show="mL/day",
    )
    for position, row in enumerate(rows):
        number = f"_{position + 1}"
        row["previous_daily_dose"] = (
            work.step(
                formulas.daily_dose,
                name=f"previous_daily_dose{number}",
                flow_rate=flow,
                concentration=_strength(work, position),
                show=row["daily_dose"].spelling,
            )
            if position
            else before
        )
        row["change_percent"] = work.step(
            formulas.change_of_dose,
            name=f"change_percent{number}",
            daily_dose=row["daily_dose"],
            previous_daily_dose=row["previous_daily_dose"],
            show="%",
        )
    check_against_last(work, rows[0]["daily_dose"], before)
    moved = [
        f"{drug.label} from {row['previous_daily_dose']} to {row['daily_dose']}"
        for drug, row in zip(drugs, rows, strict=True)
        if row["change_percent"].amount != 0
    ]
    if moved:
        work.note(
            "change-moves-every-drug", f"This change moves {', '.join(moved)}. Each limit is that of the new dose."
        )


def _sum_of_fractions(work: Worksheet, drugs: Sequence[Drug], components: Sequence[StockedComponent]) -> Value:
    """Can the mixture be made of these stocks? Their parts of it are together at most the whole."""
    fractions = [
        work.step(
            formulas.fraction_of_stock,
            name=f"fraction_of_stock_{position + 1}",
            concentration=_strength(work, position),
            stock_concentration=_stock(work, drug, component, position),
            show="1",
        )
        for position, (drug, component) in enumerate(zip(drugs, components, strict=True))
    ]
    together = work.total("sum_of_fractions", fractions, "1")
    work.at_most_the_whole(together)
    if together.amount > 1:
        work.note(
            "infeasible",
            f"The stocks together would be {together} of the preparation, more than the whole: use stronger stock, "
            "weaker concentrations, or powder, which changes the beyond-use date.",
        )
    return together


def _stock(work: Worksheet, drug: Drug, component: StockedComponent, position: int) -> Value:
    """The stock of one drug, as it is stated or as the library has the product."""
    pointer = f"/components/{position}"
    if component.stock_concentration is None and component.product is None:
        raise work.refuse(
            "missing",
            f'The stock of {drug.label} is missing: state that of every drug or of none, as "stock_concentration" or '
            'as "product" of the library.',
            f"{pointer}/stock_concentration",
        )
    return stock_of(work, drug, component, f"_{position + 1}", pointer)[0]


# How long a mixture keeps


def _studies(work: Worksheet, strengths: _Strengths) -> Iterator[tuple[Mixture, StudiedSolution, bool]]:
    """Every studied solution that bounds this one, of the whole or of a part of it, and whether it stands for it.

    A mixture keeps no longer than a part of it, nor than a weaker one; neither says how long it does keep.
    """
    for mixture in work.library.mixtures_within(strengths):
        if (solution := mixture.solution_for(strengths)) is not None:
            yield mixture, solution, True
        elif (weaker := mixture.strongest_below(strengths)) is not None:
            yield mixture, weaker, False


def studied_limits(work: Worksheet, strengths: _Strengths) -> tuple[list[Value], bool]:
    """The days that studies give for a mixture and for every part of it, and whether the whole was studied."""
    limits, whole = [], False
    for mixture, studied, stands in _studies(work, strengths):
        limits.append(work.fact(f"in_pump_stability_of_{mixture.name.replace('-', '_')}", studied.keeps))
        whole = whole or (stands and len(mixture.drugs) == len(strengths))
        _note_study(work, mixture, studied, stands=stands)
    return limits, whole


def _answer_stability(work: Worksheet, drugs: Sequence[Drug], strengths: _Strengths) -> None:
    """The days that count and every reading of the study; or that nobody has read how long this mixture keeps."""
    whole = None
    for mixture, studied, stands in _studies(work, strengths):
        _note_study(work, mixture, studied, stands=stands)
        if stands and len(mixture.drugs) == len(drugs):
            whole = studied
    if whole is None:
        work.note("stability-unknown", nobody_has_read(work, drugs))
        return
    rows = []
    for number, reading in enumerate(whole.readings, start=1):
        days = work.fact(f"days_{number}", reading.days)
        rows.append({"remaining": work.fact(f"remaining_{number}", reading.remaining), "days": Count(days)})
        if reading.days is whole.keeps:
            work.answer(work.shown_as("in_pump_stability", days, "day"))
    work.answer_with("stability", rows)
    for drug in drugs:
        for kind, held in drug.in_pump_stability.items():
            if held.is_known:
                work.note(
                    "own-stability-counts-too",
                    f"The limit of {drug.label} itself counts too: {held.quantity} in the pump"
                    + ("." if kind == "any" else f" ({kind} fill).")
                    + " A refill schedule takes the earliest.",
                    work.cite(held),
                )


def _whole(work: Worksheet, drugs: Sequence[Drug]) -> Mixture | None:
    """What the library holds on exactly these drugs together."""
    found = work.library.mixtures_within(drug.name for drug in drugs)
    return found[-1] if found and len(found[-1].drugs) == len(drugs) else None


def _note_study(work: Worksheet, mixture: Mixture, studied: StudiedSolution, *, stands: bool) -> None:
    """The study behind the days, with everything that it gives, and what was not read of it."""
    left = "; ".join(f"{reading.remaining.quantity} left after {reading.days.quantity}" for reading in studied.readings)
    for fact in studied.concentrations.values():
        if not fact.is_known:
            work.not_checked(fact)
    work.note(
        "mixture-stability",
        f"Studied: {_as_studied(work, mixture, studied)} ({' '.join(studied.conditions.listed)}): {left}. "
        f"{studied.keeps.quantity} counts" + ("." if stands else ": a stronger mixture keeps no longer."),
        work.cite(studied.keeps),
    )


def _as_studied(work: Worksheet, mixture: Mixture, studied: StudiedSolution) -> str:
    """A studied solution in words: ``ziconotide (concentration not read) with morphine 10 mg/mL``."""
    return " with ".join(
        f"{work.library.drug(drug).label} {studied.known.get(drug, '(concentration not read)')}"
        for drug in mixture.drugs
    )


def nobody_has_read(work: Worksheet, drugs: Sequence[Drug]) -> str:
    """That the library does not hold how long this mixture keeps; what it does hold of it is shown in notes."""
    mixture = _whole(work, drugs)
    names = "-".join(drug.name for drug in drugs)
    work.not_checked(mixture.in_pump_stability if mixture else Fact(f"{names}.in_pump_stability", None, "unknown"))
    text = f"The library does not hold how long {solution_of(drugs)} keeps in the pump"
    if mixture is None or not mixture.studied:
        return f"{text}."
    if mixture.studied[0].exactly:
        return f"{text}: studied were only {'; '.join(_as_studied(work, mixture, each) for each in mixture.studied)}."
    strongest = " and ".join(f"{amount} of {drug}" for drug, amount in mixture.studied[-1].known.items())
    return f"{text}: no data above {strongest}."


def note_mixture(work: Worksheet, drugs: Sequence[Drug]) -> None:
    """What a prescriber must know of a mixture, beside its numbers."""
    work.note(
        "admixture",
        "One flow drives every drug: a change of the primary dose changes all doses alike. To change one drug alone, "
        "change its concentration and not the flow.",
    )
    whole = _whole(work, drugs)
    for what, figure in whole.stability_evidence if whole else ():
        work.note(
            "stability-evidence",
            f"Read of {solution_of(drugs)}: {what}, {figure.quantity}. The concentrations were not read, so nothing "
            "follows for this solution.",
            work.cite(figure),
        )
    for mixture in work.library.mixtures_within(drug.name for drug in drugs):
        work.cautions(mixture.cautions)
    opioid = any(drug.opioid.value == "yes" for drug in drugs)
    for drug in drugs:
        work.cautions(drug.cautions, "monotherapy", *(["intrathecal-opioids-not-recommended"] if opioid else []))
