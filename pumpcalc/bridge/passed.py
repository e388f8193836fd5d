"""What a bridge of mixtures answers, drug by drug, and what is said beside the numbers."""

from __future__ import annotations

from typing import Any

from pumpcalc.bridge.line import answer_line
from pumpcalc.bridge.mixture import Passage, Passing
from pumpcalc.bridge.volumes import start_of_bridge
from pumpcalc.limits import solution_of
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["answer_passage", "say_passage"]


def answer_passage(work: Worksheet, passage: Passage) -> None:
    """The volume that must leave, its rate where there is one, every drug, and what would arrive without a bridge."""
    primary = passage.old[0]
    key = f"error_per_{str(passage.step).replace(' ', '_')}"
    named = {
        "volume": passage.line.volume,
        "rate": passage.rate,
        "duration": passage.duration,
        "drug_delivered": primary.in_line if passage.rate is not None else None,
        "new_flow_rate": passage.new_flow,
        "dose_if_omitted": primary.omitted,
        "hours_if_omitted": passage.hours,
        key: primary.error if passage.keeps_primary else None,
    }
    for name, line in named.items():
        if line is not None:
            work.answer(line, name)
    work.answer_with("components", [_row(each, key, bridged=passage.rate is not None) for each in passage.drugs])
    work.answer_with("arrival", _arrival(work, passage))
    answer_line(work, passage.line, passage.rate)


def _row(each: Passing, key: str, *, bridged: bool) -> dict[str, Any]:
    """One drug: its doses at the tip before, during and after, what it has in the line, and by how much it is wrong."""
    cells: dict[str, Any] = {
        "drug": each.drug.name,
        "old_daily_dose": each.before,
        "bridge_daily_dose": each.meanwhile,
        "daily_dose_if_omitted": each.omitted,
        "new_daily_dose": each.after,
        "drug_in_line": each.in_line,
        key: each.error,
        "volume_too_large_gives": each.too_large_gives,
        "bridge_is_above": each.above if bridged else None,
    }
    return {name: cell for name, cell in cells.items() if cell is not None}


def _arrival(work: Worksheet, passage: Passage) -> list[dict[str, Any]]:
    """The dose of each drug that arrives at the tip over time: with the bridge, where there is one, and without it."""
    start = start_of_bridge(work)
    courses: list[tuple[str, Value, list[Value | None]]] = [
        ("without-bridge", passage.hours, [each.omitted for each in passage.old])
    ]
    if passage.duration is not None:
        courses.insert(0, ("with-bridge", passage.duration, [each.meanwhile for each in passage.old]))
    rows: list[dict[str, Any]] = []
    for course, turns, doses in courses:
        rows += [
            {"course": course, "drug": each.drug.name, "from_hour": start, "to_hour": turns, "dose_rate": dose}
            for each, dose in zip(passage.old, doses, strict=True)
        ]
        rows += [
            {"course": course, "drug": each.drug.name, "from_hour": turns, "dose_rate": each.after}
            for each in passage.new
        ]
    return rows


# What is said


def say_passage(work: Worksheet, passage: Passage) -> None:
    """What follows for each drug, in words."""
    old, new = passage.old[0].drug, passage.new[0].drug
    if passage.is_of_nothing:
        work.note("no-bridge-needed", "The old and the new solution are the same: no bridge is needed, and none wrong.")
    elif passage.rate is not None and passage.rate.amount == passage.new_flow.amount:
        work.note(
            "same-flow",
            f"The bridge and the new therapy run at the same flow rate, {passage.rate}: with and without a bridge the "
            f"same arrives at the tip, and the new solution after {passage.hours}.",
        )
    if passage.rate is None:
        work.note(
            "no-bridge-by-dose",
            f"The primary drug changes from {old.label} to {new.label}, so no dose says how fast the old solution "
            f"should leave, and no rate is worked out: {passage.line.volume} of it must leave before any {new.label} "
            f"of the new solution arrives. For a rate state bridge_daily_dose_of_old: the dose of {old.label} that the "
            "prescriber lets go on meanwhile.",
        )
    else:
        _say_meanwhile(work, passage)
    work.note(
        "if-omitted",
        f"Without a bridge the tip gets, for {passage.hours}: {'; '.join(map(_if_omitted, passage.drugs))}.",
    )
    errors = "; ".join(
        f"{each.error} {each.too_large_gives} of {each.drug.label}" if each.too_large_gives != "the same"
        else f"as much of {each.drug.label} as meant"
        for each in passage.drugs
    )  # fmt: skip
    work.note(
        "error-of-volume",
        f"For each {passage.step} by which the volume is too large, the tip gets: {errors}. For each by which it is "
        "too small: the reverse.",
    )
    work.note(
        "one-flow",
        f"One flow drives every drug of {solution_of([each.drug for each in passage.old])}: what is in the line cannot "
        "be changed for one drug alone until it has left.",
    )
    work.note(
        "residual-in-reservoir",
        "Old solution that was left in the reservoir changes the new concentrations: residual-dilution says by how "
        "much, drug by drug.",
    )


def _say_meanwhile(work: Worksheet, passage: Passage) -> None:
    work.note(
        "while-the-bridge-runs",
        f"While the bridge runs the tip gets, for {passage.duration}: {'; '.join(map(_meanwhile, passage.drugs))}.",
    )


def _meanwhile(each: Passing) -> str:
    """What the tip gets of one drug while the bridge runs, against what it got before and gets after."""
    if each.meanwhile is None or each.before is None:
        return f"nothing of {each.drug.label}, which arrives when the bridge ends"
    said = [f"{each.meanwhile} of {each.drug.label}"]
    if each.meanwhile.amount != each.before.amount:
        said.append(f"{_against(each.meanwhile, each.before)} its old dose of {each.before}")
    if each.after is None:
        said.append("of which the new solution holds none")
    elif each.meanwhile.amount != each.after.amount:
        said.append(f"{_against(each.meanwhile, each.after)} its new dose of {each.after}")
    return ", ".join(said)


def _against(dose: Value, other: Value) -> str:
    return "above" if dose.amount > other.amount else "below"


def _if_omitted(each: Passing) -> str:
    """What the tip gets of one drug without a bridge, against what is meant."""
    if each.omitted is None:
        return f"nothing of the {each.after} of {each.drug.label} that is meant"
    got = f"{each.omitted} of {each.drug.label}"
    if each.after is None:
        return f"{got}, of which the new solution holds none"
    if each.omitted.amount == each.after.amount:
        return f"{got}, as meant"
    risk = "too little, with a risk of withdrawal" if each.omitted.amount < each.after.amount else (
        "too much, with a risk of overdose")  # fmt: skip
    return f"{got} instead of {each.after}: {risk}"
