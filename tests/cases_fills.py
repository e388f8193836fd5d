"""Fills as the published cases describe them: asked through the refill schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from asking import fill, solution

from pumpcalc import Calculation, calculate

START = date(2026, 1, 5)
Given = dict[str, Any]
Asked = Callable[[Given], Given]


def filled(*, volume: Any, reserve: Any, dose: str, strength: str, drug: str = "morphine", **more: Any) -> Calculation:
    pump = more.pop("pump", "synchromed-ii-20" if Decimal(str(volume)) <= 22 else "synchromed-ii-40")
    request = {
        "pump": pump,
        "fill_volume": f"{volume} mL",
        "low_reservoir_alarm_volume": f"{reserve} mL",
        "components": solution(drug, strength),
        "daily_dose": dose,
    }
    return calculate("refill-schedule", fill(**request | more))


def running_at(flow_mL_day: Any, **more: Any) -> Calculation:
    """A morphine fill that runs at this flow."""
    milligrams = Decimal(str(flow_mL_day)) * 20
    return filled(volume=more.pop("volume"), reserve=more.pop("reserve"), dose=f"{milligrams.normalize():f} mg/day",
                 strength="20 mg/mL", **more)  # fmt: skip


def due(found: Calculation) -> Given:
    due = (date.fromisoformat(found.answers["refill_by"]) - START).days
    return {"due_day": due, "limited_by": found.answers["binding"], "binding": found.answers["binding"]}
