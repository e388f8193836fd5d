"""From oral morphine to an intrathecal start: an evidence range, a chosen ratio, and for ziconotide no conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pumpcalc import formulas
from pumpcalc.conversion.deliverable import deliverability
from pumpcalc.conversion.regimen import RegimenLine, oral_total, read_regimen
from pumpcalc.errors import Refusal
from pumpcalc.library import Drug, OpioidStatus, PublishedRatio, RatioSet
from pumpcalc.limits import check_daily_dose, check_start
from pumpcalc.quantities import Quantity, write_number
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import ConcentrationField, DrugName, Listed, Percent, PumpName, Ratio, TableName

__all__ = ["oral_to_intrathecal"]

_Direction = Literal["oral-to-intrathecal", "intrathecal-to-oral"]


@calculator("oral-to-intrathecal")
def oral_to_intrathecal(
    work: Worksheet,
    *,
    drug: DrugName,
    table: TableName,
    regimen: Listed[RegimenLine],
    opioid_status: OpioidStatus,
    ratio: Ratio | None = None,
    reduction_percent: Percent | None = None,
    direction: _Direction = "oral-to-intrathecal",
    pump: PumpName | None = None,
    concentration: ConcentrationField | None = None,
) -> None:
    """The intrathecal morphine that the published ratios give for an oral regimen; for ziconotide, none.

        intrathecal_daily_dose = oral_morphine_equivalent * kept / ratio

    Parameters
    ----------
    drug : morphine; ziconotide answers ``no_conversion`` with the label's start
    table : table of oral morphine equivalents, as for oral-morphine-equivalent
    regimen : the oral and transdermal opioids
    opioid_status : naive or tolerant, which decides the label's starting range
    ratio : oral mg per intrathecal mg, the caller's choice; there is no default
    reduction_percent : what is taken off for incomplete cross-tolerance, required with ratio, applied once
    direction : oral-to-intrathecal; the other direction is refused, with the reason
    pump : pump model, to see what it can deliver of each strength on the market
    concentration : in the reservoir, to see the flow of the start from it [mg/mL or mcg/mL]

    Returns
    -------
    oral_morphine_equivalent [mg/day]; intrathecal_daily_dose_lowest and _highest [mg/day] over every published ratio,
    after the reduction if one is chosen; with a ratio, intrathecal_daily_dose [mg/day]; evidence, every published
    ratio in the library's order: ratio_id, ratio [mg/mg], intrathecal_daily_dose [mg/day], year, population,
    direction, source; evidence_not_used: the ratios that were read in the other direction.
    ziconotide: start_dose_at_most, step_at_most, maximum_daily_dose [mcg/day], steps_per_week_at_most.
    With a pump, deliverability, every strength: concentration, flow_rate of the start [mL/day], least_daily_dose
    [mg/day or mcg/day], reaches_minimum_flow; with a concentration, flow_rate [mL/day]

    Limits
    ------
    ratio one of the published ratios
    intrathecal_daily_dose within the label's starting range, within ``consensus_start`` when a site has confirmed it,
    at most ``maximum_daily_dose`` and ``caution_daily_dose``
    the start at least the least daily dose of each strength in the pump; flow_rate within the pump's limits

    Raises
    ------
    Refusal ``not-reversible`` for the direction intrathecal-to-oral; ``no-ratio`` for a drug without a published ratio

    Source
    ------
    [krames-1996] 300:1, and every ratio in oral-to-intrathecal-morphine
    """
    monograph = work.drug(drug)
    if direction == "intrathecal-to-oral":
        raise _not_reversible(work, monograph)
    if (ratio is None) != (reduction_percent is None):
        missing = "reduction_percent" if reduction_percent is None else "ratio"
        raise work.refuse(
            "missing",
            f'{missing} is missing: a ratio and a reduction are chosen together; write "0" for no reduction.'
            if missing == "reduction_percent"
            else "ratio is missing: a reduction is applied together with a ratio that is chosen.",
            f"/{missing}",
        )
    if monograph.oral_form.value == "none":
        start = _no_conversion(work, monograph, table, regimen, chosen=ratio is not None)
        deliverability(work, monograph, pump, concentration, start)
        return
    if drug not in work.library.ratios:
        raise work.refuse(
            "no-ratio", f"The library holds no ratio from oral opioids to intrathecal {monograph.label}.", "/drug"
        )
    oral = oral_total(work, work.table(table), regimen)
    if oral is not None:
        dose = _by_ratios(work, monograph, work.library.ratios[drug], oral, opioid_status, ratio, reduction_percent)
        deliverability(work, monograph, pump, concentration, dose)


def _not_reversible(work: Worksheet, drug: Drug) -> Refusal:
    """Why an intrathecal dose is not turned into an oral one, with the figures."""
    why = [f"An intrathecal dose of {drug.label} is not turned into an oral one."]
    published = work.library.ratios.get(drug.name)
    if published is None:
        why.append("The library holds no ratio in that direction.")
    else:
        forward = max(published.forward, key=lambda each: each.ratio.required().amount)
        highest = forward.ratio.required()
        for each in published.backward:
            observed = each.ratio.required()
            why.append(
                f"From intrathecal to oral {observed} was observed ({each.population}; {_title(work, each)}), where "
                f"{highest} is published from oral to intrathecal ({_title(work, forward)}): turned round, that ratio "
                f"would give {write_number(highest.amount / observed.amount)} times the oral dose."
            )
        for caution in drug.cautions:
            if caution.code == "never-reverse-the-ratio":
                why.append(f"{' '.join(caution.text.listed)[:-1]} ({work.library.sources[caution.text.source].title}).")
    return work.refuse("not-reversible", " ".join(why), "/direction")


def _title(work: Worksheet, published: PublishedRatio) -> str:
    return work.library.sources[published.ratio.source].title


def _no_conversion(work: Worksheet, drug: Drug, table: str, regimen: Sequence[RegimenLine], *, chosen: bool) -> Value:
    """A drug without an oral form: the label's start and titration, and nothing computed from the regimen."""
    work.table(table)
    read_regimen(work, regimen)
    if chosen:
        work.note("ratio-not-used", f"The ratio and the reduction are not used: there is no ratio for {drug.label}.")
    rule = drug.titration["us-label"]
    work.outcome = "no_conversion"
    work.note(
        "no-oral-form",
        f"{drug.label.capitalize()} has no oral form and no opioid equivalence: no dose of it follows from an oral "
        "regimen. It is started and titrated by its label.",
        work.cite(drug.oral_form),
    )
    start = work.fact("start_dose_at_most", rule.start_at_most, drug.name)
    work.answer(start)
    work.answer(work.fact("step_at_most", rule.step_at_most, drug.name))
    work.answer(work.fact("maximum_daily_dose", drug.maximum_daily_dose, drug.name))
    if rule.steps_per_week_at_most.is_known:
        work.answer(work.fact("steps_per_week_at_most", rule.steps_per_week_at_most))
    work.cautions(drug.cautions, "taper-opioids", "psychiatric-boxed-warning", "contraindications", "not-intravenous")
    return start


def _by_ratios(
    work: Worksheet,
    drug: Drug,
    published: RatioSet,
    oral: Value,
    opioid_status: str,
    ratio: Quantity | None,
    reduction: Quantity | None,
) -> Value | None:
    """The dose at every published ratio, and at the chosen one, which is given back."""
    between = f"{published.substance}/{drug.name}"
    kept = None
    if reduction is not None:
        kept = work.step(formulas.kept, reduction=work.given("reduction", reduction), show="1")
    doses, evidence = [], []
    for each in published.forward:
        name = each.id.replace("-", "_")
        at = work.fact(f"ratio_{name}", each.ratio, between)
        doses.append(_dose(work, f"dose_at_{name}", oral, at, kept))
        evidence.append({"ratio_id": each.id, "ratio": at, "intrathecal_daily_dose": doses[-1], **_words(each)})
    work.answer(work.least("intrathecal_daily_dose_lowest", doses, "mg/day"))
    work.answer(work.greatest("intrathecal_daily_dose_highest", doses, "mg/day"))
    dose = None
    if ratio is not None:
        chosen = work.given("ratio", ratio, between)
        dose = _dose(work, "intrathecal_daily_dose", oral, chosen, kept)
        work.answer(dose)
        same = [each for each in published.forward if each.ratio.required().amount == chosen.amount]
        work.one_of(
            "published_ratio",
            chosen,
            [each.ratio.required() for each in published.forward],
            work.cite((same or published.forward)[0].ratio),
        )
        check_start(work, drug, dose, opioid_status)
        check_daily_dose(work, drug, dose)
    work.answer_with("evidence", evidence)
    work.answer_with("evidence_not_used", [{"ratio_id": each.id, **_words(each)} for each in published.backward])
    for each in published.backward:
        work.note(
            "ratio-of-the-other-direction",
            f"{each.ratio.required()} ({each.population}) was read from intrathecal to oral, and is not used here.",
            work.cite(each.ratio),
        )
    if kept is not None:
        work.note("range-after-reduction", "The range over the published ratios is shown after the same reduction.")
        work.note(
            "reduction-of-route",
            "A reduction for incomplete cross-tolerance is read for a change of opioid. Morphine to morphine is a "
            "change of route only: the reduction is the clinic's own choice.",
        )
    work.cautions(
        drug.cautions,
        "little-consensus-on-the-ratio",
        "equivalent-is-not-a-dose",
        "never-reverse-the-ratio",
        "observe-24-h",
    )
    return dose


def _words(published: PublishedRatio) -> dict[str, Any]:
    """Who published a ratio, when, for whom, in which direction. None of it is a number of the page."""
    return {
        "year": f"published {published.year}" if published.year is not None else "year not recorded",
        "population": published.population,
        "direction": published.direction,
        "source": f"{published.ratio.source}: {published.ratio.where}",
    }


def _dose(work: Worksheet, name: str, oral: Value, ratio: Value, kept: Value | None) -> Value:
    if kept is None:
        return work.step(formulas.intrathecal_dose_unreduced, name=name, oral=oral, ratio=ratio, show="mg/day")
    return work.step(formulas.intrathecal_dose, name=name, oral=oral, ratio=ratio, kept=kept, show="mg/day")
