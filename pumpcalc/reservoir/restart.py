"""When a reservoir is suspected of having been empty, for how long, and at which dose the therapy begins again.

Tolerance is lost without drug. After a suspected empty interval the old dose is never resumed: the patient restarts as
a naive one (TMLT closed claim: the pump was empty for months, and the dose was raised).
"""

from __future__ import annotations

from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.library import Drug, Fact, Pump
from pumpcalc.limits import check_daily_dose
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["check_restart", "dry_days", "in_days", "naive_start", "note_restart", "was_empty"]


def was_empty(found: Fraction, expected: Fraction, pump: Pump) -> bool:
    """Is a reservoir in which this much was found suspected of having been empty?

    Nothing in it: always. Nearly nothing, which is no more than what the pump cannot deliver: yes, unless the programme
    itself expected so little and had not yet come to its end.
    """
    least = pump.undeliverable_volume.quantity
    if least is None or found == 0:
        return found == 0
    return found <= least.amount and not 0 < expected <= least.amount


def naive_start(drug: Drug) -> Fact | None:
    """The highest dose at which a naive patient starts: a figure, one that nobody has read, or None."""
    span = drug.start.get("naive") or drug.start.get("any")
    return None if span is None else span.at_most


def in_days(days: Fraction, *, up: bool) -> str:
    """A number of days in words, rounded to the whole day up or down."""
    whole = -(-days.numerator // days.denominator) if up else days.numerator // days.denominator
    return f"{whole} day{'' if whole == 1 else 's'}"


def dry_days(work: Worksheet, pump: Pump, days: Value, flow: Value, delivered: Value) -> tuple[Value | None, Value]:
    """For how long a reservoir that was found empty was dry: at least, where that is anything, and at most.

    What was delivered took the programme's mean flow so long; within its accuracy the pump can have been faster or
    slower. Where even the fastest would not have been done, or no accuracy is known, it can have run dry at any time.
    """
    if not pump.flow_accuracy.is_known:
        return None, work.shown_as("dry_days_at_most", days, "day")
    lasted = {"days_to_dry": flow}
    for how, formula in (("if_slow", formulas.flow_if_slow), ("if_fast", formulas.flow_if_fast)):
        lasted[f"days_to_dry_{how}"] = work.step(
            formula, flow_rate=flow, flow_accuracy=work.line("flow_accuracy"), show="mL/day"
        )
    to_dry = {
        name: work.step(formulas.days_to_deliver, name=name, volume=delivered, flow_rate=each, show="day")
        for name, each in lasted.items()
    }
    slow, fast = to_dry["days_to_dry_if_slow"], to_dry["days_to_dry_if_fast"]
    at_least = None
    if slow.amount < days.amount:
        at_least = work.step(formulas.days_left, name="dry_days_at_least", days=days, taken=slow, show="day")
    if fast.amount < days.amount:
        return at_least, work.step(formulas.days_left, name="dry_days_at_most", days=days, taken=fast, show="day")
    return at_least, work.shown_as("dry_days_at_most", days, "day")


def note_restart(work: Worksheet, drug: Drug | None, shortest: Value | None, longest: Value | None) -> None:
    """The reservoir was empty for about so many days: restart as naive."""
    rules = work.library.residual_rules
    since = ""
    if longest is not None:
        most = in_days(longest.amount, up=True)
        since = f"The reservoir may have been dry for up to about {most}. "
        if shortest is not None:
            least = in_days(shortest.amount, up=False).partition(" ")[0]
            since = f"The reservoir was dry for about {least} to {most}. "
    work.note("restart-as-naive", f"{since}{' '.join(rules.restart.listed)}", work.cite(rules.restart))
    if drug is not None:
        work.note(
            "missed-refill",
            f"An interruption of {drug.label} is graded {drug.missed_refill.value}.",
            work.cite(drug.missed_refill),
        )


def check_restart(work: Worksheet, drug: Drug, dose: Quantity, *, empty: bool) -> None:
    """The dose at which the therapy is to go on; after an empty interval it is held to the naive start."""
    resumed = work.given("resume_daily_dose", dose, drug.name)
    check_daily_dose(work, drug, resumed)
    if not empty:
        return
    bound = naive_start(drug)
    if bound is not None and bound.status == "verified":
        work.at_most(resumed, bound, "naive_start_at_most", hard=True)
        return
    if bound is not None:
        work.not_checked(bound)
    work.one_of("restart", "resume", ("new-start",), work.cite(work.library.residual_rules.restart), hard=True)
    work.note(
        "naive-start-unknown",
        f"The library holds no starting dose of {drug.label} for a naive patient: nothing checks {resumed}.",
    )
