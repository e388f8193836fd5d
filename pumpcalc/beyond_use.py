"""The beyond-use date of a compounded preparation: when administration must have begun.

It bounds the syringe, not the pump: a fill that has begun is governed by its stability in the pump.
"""

from __future__ import annotations

from pumpcalc.library import Storage
from pumpcalc.worksheet import Worksheet, calculator
from pumpcalc.worksheet.fields import CategoryName, Days, Instant

__all__ = ["beyond_use_date"]

_TABLE = "usp-797-2023"


@calculator("beyond-use-date")
def beyond_use_date(
    work: Worksheet,
    *,
    category: CategoryName,
    storage: Storage,
    compounded_at: Instant,
    chemical_stability: Days | None = None,
) -> None:
    """The instant before which administration of a compounded preparation must begin.

        beyond_use = compounded_at + min(category_limit, chemical_stability)

    Parameters
    ----------
    category : category of the preparation, such as 1 or 2-aseptic-sterile-notest
    storage : room, fridge or frozen
    compounded_at : when it was compounded, with the offset
    chemical_stability : how long it keeps chemically in this container, where that is known [day or h]

    Returns
    -------
    beyond_use, an instant in the offset of compounded_at; binding: category or chemical-stability

    Raises
    ------
    Refusal ``not-in-library`` for a category and storage whose limit nobody has read

    Source
    ------
    [usp-797-2023-copy] a copy of the table, to be checked against the chapter
    """
    table = work.library.beyond_use[_TABLE]
    if category not in table.limits:
        raise work.refuse(
            "unknown-category", f"{table.label} has no such category; it has {', '.join(table.limits)}.", "/category"
        )
    compounded = work.given_moment("compounded_at", compounded_at)
    limits = {"category": work.fact("category_limit", table.limits[category][storage], pointer="/storage")}
    if chemical_stability is not None:
        if chemical_stability.amount == 0:
            raise work.refuse("zero", "A preparation that keeps for no time cannot be begun.", "/chemical_stability")
        limits["chemical-stability"] = work.given("chemical_stability", chemical_stability)
    lasts = work.least("lasts", list(limits.values()), limits["category"].spelling)
    work.answer(work.moment_after("beyond_use", compounded, lasts, pointer="/chemical_stability"))
    work.answer_with("binding", next(name for name, limit in limits.items() if limit.amount == lasts.amount))
    work.note(
        "begin-by",
        "Administration must begin before this instant. It does not shorten the interval in the pump, unless the "
        "clinic's policy says so. Check the category against the chapter itself.",
    )
