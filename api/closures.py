"""Days on which a clinic is closed: the public holidays of its place, and those that it states itself.

The ``holidays`` library knows the public holidays. It takes 0.3 s to import and 20 MB when a country is asked, so it is
imported when it is first needed. What it does quietly, and is not done here:

- a year beyond its range gives an empty calendar, and beyond 2035 one without the feasts of the Hindu moon: refused;
- a country at war may have none (Ukraine): refused, so that nobody takes silence for open days;
- names come in the language of the machine's environment: always English here, in ASCII;
- where a holiday is observed on another day, one of the two days is left out in some countries: here both are closed.

It cannot know what is proclaimed after its release (a bridge day, an election): the clinic states such a day itself.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import WithJsonSchema

from pumpcalc.errors import Refusal, echo, refused
from pumpcalc.worksheet.fields import strictly

__all__ = ["LAST_YEAR", "NONE", "OWN_CLOSURE", "PublicHolidays", "closed_dates"]

NONE = "none"
"""What a clinic writes that is open on public holidays, or lists them all itself."""

OWN_CLOSURE = "the clinic's own closure"

LAST_YEAR = 2035
"""The last year for which the library has worked out every calendar that follows the moon."""

_LANGUAGE = "en_US"
_LONGEST_CODE, _LONGEST_TEXT = 3, 64


@cache
def _places() -> dict[str, tuple[str, ...]]:
    """Every country of the library, ISO 3166-1, and those of its parts that have an ISO 3166-2 code."""
    import holidays

    return {
        country: tuple(f"{country}-{part}" for part in parts if re.fullmatch(r"[A-Z0-9]{1,3}", part, re.ASCII))
        for country, parts in holidays.list_supported_countries(include_aliases=False).items()
    }


@cache
def _other_names() -> dict[str, str]:
    """What else people write for a country, in small letters, with the code that stands for it."""
    from holidays.registry import COUNTRIES

    names: dict[str, str] = {}
    for name, (_, code, *others) in COUNTRIES.items():
        names |= {name.replace("_", " "): code} | {each.lower(): code for each in (code, *others)}
    return names


def _country(text: str) -> str | None:
    """The country that is meant by a code or a name. Codes are too short to guess at."""
    known = _other_names()
    if text in known or len(text) <= _LONGEST_CODE:
        return known.get(text)
    names = [name for name in known if len(name) > _LONGEST_CODE]
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.8)
    return known[near[0]] if near else None


def _nearest(text: str) -> str | None:
    """What was probably meant."""
    text = text[:_LONGEST_TEXT].strip().lower()
    if text == NONE:
        return NONE
    if country := _country(text):
        return country
    head, *rest = re.split(r"[-_ ]", text, maxsplit=1)
    country = _country(head)
    if country is None or not rest:
        return None
    import holidays

    codes = {code.partition("-")[2]: code for code in _places()[country]}
    aliases = getattr(holidays, country).subdivisions_aliases
    names = {part.lower(): code for part, code in codes.items()}
    names |= {name.lower(): codes[code] for name, code in aliases.items() if code in codes}
    near = difflib.get_close_matches(rest[0].strip(), names, n=1)
    return names[near[0]] if near else None


def _public_holidays(value: Any) -> str:
    if value == NONE:
        return NONE
    if not isinstance(value, str) or not value:
        raise refused("public-holidays", f"{echo(value)} is not a place: {_WRITE}")
    country = value.partition("-")[0]
    allowed = (country, *_places()[country]) if country in _places() else (NONE, *_places())
    if value not in allowed:
        raise refused(
            "public-holidays",
            f"The public holidays of {echo(value)} are not known: {_WRITE}",
            allowed=allowed,
            did_you_mean=_nearest(value),
        )
    return value


_WRITE = (
    'write a country, such as "US", or a part of one, such as "US-CA" or "GB-SCT" (ISO 3166), '
    'or "none" and list the closed dates.'
)

PublicHolidays = Annotated[
    str,
    strictly(_public_holidays),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^(?:none|[A-Z]{2}(?:-[A-Z0-9]{1,3})?)$",
            "description": "The place whose public holidays the clinic keeps: a country (ISO 3166-1) or a part of one "
            "(ISO 3166-2); none: it keeps no public holiday but those among its closed dates.",
            "examples": ["US", "US-CA", "GB-SCT", NONE],
        }
    ),
]


def closed_dates(
    *, public_holidays: str | None, stated: Sequence[dt.date], start: dt.date, end: dt.date
) -> dict[dt.date, str]:
    """Every closed date with its reason, earliest first; weekdays that are always closed are not among them.

    Parameters
    ----------
    public_holidays : a code of ``PublicHolidays``; None when the clinic has not stated one: only what is stated counts
    stated : the clinic's own closed dates
    start, end : the first and the last date that is wanted

    Raises
    ------
    Refusal     the code is not known, or its calendar is not known for one of these years
    ValueError  the end is before the start
    """
    if end < start:
        raise ValueError("the end is before the start")
    reasons: dict[dt.date, list[str]] = {}
    if public_holidays is not None and _read(public_holidays) != NONE:
        for year in range(start.year, end.year + 1):
            for day, name in _of_year(public_holidays, year):
                reasons.setdefault(day, []).append(name)
    for day in set(stated):
        reasons.setdefault(day, []).append(OWN_CLOSURE)
    return {day: "; ".join(reasons[day]) for day in sorted(reasons) if start <= day <= end}


def _read(code: str) -> str:
    try:
        return _public_holidays(code)
    except Refusal as refusal:
        raise Refusal(problem.at("/public_holidays") for problem in refusal.problems) from None


@lru_cache(maxsize=512)
def _of_year(place: str, year: int) -> tuple[tuple[dt.date, str], ...]:
    """The public holidays of one year, on the day itself and on the day on which it is observed."""
    import holidays

    country, _, part = place.partition("-")
    found: dict[dt.date, str] = {}
    if year <= LAST_YEAR:
        for observed in (False, True):
            found |= holidays.country_holidays(
                country,
                subdiv=part or None,
                years=year,
                expand=False,
                observed=observed,
                language=_LANGUAGE,
                categories=holidays.PUBLIC,
            )
    if not found:
        raise refused(
            "public-holidays-unknown",
            f'The public holidays of {place} in {year} are not known: write "none" and list the closed dates.',
            "/public_holidays",
        )
    return tuple((day, _plain(name)) for day, name in found.items())


def _plain(name: str) -> str:
    """A name in ASCII: letters without their marks."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return bare.encode("ascii", "replace").decode("ascii")
