"""How long a preparation may wait, and how exact it must be."""

from __future__ import annotations

from typing import get_args

from pumpcalc.library.facts import (
    Storage,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    BeyondUseTable,
    CompoundingLimits,
)
from pumpcalc.quantities import (
    DURATION,
    FRACTION,
    VOLUME,
)

__all__ = ["read_beyond_use", "read_compounding_limits"]

_STORAGES = get_args(Storage)


def read_beyond_use(table: Table) -> BeyondUseTable:
    """The limits of one chapter on compounding: a duration for each category and storage."""
    made = BeyondUseTable(
        name=table.name,
        label=table.text("label"),
        limits={
            category: {storage: inner.bound(storage, DURATION) for storage in inner}
            for category, inner in table.table("limits").each()
        },
    )
    table.done()
    for category, limits in made.limits.items():
        if set(limits) != set(_STORAGES):
            raise table.defect(
                f"limits.{category}", f"says every storage, as unknown if need be: {', '.join(_STORAGES)}"
            )
    return made


def read_compounding_limits(table: Table) -> CompoundingLimits:
    """What a syringe can measure and how exact a preparation must be."""
    made = CompoundingLimits(
        minimum_measurable_volume=table.bound("minimum_measurable_volume", VOLUME),
        error_percent_at_most=table.bound("error_percent_at_most", FRACTION),
        assay_error_at_most=table.bound("assay_error_at_most", FRACTION),
    )
    table.done()
    return made
