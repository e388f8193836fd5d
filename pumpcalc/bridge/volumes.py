"""What lies between the reservoir and the tip: the pump's tubing, in force on a day, and the patient's catheter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.library import Catheter, Fact, Pump
from pumpcalc.quantities import DURATION, Quantity
from pumpcalc.worksheet import Cited, Value, Worksheet
from pumpcalc.worksheet.fields import CatheterName, LengthField, LengthOrZeroField, Request

__all__ = [
    "ImplantedCatheter",
    "Tubing",
    "given_catheter",
    "given_tubing",
    "mass_of",
    "note_independent_check",
    "start_of_bridge",
]


class ImplantedCatheter(Request):
    """The patient's catheter: its model, and how much of it is implanted or how much was trimmed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "prometra-catheter", "implanted_length": "80 cm"}]}
    )

    model: CatheterName
    implanted_length: LengthField | None = None
    trimmed_length: LengthOrZeroField | None = None


@dataclass
class Tubing:
    """The tubing volume that is used; and by how much it differs from the one in force today, where it does."""

    volume: Value
    difference: Value | None


def mass_of(spelling: str) -> str:
    """The mass unit in which somebody wrote a dose or a concentration."""
    return spelling.partition("/")[0]


def note_independent_check(work: Worksheet) -> None:
    """What this result is, and what it is not."""
    work.note(
        "independent-check",
        "An independent check to compare with the programmer's own figures. The rules by which a programmer computes "
        "(its volumes, its rounding, its limits on duration) could not be read and are not imitated.",
    )
    work.note(
        "approximate",
        "Plug flow without mixing: in the tubing and the catheter solutions mix, so drug arrives earlier, and less "
        "sharply, than stated. The patient needs monitoring.",
    )


def start_of_bridge(work: Worksheet) -> Value:
    """The hour from which the hours of a bridge are counted."""
    return work.given(
        "start",
        Quantity(Fraction(0), DURATION, "h"),
        source=Cited(
            key="definition", where="the instant at which the reservoir holds the new solution", status="derived"
        ),
    )


# The catheter


def given_catheter(work: Worksheet, catheter: ImplantedCatheter | None, volume: Quantity | None) -> Value:
    """The volume of the patient's catheter: as measured, or from its model and its length. Never a default."""
    if volume is not None and catheter is None:
        return work.given("catheter_volume", volume)
    if catheter is None or volume is not None:
        raise work.refuse(
            "one-of-two",
            'State the patient\'s catheter once: either "catheter" with its model and its implanted_length or '
            'trimmed_length, or "catheter_volume". No catheter stands for another.',
            "/catheter",
        )
    monograph = work.catheter(catheter.model)
    if not monograph.volume_per_length.is_known:
        raise work.refuse(
            "not-in-library",
            f'{_not_held(monograph.volume_per_length)} State "catheter_volume", from this patient\'s record.',
            "/catheter/model",
        )
    length = _length(work, monograph, catheter)
    per_length = work.fact("volume_per_length", monograph.volume_per_length)
    work.cautions(monograph.cautions)
    if not monograph.verified_by:
        work.note(
            "catheter-not-confirmed-on-site",
            f"Nobody at this site has confirmed the figures of the {monograph.label} against its current manual.",
        )
    return work.step(formulas.catheter_volume, implanted_length=length, volume_per_length=per_length, show="mL")


def _not_held(fact: Fact) -> str:
    """That a figure is not there, and what is quoted in its place, in the library's own sentence."""
    quoted = f" It is quoted as {fact.quoted}, which is not verified." if fact.quoted else ""
    return f"This calculation needs {fact.name}, which the library does not hold.{quoted}"


def _length(work: Worksheet, monograph: Catheter, catheter: ImplantedCatheter) -> Value:
    """The implanted length: as stated, or what is left when the trimmed length is taken off."""
    implanted, trimmed, whole = catheter.implanted_length, catheter.trimmed_length, monograph.total_length
    if implanted is not None and trimmed is None:
        if whole.quantity is None:
            work.not_checked(whole)
        elif implanted.amount > whole.quantity.amount:
            raise work.refuse(
                "out-of-range",
                f"The implanted length exceeds catheter length: {implanted} of {whole.quantity}.",
                "/catheter/implanted_length",
            )
        return work.given("implanted_length", implanted)
    if trimmed is None or implanted is not None:
        raise work.refuse(
            "one-of-two",
            'State the length once: either "implanted_length" or "trimmed_length".',
            "/catheter/implanted_length",
        )
    total = work.fact("total_length", whole, pointer="/catheter/trimmed_length")
    off = work.given("trimmed_length", trimmed)
    if off.amount >= total.amount:
        said = "exceeds" if off.amount > total.amount else "is the whole"
        raise work.refuse(
            "out-of-range", f"The trimmed length {said} catheter length: {off} of {total}.", "/catheter/trimmed_length"
        )
    return work.step(formulas.implanted_length, total_length=total, trimmed_length=off, show="cm")


# The tubing


def given_tubing(work: Worksheet, pump: Pump, stated: Quantity | None, calculated_on: date | None) -> Tubing:
    """The pump's tubing volume: as stated, or as the library holds it for the day; a superseded value is said to be.

    A value that was superseded hits a hard limit whether it was stated or was in force on a day of the past: it may
    explain an old bolus, and may not be ordered for a new one.
    """
    if calculated_on is not None:
        work.given_day("calculated_on", calculated_on)
    _, held = pump.pump_tubing_volume_on(calculated_on)
    if stated is not None:
        volume = work.given("pump_tubing_volume", stated)
    elif held.is_known:
        volume = work.fact("pump_tubing_volume", held)
    else:
        raise work.refuse(
            "not-in-library",
            f'{_not_held(held)} State "pump_tubing_volume", from the manual of this pump.',
            "/pump_tubing_volume",
        )
    work.cautions(pump.cautions, "tubing-segment-unknown")
    since, today = pump.pump_tubing_volume_on(None)
    if today.quantity is None:
        work.not_checked(today)
        return Tubing(volume, None)
    earlier = [fact for _, fact in pump.pump_tubing_volume if fact.quantity and fact.quantity.amount == volume.amount]
    right = volume.amount == today.quantity.amount
    hard = (right or bool(earlier)) and today.status == "verified"
    name = "superseded_tubing_volume" if right or earlier else "tubing_volume_of_library"
    work.one_of(name, volume, [today.quantity], work.cite(today), hard=hard)
    if right:
        return Tubing(volume, None)
    if earlier:
        work.note(
            "superseded-tubing-volume",
            f"{volume} is a superseded tubing volume of the {pump.label}: {today.quantity} holds since {since}. "
            f"{earlier[0].note} It explains a bolus of the past and is not for a bolus of today.",
            work.cite(earlier[0]),
        )
    else:
        work.note(
            "tubing-volume-not-of-library",
            f"{volume} was stated for the tubing of the {pump.label}; the library holds {today.quantity}.",
            work.cite(today),
        )
    return Tubing(
        volume,
        work.step(
            formulas.difference_of_volume,
            name="tubing_volume_difference",
            volume=volume,
            volume_held=work.fact("pump_tubing_volume_of_today", today),
            show="mL",
        ),
    )
