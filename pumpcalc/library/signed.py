"""One signed change of a clinic's file: what it makes of one figure, who says so, and what the figure was before."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

from pumpcalc.errors import Refusal, echo
from pumpcalc.library.facts import ROLES, Fact
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import Pump
from pumpcalc.library.walk import fingerprint
from pumpcalc.quantities import NUMBER, Kind, Quantity, read

__all__ = ["Signature", "changed_figure", "confirmed_pump", "line_of_text", "read_signature", "side"]

_ACTIONS = ("confirm", "tighten", "loosen")
_LONGEST_TEXT = 300
_QUOTED = re.compile(rf"({NUMBER})(?: to ({NUMBER}))? (.+)")
_AT_MOST = re.compile(
    r".+[._]at_most|.+\.maximum_[a-z_]+|.+\.most_steps_per_day|.+\.stopped_alarm_after|.+\.over_[a-z_]+|.+\.emptied_counts_as_dry_after|.+\.caution_daily_dose|.+\.days_from_replacement_indicator"
    r"|[^.]+\.in_pump_stability\.[^.]+|[^.]+\.limits\.[^.]+\.[^.]+|[^.]+\.studied\.[0-9]+\.readings\.[0-9]+\.days"
)
_AT_LEAST = re.compile(r".+[._]at_least|.+\.minimum_[a-z_]+|.+\.interval_recommended")


def side(figure: str) -> Literal["at most", "at least"] | None:
    """How a limit of this name bounds: the one place that says which way is stricter.

    None: it is nothing that a clinic may move, such as a factor, a strength or the size of a reservoir.

    >>> [side(f"ziconotide.{figure}") for figure in ("maximum_daily_dose", "start.any.at_least", "strongest_product")]
    ['at most', 'at least', None]
    """
    return "at most" if _AT_MOST.fullmatch(figure) else "at least" if _AT_LEAST.fullmatch(figure) else None


def line_of_text(table: Table, key: str) -> str:
    """A text that stands on one line of any page: printable, its spaces single, at most 300 characters."""
    text = re.sub(" +", " ", table.text(key)).strip(" ")
    if not text or not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise table.defect(key, f"is one line of at most {_LONGEST_TEXT} printable characters")
    return text


def _person(table: Table, key: str) -> str:
    name = line_of_text(table, key)
    if not any(letter.isalpha() for letter in name):
        raise table.defect(key, f"{echo(name)} is not the name of a person")
    return name


def _same_person(one: str, other: str) -> bool:
    """Do two names differ in nothing but case, spaces and full stops?"""
    plain = [
        "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())
        for name in (one, other)
    ]
    return plain[0] == plain[1]


@dataclass(frozen=True)
class Signature:
    """What is done to a figure, in which document it stands, and who says so."""

    action: str
    source: str
    where: str
    people: str
    on: date
    reason: str
    overlay: str

    def place(self, done: str) -> str:
        """Where a changed figure stands, with what was done to it: shown with every result that uses it."""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.where}; {done} by {self.people} on {self.on}{reason} ({self.overlay})"


def read_signature(
    entry: Table, overlay: str, effective_from: date, sources: Collection[str], own: Collection[str]
) -> Signature:
    """Who says so. Raises LibraryDefect for a missing name, one person for two, or a document that is not there.

    ``own`` are the documents of the clinic. A figure that is moved stands in one of them, because in the library's
    documents it does not.
    """
    action = entry.text("action", one_of=_ACTIONS)
    source = entry.text("source")
    if source not in sources:
        raise entry.defect("source", f"{echo(source)} is neither in sources.toml nor in sources of this file")
    if action != "confirm" and source not in own:
        raise entry.defect(
            "source",
            f"{source} does not say this: name a document of the clinic's own, and list it in sources of this file",
        )
    if action == "loosen" and (lacking := [key for key in ("second", "reason") if key not in entry]):
        raise entry.defect(lacking[0], "is missing: to loosen a limit takes two people and a reason")
    by = _person(entry, "by")
    second = _person(entry, "second") if "second" in entry else ""
    if second and _same_person(by, second):
        raise entry.defect("second", f"{echo(second)} is the person of by: two people are needed")
    on = entry.calendar_day("on")
    if on > effective_from:
        raise entry.defect("on", f"{on} is after {effective_from}, from which the file holds: sign before")
    return Signature(
        action=action,
        source=source,
        where=line_of_text(entry, "where"),
        people=f"{by} and {second}" if second else by,
        on=on,
        reason=line_of_text(entry, "reason") if "reason" in entry else "",
        overlay=overlay,
    )


def confirmed_pump(entry: Table, pump: Pump, signed: Signature) -> str:
    """Who has confirmed the page of a pump against its manual, for ``Pump.verified_by``."""
    if signed.action != "confirm":
        raise entry.defect("action", f"{pump.name} is a pump: its page is confirmed, and only its figures are moved")
    page = entry.text("page")
    if page != fingerprint(pump):
        raise entry.defect(
            "page",
            f"{echo(page)} is not the fingerprint of this page, {fingerprint(pump)}: read it again with "
            f"pumpcalc library show {pump.name}",
        )
    return f"{signed.people} on {signed.on}, against {signed.source}, {signed.where} ({signed.overlay})"


def changed_figure(entry: Table, before: Fact, signed: Signature) -> Fact:
    """A figure as the clinic has it. Raises LibraryDefect when the change is not what its action says."""
    assert before.kind is not None, "a figure of a library knows what it measures"
    value = _value(entry, "value", before.kind)
    if signed.action == "confirm":
        role, done = _confirmed(entry, before, value), "confirmed"
    else:
        role, was = _moved(entry, before, value, before.kind, signed.action)
        done = f"{signed.action}ed from {was}"
    held = f"{before.summary} [{', '.join(filter(None, (before.source, before.where)))}]"
    return replace(
        before,
        quantity=value,
        status="verified",
        role=role,
        source=signed.source,
        where=signed.place(done),
        note=f"The library has: {held}.{f' {before.note}' if before.note else ''}",
        quoted="",
    )


def _value(entry: Table, key: str, kind: Kind) -> Quantity:
    try:
        value = read(entry.text(key), kind)
    except Refusal as refusal:
        raise entry.defect(key, str(refusal)) from None
    if value.amount == 0:
        raise entry.defect(key, f"{value} is no figure: nothing is measured or bounded by it")
    return value


def _held(fact: Fact) -> set[Fraction]:
    """What the library says a figure is: its value; or what it is quoted as, either end of "15 to 20 mg/day"."""
    if fact.quantity is not None:
        return {fact.quantity.amount}
    quoted = _QUOTED.fullmatch(fact.quoted)
    if quoted is None or fact.kind is None:
        return set()
    return {read(f"{number} {quoted[3]}", fact.kind).amount for number in (quoted[1], quoted[2]) if number}


def _confirmed(entry: Table, before: Fact, value: Quantity) -> str:
    """The role of a figure whose value was stated again, or read for the first time."""
    if before.status != "unknown" and value.amount not in _held(before):
        raise entry.defect(
            "value",
            f"{value} is not what the library has, {before.quantity or before.quoted}: that is no confirmation; "
            "a limit is tightened or loosened, another figure is corrected in the library",
        )
    if not before.is_known:
        return entry.text("role", one_of=ROLES)
    role = entry.text("role", one_of=ROLES) if "role" in entry else before.role
    if role != before.role and (before.role, role) != ("soft", "hard"):
        raise entry.defect("role", f"was {before.role}: a confirmation may make a soft limit hard, and nothing else")
    return role


def _moved(entry: Table, before: Fact, value: Quantity, kind: Kind, action: str) -> tuple[str, str]:
    """The role of a limit that was moved, which is the one that it had; and what it was before, in words."""
    bound = side(before.name)
    if bound is None or (before.is_known and before.role == "information"):
        raise entry.defect("figure", f"{before.name} is not a limit that a clinic may {action}")
    if before.status == "unknown":
        raise entry.defect("figure", f"{before.name} is unknown: confirm the value that was read")
    was = _value(entry, "was", kind)
    if was.amount not in _held(before):
        raise entry.defect("was", f"{was} is not what the library has, {before.quantity or before.quoted}: look again")
    stricter = value.amount < was.amount if bound == "at most" else value.amount > was.amount
    if value.amount == was.amount or stricter != (action == "tighten"):
        raise entry.defect("value", f"{value} does not {action} {was}, which bounds as {bound}")
    role = before.role if before.is_known else entry.text("role", one_of=ROLES[:-1])
    return role, f"{was} [{before.source}, {before.status}]"
