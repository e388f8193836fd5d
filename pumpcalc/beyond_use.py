"""The beyond-use date of a compounded preparation: when administration must have begun.

It bounds the syringe, not the pump: a fill that has begun is governed by its stability in the pump.
"""

from __future__ import annotations

from pumpcalc.compounding import begin_by
from pumpcalc.library import Storage
from pumpcalc.worksheet import Worksheet, calculator
from pumpcalc.worksheet.fields import CategoryName, Days, Instant

__all__ = ["beyond_use_date"]


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
    compounded = work.given_moment("compounded_at", compounded_at)
    instant, binding = begin_by(work, category, storage, compounded, chemical_stability)
    work.answer(instant)
    work.answer_with("binding", binding)
