"""The limits that the library holds for a dose, a concentration, a flow and a drug in a pump.

Every calculator that meets one of these checks it here, so that no door forgets a limit. A limit is recorded with
its bound, its source and whether it is hit; nothing is clamped. What nobody has read goes to ``unknown``.
"""

from __future__ import annotations

from collections.abc import Sequence

from pumpcalc.library import Drug, Pump
from pumpcalc.sentinel import check_usual
from pumpcalc.worksheet import Value, Worksheet

__all__ = [
    "check_approval",
    "check_concentration",
    "check_daily_dose",
    "check_flow_rate",
    "check_indication",
    "check_patient_bolus",
    "check_start",
    "solution_of",
]


def check_daily_dose(work: Worksheet, drug: Drug, dose: Value) -> None:
    """The label's maximum, its caution threshold, and what is usual."""
    work.at_most(dose, drug.maximum_daily_dose)
    if drug.maximum_daily_dose.quantity is not None and dose.amount == drug.maximum_daily_dose.quantity.amount:
        work.note(
            "at-maximum",
            f"{dose} is exactly the maximum daily dose of {drug.label}: nothing is left for an increase or a bolus.",
            work.cite(drug.maximum_daily_dose),
        )
    if drug.caution_daily_dose.is_known:
        work.at_most(dose, drug.caution_daily_dose)
    check_usual(work, dose, drug.usual_daily_dose)
    bounds = (drug.maximum_daily_dose, drug.caution_daily_dose, drug.usual_daily_dose.at_most)
    if not any(bound.is_known for bound in bounds):
        work.note(
            "dose-not-checked",
            f"No figure for the daily dose of {drug.label} is in the library: nothing checked {dose}.",
        )
    work.cautions(
        drug.cautions, "not-approved-for-pain", "not-hydromorphone", "look-alike-name", "low-dose-is-not-a-slip"
    )


def check_start(work: Worksheet, drug: Drug, dose: Value, opioid_status: str) -> None:
    """The label's starting range for this patient (naive, tolerant, or any), and a consensus' where one is kept."""
    status = opioid_status if opioid_status in drug.start else "any"
    if status in drug.start:
        span = drug.start[status]
        work.at_least(dose, span.at_least, f"{status}_start_at_least")
        work.at_most(dose, span.at_most, f"{status}_start_at_most")
    if drug.consensus_start is not None:
        work.at_least(dose, drug.consensus_start.at_least, "consensus_start_at_least")
        work.at_most(dose, drug.consensus_start.at_most, "consensus_start_at_most")


def check_concentration(work: Worksheet, drug: Drug, concentration: Value) -> None:
    """A guideline's ceiling, the strongest product on the market, and what is usual."""
    work.at_most(concentration, drug.maximum_concentration)
    work.at_most(concentration, drug.strongest_product)
    check_usual(work, concentration, drug.usual_concentration)


def check_flow_rate(work: Worksheet, pump: Pump, flow_rate: Value) -> None:
    """What the pump can deliver."""
    work.at_least(flow_rate, pump.minimum_flow_rate)
    work.at_most(flow_rate, pump.maximum_flow_rate)


def check_indication(work: Worksheet, drug: Drug, pump: Pump) -> None:
    """Is the drug indicated in this pump? And has anybody at this site confirmed the pump's monograph?"""
    if drug.indicated_pumps.is_known:
        work.one_of(f"{drug.name}_indicated_pumps", pump.family, drug.indicated_pumps.listed,
                    work.cite(drug.indicated_pumps))  # fmt: skip
    else:
        work.not_checked(drug.indicated_pumps)
    if not pump.verified_by:
        work.note(
            "pump-not-confirmed-on-site",
            f"Nobody at this site has confirmed the figures of the {pump.label} against its current manual.",
        )


def check_approval(work: Worksheet, drugs: Sequence[Drug], acknowledged: Sequence[str]) -> None:
    """Is this solution a mixture, or for pain and not approved? Then the FDA's statement of 2018 is shown.

    It is a soft limit, hit until whoever asks says that it was read.
    """
    unapproved = [d.label for d in drugs if any(c.code == "not-approved-for-pain" for c in d.cautions)]
    reasons = [f"{solution_of(drugs)} is a mixture"] if len(drugs) > 1 else []
    reasons += [f"not approved for intrathecal infusion for pain: {', '.join(unapproved)}"] if unapproved else []
    if not reasons:
        return
    statement, failures = work.library.statements["fda-2018"], work.library.statements["off-label-failures"]
    work.note("off-label", f"Off label: {'; '.join(reasons)}.", work.cite(statement))
    work.note("fda-2018", " ".join(statement.listed), work.cite(statement))
    work.note("off-label-failures", " ".join(failures.listed), work.cite(failures))
    work.one_of(
        "fda_2018_statement",
        "acknowledged" if "fda-2018" in acknowledged else "not acknowledged",
        ["acknowledged"],
        work.cite(statement),
    )


def solution_of(drugs: Sequence[Drug]) -> str:
    """The drugs of a solution in words, the primary first: ``morphine with bupivacaine and clonidine``."""
    primary, *partners = [drug.label for drug in drugs]
    together = [", ".join(partners[:-1]), *partners[-1:]]
    return f"{primary} with {' and '.join(filter(None, together))}" if partners else primary


def check_patient_bolus(work: Worksheet, drug: Drug, pump: Pump) -> None:
    """Are this pump's patient boluses for this drug?"""
    allowed = pump.patient_bolus_drugs
    if allowed.is_known:
        work.one_of("patient_bolus_drugs", drug.name, allowed.listed, work.cite(allowed))
    else:
        work.not_checked(allowed)
    work.cautions(pump.cautions, "bolus-infumorph-only", "minutes-for-hours", "refill-date-counts-all-boluses")
