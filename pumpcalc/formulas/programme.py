"""Programmes: day schedules, boluses, deliveries in steps, a pump that stands still."""

from __future__ import annotations

from typing import Any

from pumpcalc.formulas.proof import formula

__all__ = [
    "actuations_per_day",
    "daily_dose_of_times",
    "daily_dose_with_boluses",
    "difference_of_masses",
    "dose_over",
    "mean_daily_dose",
    "number_per_day",
    "rate_of_dose",
    "step_lasts",
    "time_at_base",
    "times_per_day",
    "volume_of_dose",
]


@formula("day", source="definition", end="day", start="day")
def step_lasts(end: Any, start: Any) -> Any:
    """How long a step of a day schedule lasts, from its two times of day."""
    return end - start


@formula("day", source="definition", day="day", stepped="day")
def time_at_base(day: Any, stepped: Any) -> Any:
    """The part of a day for which a schedule runs at its base rate."""
    return day - stepped


@formula("mcg[X]", source="definition", rate="mcg[X]/day", lasts="day")
def dose_over(rate: Any, lasts: Any) -> Any:
    """The dose that a rate delivers over a time."""
    return rate * lasts


@formula("mcg[X]/day", source="definition", dose="mcg[X]", lasts="day")
def rate_of_dose(dose: Any, lasts: Any) -> Any:
    """The rate that delivers a dose over a time."""
    return dose / lasts


@formula("mcg[X]/day", source="definition", total="mcg[X]/day", number="1")
def mean_daily_dose(total: Any, number: Any) -> Any:
    """The mean of the day totals of a week."""
    return total / number


@formula("1/day", source="definition", number="1", day="day")
def number_per_day(number: Any, day: Any) -> Any:
    """How many there are in a day."""
    return number / day


@formula("1/day", source="definition", interval="day")
def times_per_day(interval: Any) -> Any:
    """How often something can happen in a day that happens at most once in an interval."""
    return 1 / interval


@formula(
    "mcg[X]/day", source="prometra-ptc-guide", daily_dose="mcg[X]/day", dose_per_bolus="mcg[X]", boluses_per_day="1/day"
)
def daily_dose_with_boluses(daily_dose: Any, dose_per_bolus: Any, boluses_per_day: Any) -> Any:
    """The daily dose with the patient's boluses, the base rate running on during each."""
    return daily_dose + dose_per_bolus * boluses_per_day


@formula("mL", source="definition", dose="mcg[X]", concentration="mcg[X]/mL")
def volume_of_dose(dose: Any, concentration: Any) -> Any:
    """The volume of a solution that holds a dose."""
    return dose / concentration


@formula("1/day", source="definition", daily_dose="mcg[X]/day", dose_per_actuation="mcg[X]")
def actuations_per_day(daily_dose: Any, dose_per_actuation: Any) -> Any:
    """How often a day a valve or a stroke must deliver its dose to make a daily dose."""
    return daily_dose / dose_per_actuation


@formula("mcg[X]/day", source="definition", dose="mcg[X]", times_per_day="1/day")
def daily_dose_of_times(dose: Any, times_per_day: Any) -> Any:
    """The daily dose that a dose makes when it is given so often a day."""
    return dose * times_per_day


@formula("mcg[X]", source="definition", one="mcg[X]", other="mcg[X]")
def difference_of_masses(one: Any, other: Any) -> Any:
    """By how much one dose is above another."""
    return one - other
