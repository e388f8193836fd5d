"""A whole regimen of opioids as oral morphine per day, by one named table."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.errors import echo, refused
from pumpcalc.library import ConversionTable, Opioid
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_usual_total
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import DailyDoseField, Listed, OpioidName, PatchRateField, Request, TableName

__all__ = ["RegimenLine", "oral_morphine_equivalent", "oral_total", "read_regimen"]

_ORAL_MORPHINE = "oral morphine"
_ROUTES_BEGIN = ("intrathec", "epidur", "neurax", "spinal")
_ROUTES = ("it", "pca", "pcea")
"""Words of a name that say how a dose is given, and that it has no place in an oral total."""


class RegimenLine(Request):
    """One opioid of a regimen: its total per day, or for a patch its rate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"opioid": "oxycodone", "daily_dose": "60 mg/day"}]})

    opioid: OpioidName
    daily_dose: DailyDoseField | None = None
    rate: PatchRateField | None = None


def _opioid(work: Worksheet, line: RegimenLine, pointer: str) -> Opioid:
    """The opioid of a line. A dose that goes to the spine, or that the patient's own pump gives, is not an oral one."""
    words = line.opioid.lower().split("-")
    if any(word in _ROUTES or word.startswith(_ROUTES_BEGIN) for word in words):
        raise work.refuse(
            "not-in-oral-total",
            f"{echo(line.opioid)}: existing intrathecal, epidural and PCA doses are not included in an oral total. "
            "Leave this line out; it is never converted back to an oral dose.",
            f"{pointer}/opioid",
        )
    return work.opioid(line.opioid, f"{pointer}/opioid")


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


def read_regimen(work: Worksheet, regimen: Sequence[RegimenLine]) -> list[tuple[Opioid, Quantity]]:
    """Every line of a regimen: the opioid, and how much of it. Raises Refusal at the line that cannot be counted."""
    read = []
    for position, line in enumerate(regimen):
        pointer = f"/regimen/{position}"
        opioid = _opioid(work, line, pointer)
        read.append((opioid, _taken(line, opioid, pointer)))
    return read


def _counted(work: Worksheet, table: ConversionTable, position: int, opioid: Opioid, taken: Quantity) -> Value | None:
    """One line of the regimen as oral morphine; None, with a note, when the table has no factor for it."""
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


def _note_duplicates(work: Worksheet, table: ConversionTable, opioids: Sequence[Opioid]) -> None:
    """Two prescriptions of one opioid are two doses. One that was listed twice by mistake is for the reader to see."""
    for opioid in dict.fromkeys(opioids):
        places = [str(position) for position, each in enumerate(opioids, start=1) if each == opioid]
        if len(places) > 1 and opioid.name in table.factors:
            work.note(
                "counted-twice",
                f"{opioid.name} stands on lines {' and '.join(places)} of the regimen, and each of them is counted. "
                "If it is one prescription, list it once.",
            )


def oral_total(work: Worksheet, table: ConversionTable, regimen: Sequence[RegimenLine]) -> Value | None:
    """The regimen as oral morphine per day; None when no line of it counts."""
    if table.superseded:
        work.note("superseded-table", f"{table.label} is superseded; it is kept to read old records.")
    read = read_regimen(work, regimen)
    lines = [_counted(work, table, position, *line) for position, line in enumerate(read)]
    _note_duplicates(work, table, [opioid for opioid, _ in read])
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
    regimen : each opioid with its total per day; a fentanyl or buprenorphine patch with its rate [mcg/h]. An opioid
        on two lines is counted on both, with a note ``counted-twice``

    Returns
    -------
    oral_morphine_equivalent [mg/day]. An opioid without a factor is a note ``excluded``, never a zero.

    Limits
    ------
    oral_morphine_equivalent at most ``usual_total_at_most`` of the table

    Raises
    ------
    Refusal ``unknown-opioid``, with the names that the library has; ``not-in-oral-total`` for an intrathecal, epidural
    or PCA dose

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
    oral_total(work, work.table(table), regimen)
    work.cautions(work.drug("morphine").cautions, "equivalent-is-not-a-dose")
