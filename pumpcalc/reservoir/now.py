"""What a reservoir holds at an instant, from its ledger, with every line of the working."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from pumpcalc import formulas
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.reservoir.entry import ReservoirEvent, record_all
from pumpcalc.reservoir.events import Fill, Mri
from pumpcalc.reservoir.follow import follow
from pumpcalc.reservoir.ledger import Ledger
from pumpcalc.reservoir.projection import Projection, project
from pumpcalc.reservoir.restart import naive_start, note_restart
from pumpcalc.reservoir.state import State
from pumpcalc.sentinel import check_reservoir_size
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import Instant, PumpName, VolumeOrZeroField

__all__ = ["reservoir_state"]

_MOST_EVENTS = 500
"""A bolus log each day for a year, and more; a request still ends."""
_WHY_NOT = {
    "unknown": "Nobody has interrogated the pump since a scan: whether it runs is unknown, so no date is stated.",
    "not-programmed": "No flow is programmed, so no date follows.",
    "stopped": "The pump is stopped, so no date follows. Its solution ages all the same.",
    "dry": "By its programme the reservoir is dry.",
    "emptied": "The reservoir was emptied and has not been filled.",
}


@calculator("reservoir-state")
def reservoir_state(
    work: Worksheet,
    *,
    pump: PumpName,
    low_reservoir_alarm_volume: VolumeOrZeroField,
    events: Annotated[list[ReservoirEvent], Field(min_length=1, max_length=_MOST_EVENTS)],
    at: Instant,
) -> None:
    """What the reservoir holds and does at an instant, and when its alarm is due, from everything that happened to it.

        volume = volume - flow_rate * days,  concentration after a fill = what remained and the fill, mixed

    Parameters
    ----------
    pump : pump model
    low_reservoir_alarm_volume : as set on the pump [mL]
    events : in the order in which they were recorded; an event may have happened before one that stands above it
    at : the instant that is asked about, with the offset; events after it do not count

    Returns
    -------
    volume [mL] by the programme; running: running, stopped, unknown, dry, emptied or not-programmed; flow_rate
    [mL/day]; components: drug, concentration [mg/mL or mcg/mL], drug_mass [mg or mcg] and, while it runs, daily_dose
    [mg/day or mcg/day]; low_reservoir_alarm_at, worst_case_alarm_at, worst_case_dry_at, instants of which part hours
    are dropped; or projection: why there are none; withdrawals, the oldest first: at, expected_residual,
    withdrawn_volume, left_volume [mL]; after a suspected empty interval restart: as-naive, and dry_since,
    possibly_dry_since, dry_days, dry_days_at_most [day]; while it is unknown whether the pump runs, volume_if_it_stood
    [mL]

    Limits
    ------
    flow_rate within the pump's limits; daily doses and concentrations within the drugs' limits; the present stop at
    most ``stopped_at_most``

    Raises
    ------
    Refusal at the event that cannot be so, such as ``above-capacity``, ``programmed-not-filled``,
    ``more-than-there-can-be``, ``restart-as-naive``, ``not-interrogated``, ``already-reversed``

    Source
    ------
    [definition] volume less flow times time; [tga-rc-2014-rn-00357-1] accuracy; [tmlt-case] restart as naive
    """
    device = work.pump(pump)
    work.fact("reservoir_volume", device.reservoir_volume, pointer="/pump")
    ledger = record_all(Ledger.of(pump, work.library), events)
    alarm = work.given("low_reservoir_alarm_volume", low_reservoir_alarm_volume)
    state = follow(work, device, ledger.timeline, at.replace(microsecond=0))
    ahead = project(work, state, alarm)
    work.answer(state.volume, "volume")
    work.answer_with("running", state.running)
    _contents(work, device, state)
    _ahead(work, device, state, ahead)
    _withdrawals(work, state)
    _dry(work, state)
    _checks(work, device, state)
    _say(work, device, ledger, state)


def _contents(work: Worksheet, pump: Pump, state: State) -> None:
    """Each drug in the reservoir, and the dose of it that the flow delivers."""
    runs = state.running == "running"
    if state.flow is not None:
        work.answer(state.flow, "flow_rate")
    rows = []
    for name, strength in state.contents if state.volume.amount > 0 else ():
        drug, of = work.drug(name), name.replace("-", "_")
        mass = strength.spelling.partition("/")[0]
        row: dict[str, Any] = {"drug": name, "concentration": strength}
        row["drug_mass"] = work.step(
            formulas.drug_mass, name=f"mass_of_{of}", concentration=strength, volume=state.volume, show=mass
        )
        if runs and state.flow is not None:
            row["daily_dose"] = work.step(
                formulas.daily_dose,
                name=f"daily_dose_of_{of}",
                flow_rate=state.flow,
                concentration=strength,
                show=f"{mass}/day",
            )
            check_daily_dose(work, drug, row["daily_dose"])
            _check_programmed(work, drug, state, row["daily_dose"])
        check_concentration(work, drug, strength)
        check_indication(work, drug, pump)
        rows.append(row)
    work.answer_with("components", rows)


def _check_programmed(work: Worksheet, drug: Drug, state: State, dose: Value) -> None:
    """Is the dose that the flow delivers the one that was programmed, and after an empty interval a naive one?"""
    if state.dose is None or state.dose[0] != drug.name:
        return
    bound = naive_start(drug)
    if state.begun_anew and bound is not None:
        work.at_most(dose, bound, "naive_start_at_most", hard=bound.status == "verified")
    if dose.amount != state.dose[1]:
        work.note(
            "dose-not-as-programmed",
            f"{replace(dose, amount=state.dose[1])} of {drug.label} is programmed; at the concentration in the "
            f"reservoir its flow delivers {dose}.",
        )


def _ahead(work: Worksheet, pump: Pump, state: State, ahead: Projection) -> None:
    """The three instants, or why there are none."""
    if ahead.withdrawn is not None:
        work.answer_with("projection", ahead.withdrawn)
        work.note("projection-withdrawn", _WHY_NOT[ahead.withdrawn])
        return
    for name in ("low_reservoir_alarm", "worst_case_alarm", "worst_case_dry"):
        instant = getattr(ahead, name)
        if instant is not None:
            work.answer_with(f"{name}_at", instant)
    work.note(
        "volume-only",
        "These instants go by volume alone. How long the solution keeps and the longest interval of the pump may end "
        "the fill earlier: see refill-schedule.",
    )
    if ahead.low_reservoir_alarm is None:
        work.note("alarm-reached", f"{state.volume} is not above the alarm volume: the alarm is due or sounding.")
    if state.least is None:
        work.not_checked(pump.flow_accuracy)
        work.note(
            "worst-case-unknown",
            f"The accuracy of the {pump.label} is not in the library, so no worst case can be stated.",
        )
    elif ahead.worst_case_dry is None:
        work.note(
            "possibly-dry",
            f"Within its stated accuracy this pump can have been dry since {state.possibly_dry_since}.",
            work.cite(pump.flow_accuracy),
        )
    elif ahead.worst_case_alarm is None and ahead.low_reservoir_alarm is not None:
        work.note(
            "alarm-possible-now",
            f"If it ran fast within its stated accuracy this pump holds {state.least}, not more than the alarm volume.",
            work.cite(pump.flow_accuracy),
        )


def _withdrawals(work: Worksheet, state: State) -> None:
    """What each withdrawal was expected to find, and found."""
    rows = [
        {
            "at": each.at,
            "expected_residual": each.expected,
            "withdrawn_volume": each.withdrawn,
            "left_volume": each.left,
        }
        for each in state.visits
    ]
    work.answer_with("withdrawals", rows)
    for each in state.visits:
        if each.empty:
            work.note(
                "unexpectedly-empty" if each.expected.amount > 0 else "empty-at-visit",
                f"On {each.at} {each.expected} was expected; {each.withdrawn} was withdrawn and {each.left} was left.",
            )


def _dry(work: Worksheet, state: State) -> None:
    """After a suspected empty interval: since when, for about how many days, and that the old dose is not resumed."""
    if not state.naive:
        return
    work.answer_with("restart", "as-naive")
    until = state.dry_until or state.at
    days: dict[str, Value] = {}
    for instant, name, length in (
        (state.dry_since, "dry_since", "dry_days"),
        (state.possibly_dry_since, "possibly_dry_since", "dry_days_at_most"),
    ):
        if instant is not None:
            work.answer_with(name, instant)
            days[length] = work.elapsed(length, instant, until)
            work.answer(days[length])
    drug = work.drug(state.contents[0][0]) if state.contents else None
    note_restart(work, drug, days.get("dry_days"), days.get("dry_days_at_most", days.get("dry_days")))


def _checks(work: Worksheet, pump: Pump, state: State) -> None:
    """The limits that the state of the pump meets."""
    if state.flow is not None:
        check_flow_rate(work, pump, state.flow)
    if state.stopped_since is not None:
        stopped = work.elapsed("stopped_for", state.stopped_since, state.at)
        work.at_most(stopped, pump.stopped_at_most)
        bound = pump.stopped_at_most.quantity
        if bound is not None and stopped.amount > bound.amount:
            work.cautions(pump.cautions, "stopped-48-h")


def _say(work: Worksheet, pump: Pump, ledger: Ledger, state: State) -> None:
    """What else must be known beside the numbers."""
    if state.unknown_since is not None and state.scanned_volume is not None:
        work.answer(state.scanned_volume, "volume_if_it_stood")
    for line in [each for each in work.lines if each.name.startswith("fill_volume_")]:
        check_reservoir_size(work, line, pump)
    told = [event.programmed_reservoir_volume for _, event in ledger.timeline if isinstance(event, Fill)]
    if None in told:
        work.note(
            "programmed-not-compared",
            "Of a fill it is not stated what the programmer was told that the reservoir holds, so the two were not "
            "compared: state programmed_reservoir_volume.",
        )
    if any(isinstance(event, Mri) for _, event in ledger.timeline):
        work.cautions(pump.cautions, "mri", "mri-empty-first")
    if any(line.name.startswith("concentration_of_") for line in work.lines):
        work.note("mixed", "A fill mixed with what remained: what is in the reservoir is not what was put into it.")
    if ledger.late:
        work.note(
            "late-recorded",
            f"Recorded late and put in its place in time: {', '.join(ledger.late)}. Everything after it was worked out "
            "again.",
        )
    if ledger.taken_back:
        work.note("reversed", f"Taken back by a reversing entry: {', '.join(sorted(ledger.taken_back))}.")
