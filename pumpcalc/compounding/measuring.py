"""What a syringe can measure, and how far the result may be from what was asked: soft limits, hit or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pumpcalc import formulas
from pumpcalc.library import Fact
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["Syringe", "check_assay", "check_measurable", "given_syringe", "measured"]


@dataclass
class Syringe:
    """What the volumes are measured with. A bound that the site states replaces the library's."""

    graduation: Value | None
    minimum: Value | None
    error_at_most: Value | None


def given_syringe(
    work: Worksheet, graduation: Quantity | None, minimum: Quantity | None, error_at_most: Quantity | None
) -> Syringe:
    if error_at_most is not None and graduation is None:
        raise work.refuse(
            "missing",
            "graduation is missing: the error is that of the volumes that the syringe can measure.",
            "/graduation",
        )
    return Syringe(
        work.given("graduation", graduation) if graduation is not None else None,
        work.given("minimum_measurable_volume", minimum) if minimum is not None else None,
        work.given("error_percent_at_most", error_at_most) if error_at_most is not None else None,
    )


def _bound(
    work: Worksheet, value: Value, rule: Literal["at most", "at least"], site: Value | None, fact: Fact, name: str
) -> None:
    if site is not None:
        work.soft_bound(value, rule, site, name)
    elif rule == "at most":
        work.at_most(value, fact, name)
    else:
        work.at_least(value, fact, name)


def check_measurable(work: Worksheet, syringe: Syringe, volume: Value, of: str) -> None:
    """Is this volume as large as a syringe can measure well?"""
    fact = work.library.compounding.minimum_measurable_volume
    _bound(work, volume, "at least", syringe.minimum, fact, f"minimum_measurable_volume{of}")


def measured(
    work: Worksheet, syringe: Syringe, number: str, wanted: Value, strength: Value, stock: Value, prepared: Value
) -> tuple[Value, Value, dict[str, Value]]:
    """The volume that is drawn, the concentration that it makes, and the rows that say so and by how much they differ.

    Without a graduation the volume is as calculated and the concentration as wanted. Raises Refusal
    ``too-small-to-measure`` for less than half a graduation.
    """
    graduation = syringe.graduation
    if graduation is None:
        return stock, wanted, {}
    drawn = work.nearest(f"measured_volume{number}", stock, graduation)
    if drawn.amount == 0:
        raise work.refuse(
            "too-small-to-measure",
            f"{stock} of stock is less than half a graduation of {graduation}: use a weaker stock or a finer syringe.",
            "/graduation",
        )
    made = work.step(
        formulas.concentration_from_volumes,
        name=f"concentration_made{number}",
        stock_volume=drawn,
        stock_concentration=strength,
        prepared_volume=prepared,
        show=wanted.spelling,
    )
    error = _error(work, f"error_percent{number}", made, wanted)
    size = work.size(f"error_size{number}", error)
    fact = work.library.compounding.error_percent_at_most
    _bound(work, size, "at most", syringe.error_at_most, fact, f"error_percent_at_most{number}")
    return drawn, made, {"measured_volume": drawn, "concentration_made": made, "error_percent": error}


def check_assay(work: Worksheet, number: str, assayed: Value, wanted: Value) -> Value:
    """By how much the laboratory's result differs from what was wanted."""
    error = _error(work, f"assay_error_percent{number}", assayed, wanted)
    size = work.size(f"assay_error_size{number}", error)
    work.at_most(size, work.library.compounding.assay_error_at_most, f"assay_error_at_most{number}")
    return error


def _error(work: Worksheet, name: str, found: Value, wanted: Value) -> Value:
    return work.step(
        formulas.error_of_concentration, name=name, concentration_made=found, concentration=wanted, show="%"
    )
