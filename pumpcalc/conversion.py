"""Oral opioids to oral morphine equivalents, and oral morphine to an intrathecal starting dose.

The two are separate functions over separate tables. A table of equivalents sums a regimen and never chooses a dose;
a ratio from oral to intrathecal is a policy choice that the caller makes and the record keeps. Ziconotide has
neither: no oral form, no equivalence. It gets ``no_conversion`` and the label's start.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.errors import refused
from pumpcalc.library import ConversionTable, Drug, Opioid, OpioidStatus, RatioSet
from pumpcalc.limits import check_daily_dose, check_start
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_usual_total
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    DailyDoseField,
    DrugName,
    Listed,
    OpioidName,
    PatchRateField,
    Percent,
    Ratio,
    Request,
    TableName,
)

__all__ = ["RegimenLine", "oral_morphine_equivalent", "oral_to_intrathecal"]

_ORAL_MORPHINE = "oral morphine"


class RegimenLine(Request):
    """One opioid of a regimen: its total per day, or for a patch its rate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"opioid": "oxycodone", "daily_dose": "60 mg/day"}]})

    opioid: OpioidName
    daily_dose: DailyDoseField | None = None
    rate: PatchRateField | None = None


def _taken(line: RegimenLine, opioid: Opioid, pointer: str) -> Quantity:
    """How much of an opioid is taken, in the form in which it is counted."""
    wanted = opioid.taken_as
    other = "rate" if wanted == "daily_dose" else "daily_dose"
    taken = getattr(line, wanted)
    if getattr(line, other) is not None or taken is None:
        example = "25 mcg/h" if wanted == "rate" else "60 mg/day"
        raise refused(
            "wrong-kind" if getattr(line, other) is not None else "missing",
            f'{opioid.label} is counted by its {wanted.replace("_", " ")}: write "{wanted}": "{example}"'
            f"{f', and no {other}' if getattr(line, other) is not None else ''}.",
            f"{pointer}/{other if getattr(line, other) is not None else wanted}",
        )
    return taken  # type: ignore[no-any-return]


def _counted(work: Worksheet, table: ConversionTable, position: int, line: RegimenLine) -> Value | None:
    """One line of the regimen as oral morphine; None, with a note, when the table has no factor for it."""
    pointer = f"/regimen/{position}"
    opioid = work.opioid(line.opioid, f"{pointer}/opioid")
    taken = _taken(line, opioid, pointer)
    if opioid.name not in table.factors:
        told = table.excluded.get(opioid.name)
        work.note(
            "excluded",
            f"{opioid.name} is not counted: {table.label} gives no factor for it. Excluded is not zero.",
            work.cite(told) if told else None,
        )
        return None
    name = f"line_{position + 1}"
    dose = work.given(f"{name}_{opioid.taken_as}", taken, opioid.substance)
    factor = work.fact(f"{name}_factor", table.factors[opioid.name], f"{_ORAL_MORPHINE}/{opioid.substance}")
    if opioid.name in table.warnings:
        warning = table.warnings[opioid.name]
        work.note(f"{opioid.name}-factor", " ".join(warning.listed), work.cite(warning))
    return work.step(
        formulas.oral_morphine_equivalent,
        name=f"{name}_oral_morphine_equivalent",
        daily_dose=dose,
        factor=factor,
        show="mg/day",
    )


def _total(work: Worksheet, table: ConversionTable, regimen: Sequence[RegimenLine]) -> Value | None:
    """The regimen as oral morphine per day; None when no line of it counts."""
    if table.superseded:
        work.note("superseded-table", f"{table.label} is superseded; it is kept to read old records.")
    lines = [_counted(work, table, position, line) for position, line in enumerate(regimen)]
    counted = [line for line in lines if line is not None]
    if not counted:
        work.outcome = "no_conversion"
        work.note("nothing-counted", f"No opioid of this regimen has a factor in {table.label}, so there is no total.")
        return None
    total = work.total("oral_morphine_equivalent", counted, "mg/day")
    work.answer(total)
    check_usual_total(work, total, table)
    return total


@calculator("oral-morphine-equivalent")
def oral_morphine_equivalent(work: Worksheet, *, table: TableName, regimen: Listed[RegimenLine]) -> None:
    """What a whole regimen of opioids counts as in oral morphine per day, by one named table.

        line_1_oral_morphine_equivalent = line_1_daily_dose * line_1_factor

    Parameters
    ----------
    table : name of the table, always the caller's choice: tables disagree and are never mixed
    regimen : each opioid with its total per day; a fentanyl or buprenorphine patch with its rate [mcg/h]

    Returns
    -------
    oral_morphine_equivalent [mg/day]. An opioid without a factor is a note ``excluded``, never a zero.

    Source
    ------
    [cdc-2022] or the table that is named

    Example
    -------
    >>> oral_morphine_equivalent(
    ...     table="cdc-2022", regimen=[{"opioid": "fentanyl-transdermal", "rate": "25 mcg/h"}]
    ... ).answers["oral_morphine_equivalent"]
    '60 mg/day'
    """
    _total(work, work.table(table), regimen)
    work.cautions(work.drug("morphine").cautions, "equivalent-is-not-a-dose")


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

    Returns
    -------
    oral_morphine_equivalent [mg/day]; intrathecal_daily_dose_lowest and _highest [mg/day] over every published ratio,
    after the reduction if one is chosen; with a ratio, intrathecal_daily_dose [mg/day].
    ziconotide: start_dose_at_most, step_at_most, maximum_daily_dose [mcg/day]

    Limits
    ------
    ratio one of the published ratios
    intrathecal_daily_dose within the label's starting range, ``maximum_daily_dose``, ``caution_daily_dose``

    Source
    ------
    [krames-1996] 300:1, and every ratio in oral-to-intrathecal-morphine
    """
    monograph = work.drug(drug)
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
        _no_conversion(work, monograph, table, regimen, chosen=ratio is not None)
        return
    if drug not in work.library.ratios:
        raise work.refuse(
            "no-ratio", f"The library holds no ratio from oral opioids to intrathecal {monograph.label}.", "/drug"
        )
    oral = _total(work, work.table(table), regimen)
    if oral is not None:
        _by_ratios(work, monograph, work.library.ratios[drug], oral, opioid_status, ratio, reduction_percent)


def _no_conversion(work: Worksheet, drug: Drug, table: str, regimen: Sequence[RegimenLine], *, chosen: bool) -> None:
    """A drug without an oral form: the label's start and titration, and nothing computed from the regimen."""
    work.table(table)
    for position, line in enumerate(regimen):
        _taken(line, work.opioid(line.opioid, f"/regimen/{position}/opioid"), f"/regimen/{position}")
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
    work.answer(work.fact("start_dose_at_most", rule.start_at_most, drug.name))
    work.answer(work.fact("step_at_most", rule.step_at_most, drug.name))
    work.answer(work.fact("maximum_daily_dose", drug.maximum_daily_dose, drug.name))
    work.cautions(drug.cautions, "taper-opioids", "psychiatric-boxed-warning", "contraindications", "not-intravenous")


def _by_ratios(
    work: Worksheet,
    drug: Drug,
    published: RatioSet,
    oral: Value,
    opioid_status: str,
    ratio: Quantity | None,
    reduction: Quantity | None,
) -> None:
    """The dose at every published ratio, and at the chosen one."""
    between = f"{published.substance}/{drug.name}"
    kept = None
    if reduction is not None:
        kept = work.step(formulas.kept, reduction=work.given("reduction", reduction), show="1")
    doses = []
    for each in published.forward:
        name = each.id.replace("-", "_")
        at = work.fact(f"ratio_{name}", each.ratio, between)
        doses.append(_dose(work, f"dose_at_{name}", oral, at, kept))
    work.answer(work.least("intrathecal_daily_dose_lowest", doses, "mg/day"))
    work.answer(work.greatest("intrathecal_daily_dose_highest", doses, "mg/day"))
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


def _dose(work: Worksheet, name: str, oral: Value, ratio: Value, kept: Value | None) -> Value:
    if kept is None:
        return work.step(formulas.intrathecal_dose_unreduced, name=name, oral=oral, ratio=ratio, show="mg/day")
    return work.step(formulas.intrathecal_dose, name=name, oral=oral, ratio=ratio, kept=kept, show="mg/day")
