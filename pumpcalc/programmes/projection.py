"""When a fill reaches its alarm, and when it is dry, under a programme that changes with the hour and the weekday.

The week is walked from the instant of the fill, not one weekday over and over. It is the pump's own week: elapsed time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pumpcalc import formulas
from pumpcalc.library import Pump
from pumpcalc.programmes.week import Running, Week, clock_changes
from pumpcalc.quantities import DURATION, Quantity, read
from pumpcalc.worksheet import Cited, Moment, Value, Worksheet

__all__ = ["project"]

_MINUTE = read("1 min", DURATION)
_LONGEST = read("3660 day", DURATION)
"""Past ten years a projection is a slip of a unit."""


def project(
    work: Worksheet,
    device: Pump,
    week: Week,
    strength: Value,
    *,
    fill_volume: Quantity,
    alarm_volume: Quantity,
    filled_at: datetime,
    zone: ZoneInfo,
) -> None:
    """The instants of the low-reservoir alarm and of the dry reservoir, and each change of the clocks before them.

    The replay walks the programme of the request again, minute by minute.
    """
    if alarm_volume.amount >= fill_volume.amount:
        raise work.refuse(
            "out-of-range",
            f"The low-reservoir alarm volume of {alarm_volume} is not below the fill volume of {fill_volume}: "
            "the alarm would be due at once.",
            "/low_reservoir_alarm_volume",
        )
    filled = work.given_moment("filled_at", filled_at)
    running = Running(week, filled.instant, zone)
    volume = work.given("fill_volume", fill_volume)
    alarm = work.given("low_reservoir_alarm_volume", alarm_volume)
    work.at_most(volume, device.reservoir_volume)
    usable = work.step(formulas.volume_left, name="usable_volume", volume=volume, taken=alarm, show="mL")
    point = work.chosen("pump_week_at_fill", "since_monday", [filled], running.point(filled.instant), "day")
    minute = work.given("minute", _MINUTE, source=Cited(key="definition", where="a minute", status="verified"))
    for name, out in (("low_reservoir_alarm", usable), ("dry", volume)):
        days = running.time_to_deliver(out.amount * strength.amount)
        if days > _LONGEST.amount:
            raise work.refuse(
                "beyond-calendar", "This fill would last for more than ten years: check the rates and their units.",
                "/base_rate",
            )  # fmt: skip
        lasts = work.chosen(f"days_to_{name}", "walked", [out, strength, point], days, "day")
        whole = work.whole_multiple(f"{name}_after", lasts, minute)
        reached = work.moment_after(f"{name}_at", filled, whole, pointer="/filled_at", zone=zone)
        work.answer(reached)
    _say_which_clock(work, filled, reached, zone)
    work.cautions(device.cautions, "alarm-is-calculated", "time-changes-affect-schedules")


def _say_which_clock(work: Worksheet, filled: Moment, until: Moment, zone: ZoneInfo) -> None:
    work.note(
        "elapsed-pump-time",
        f"The week is walked in elapsed time from the fill, at which the pump's clock is taken to show the wall clock "
        f"of {zone.key}. Part minutes are dropped.",
    )
    for each in clock_changes(filled.instant, until.instant, zone):
        forward = each.change > timedelta()
        apart = each.wall_ahead_of_pump
        work.note(
            "clock-change",
            f"On {each.day} the clocks of {zone.key} go {'forward' if forward else 'back'} by {_span(each.change)}; "
            f"the pump's does not. From then on {_apart(apart)}",
        )


def _apart(wall_ahead: timedelta) -> str:
    """How the two clocks stand, and when a step begins by the wall clock."""
    if not wall_ahead:
        return "the two show the same time again."
    later = wall_ahead > timedelta()
    return (
        f"the wall clock is {_span(wall_ahead)} {'ahead of' if later else 'behind'} the pump's: every step begins "
        f"{_span(wall_ahead)} {'later' if later else 'earlier'} by the wall clock, until the pump's clock is set."
    )


def _span(of: timedelta) -> str:
    """A time span in hours and minutes, without its sign."""
    hours, minutes = divmod(abs(of) // timedelta(minutes=1), timedelta(hours=1) // timedelta(minutes=1))
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
