"""Three clocks of a preparation, kept apart: its ingredients' expiry, its beyond-use date, its stability in the pump.

The expiry of an ingredient bounds when it may be compounded. The beyond-use date bounds when the fill must begin. The
stability in the pump bounds how long the fill may stay there. None of them stands for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pumpcalc.errors import Problem, Refusal
from pumpcalc.library import Drug, Storage
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Day, Moment, Value, Worksheet

__all__ = ["Asked", "Ingredient", "begin_by", "clocks", "in_pump_stability"]

_TABLE = "usp-797-2023"


@dataclass
class Ingredient:
    """A drug's stock or the diluent, with its lot and its expiry where they are stated."""

    name: str
    line: str
    """Name of the line of its expiry."""
    lot: str | None
    expiry: date | None


@dataclass
class Asked:
    """What is asked of the clocks. The first three come together."""

    compounded_at: datetime | None
    category: str | None
    storage: Storage | None
    chemical_stability: Quantity | None


def begin_by(
    work: Worksheet, category: str, storage: Storage, compounded: Moment, chemical_stability: Quantity | None
) -> tuple[Moment, str]:
    """The instant before which administration must begin, and whether the category or the stability decides it.

    Raises Refusal ``not-in-library`` for a category and storage whose limit nobody has read.
    """
    table = work.library.beyond_use[_TABLE]
    if category not in table.limits:
        raise work.refuse(
            "unknown-category", f"{table.label} has no such category; it has {', '.join(table.limits)}.", "/category"
        )
    limits = {"category": work.fact("category_limit", table.limits[category][storage], pointer="/storage")}
    if chemical_stability is not None:
        if chemical_stability.amount == 0:
            raise work.refuse("zero", "A preparation that keeps for no time cannot be begun.", "/chemical_stability")
        limits["chemical-stability"] = work.given("chemical_stability", chemical_stability)
    lasts = work.least("lasts", list(limits.values()), limits["category"].spelling)
    instant = work.moment_after("beyond_use", compounded, lasts, pointer="/chemical_stability")
    work.note(
        "begin-by",
        f"Administration must begin before {instant}. That does not shorten the interval in the pump, unless the "
        "clinic's policy says so. Check the category against the chapter itself.",
    )
    return instant, next(name for name, limit in limits.items() if limit.amount == lasts.amount)


def clocks(work: Worksheet, asked: Asked, ingredients: Sequence[Ingredient]) -> bool:
    """The expiry of the ingredients and the beyond-use date. Are the clocks asked for?

    Raises Refusal ``missing`` when something is asked of them that the request does not say enough for.
    """
    for each in ingredients:
        if each.lot is not None or each.expiry is not None:
            lot = f", lot {each.lot}" if each.lot is not None else ""
            until = f", expires {each.expiry}" if each.expiry is not None else ""
            work.note("ingredient", f"Ingredient: {each.name}{lot}{until}.")
    expiring = [each for each in ingredients if each.expiry is not None]
    stated = (asked.compounded_at, asked.category, asked.storage, asked.chemical_stability, *expiring)
    if all(each is None for each in stated):
        return False
    compounded_at, category, storage = asked.compounded_at, asked.category, asked.storage
    if compounded_at is None or category is None or storage is None:
        raise Refusal(
            Problem(
                code="missing",
                detail=f"{name} is missing: the expiry and the beyond-use date of a preparation need compounded_at, "
                "category and storage together.",
                pointer=f"/{name}",
            )
            for name in ("compounded_at", "category", "storage")
            if getattr(asked, name) is None
        )
    compounded = work.given_moment("compounded_at", compounded_at)
    earliest = _expiry(work, compounded, expiring, ingredients)
    instant, binding = begin_by(work, category, storage, compounded, asked.chemical_stability)
    work.answer(instant)
    work.answer_with("beyond_use_binding", binding)
    if earliest is not None and earliest.day < instant.instant.date():
        work.note(
            "expires-before-beyond-use",
            f"An ingredient expires on {earliest}, before the beyond-use date {instant}. The two are kept apart here: "
            "look in the chapter whether a beyond-use date may lie past an ingredient's expiry.",
        )
    return True


def _expiry(
    work: Worksheet, compounded: Moment, expiring: Sequence[Ingredient], ingredients: Sequence[Ingredient]
) -> Day | None:
    """The first day on which an ingredient expires: compounding on that day is still in time."""
    days = [work.given_day(each.line, each.expiry) for each in expiring if each.expiry is not None]
    if not days:
        return None
    if silent := [each.name for each in ingredients if each.expiry is None]:
        work.note("expiry-not-stated", f"Nothing checked an expiry of the {' and the '.join(silent)}: none is stated.")
    earliest = work.earliest_day("earliest_ingredient_expiry", days)
    on = work.given_day("compounded_on", compounded.instant.date())
    work.begun_by("earliest_ingredient_expiry", on, earliest)
    work.answer(earliest)
    return earliest


def in_pump_stability(work: Worksheet, drugs: Sequence[Drug], strengths: Sequence[Quantity], diluent: Value) -> None:
    """How long it keeps in the pump, by each kind of fill that this preparation can be. Of one drug alone."""
    rows: list[dict[str, object]] = []
    if len(drugs) == 1:
        drug, diluted = drugs[0], diluent.amount > 0
        for kind, fact in drug.in_pump_stability.items():
            fits = kind not in drug.fill_concentration or drug.fill_concentration[kind].include(strengths[0])
            if kind != "any" and ((kind == "diluted") is not diluted or not fits):
                continue
            if fact.is_known:
                rows.append({"fill_kind": kind, "stability": work.fact(f"in_pump_stability_{kind}", fact)})
            else:
                work.not_checked(fact)
    if not rows:
        rows.append({"fill_kind": "any", "stability": "unknown"})
        work.note(
            "in-pump-stability-unknown",
            f"The library does not hold how long {' with '.join(drug.label for drug in drugs)} keeps in the pump: "
            "state the stability of this solution when the refill is planned.",
        )
    work.answer_with("in_pump_stability", rows)
