"""Closed days: the public holidays of a place, both the day and its observed day; never a calendar that is silent."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys

import holidays
import pytest
from holidays.registry import COUNTRIES
from pydantic import TypeAdapter, ValidationError

from api.closures import LAST_YEAR, NONE, OWN_CLOSURE, PublicHolidays, closed_dates
from pumpcalc.errors import Problem, Refusal
from pumpcalc.worksheet.fields import Request, refusal_of

_COUNTRIES = holidays.list_supported_countries(include_aliases=False)
_WITHOUT = {"BV", "HM", "IO", "UA"}
"""Two uninhabited islands, one with nobody but soldiers, and a country whose martial law has suspended its holidays."""


class _Clinic(Request):
    public_holidays: PublicHolidays


def _problem(value: object) -> Problem:
    with pytest.raises(ValidationError) as fault:
        _Clinic.model_validate({"public_holidays": value})
    (problem,) = refusal_of(_Clinic, fault.value).problems
    assert problem.pointer == "/public_holidays"
    return problem


def _year(place: str | None, year: int, *stated: dt.date) -> dict[dt.date, str]:
    return closed_dates(public_holidays=place, stated=stated, start=dt.date(year, 1, 1), end=dt.date(year, 12, 31))


def _places() -> list[str]:
    parts = [f"{country}-{part}" for country, known in _COUNTRIES.items() for part in known]
    return [*_COUNTRIES, *(place for place in parts if re.fullmatch(r"[A-Z]{2}-[A-Z0-9]{1,3}", place))]


# Published by the governments themselves: opm.gov, calhr.ca.gov, gov.uk, mygov.scot.
@pytest.mark.parametrize(
    ("place", "day", "reason"),
    [
        ("US", "2026-11-26", "Thanksgiving Day"),
        ("US", "2026-07-04", "Independence Day"),
        ("US", "2026-07-03", "Independence Day (observed)"),
        ("US", "2027-12-31", "New Year's Day (observed)"),
        ("US-CA", "2026-03-31", "Cesar Chavez Day"),
        ("GB-SCT", "2026-11-30", "Saint Andrew's Day"),
        ("GB-SCT", "2026-01-02", "New Year Holiday"),
        ("GB-ENG", "2026-04-06", "Easter Monday"),
        ("GB", "2026-12-26", "Boxing Day"),
        ("GB", "2026-12-28", "Boxing Day (observed)"),
        ("DE-BY", "2026-01-06", "Epiphany"),
    ],
)
def test_a_public_holiday_that_was_published(place: str, day: str, reason: str) -> None:
    date = dt.date.fromisoformat(day)
    assert _year(place, date.year)[date] == reason


@pytest.mark.parametrize(("place", "day"), [("US", "2026-03-31"), ("GB", "2026-11-30"), ("DE", "2026-01-06")])
def test_a_holiday_of_a_part_is_none_of_the_whole(place: str, day: str) -> None:
    assert dt.date.fromisoformat(day) not in _year(place, 2026)


def test_a_day_that_is_moved_stays_closed_too() -> None:
    dutch = _year("NL", 2031)
    assert (dutch[dt.date(2031, 4, 26)], dutch[dt.date(2031, 4, 27)]) == ("King's Day", "King's Day")


def test_a_clinics_own_closures_stand_beside_the_public_holidays_and_the_reasons_are_both_said() -> None:
    own = [dt.date(2026, 11, 27), dt.date(2026, 11, 26), dt.date(2026, 11, 27), dt.date(2025, 1, 1)]
    found = closed_dates(public_holidays="US", stated=own, start=dt.date(2026, 11, 12), end=dt.date(2026, 11, 30))
    assert list(found.items()) == [
        (dt.date(2026, 11, 26), f"Thanksgiving Day; {OWN_CLOSURE}"),
        (dt.date(2026, 11, 27), OWN_CLOSURE),
    ]


def test_the_first_and_the_last_day_are_included_and_their_neighbours_are_not() -> None:
    new_year = dt.date(2026, 1, 1)
    for start, end, closed in ((0, 0, True), (-9, 0, True), (0, 9, True), (-9, -1, False), (1, 9, False)):
        found = closed_dates(
            public_holidays="US",
            stated=[new_year],
            start=new_year + dt.timedelta(days=start),
            end=new_year + dt.timedelta(days=end),
        )
        assert (new_year in found) is closed
    with pytest.raises(ValueError, match="before the start"):
        closed_dates(public_holidays=NONE, stated=[], start=new_year, end=dt.date(2025, 12, 31))


def test_a_period_over_the_new_year_has_the_holidays_of_both_years() -> None:
    found = closed_dates(public_holidays="US", stated=[], start=dt.date(2026, 12, 20), end=dt.date(2027, 1, 2))
    assert list(found.values()) == ["Christmas Day", "New Year's Day"]


@pytest.mark.parametrize("place", [NONE, None])
def test_a_clinic_without_public_holidays_has_its_own_closures_alone(place: str | None) -> None:
    assert _year(place, 2026) == {}
    assert _year(place, 2026, dt.date(2026, 12, 25)) == {dt.date(2026, 12, 25): OWN_CLOSURE}


def test_no_place_has_a_year_without_holidays_and_every_reason_is_ascii() -> None:
    refused = set()
    for place in _places():
        assert TypeAdapter(PublicHolidays).validate_python(place) == place
        for year in (2026, LAST_YEAR):
            try:
                found = _year(place, year)
            except Refusal as refusal:
                (problem,) = refusal.problems
                assert (problem.code, problem.pointer) == ("public-holidays-unknown", "/public_holidays")
                assert f"of {place} in {year} are not known" in problem.detail
                refused.add((place, year))
            else:
                assert found
                assert all(reason.isascii() and "?" not in reason for reason in found.values()), place
    without = {(place, year) for place, year in refused if place.partition("-")[0] in _WITHOUT}
    assert refused - without == {("LK", LAST_YEAR)}, "Sri Lanka proclaims its moon days for each year"


@pytest.mark.parametrize(
    ("place", "year"), [("US", LAST_YEAR + 1), ("IN", 9999), ("JP", 1), ("LK", 2030), ("UA", 2026)]
)
def test_a_year_of_which_the_library_knows_nothing_is_refused(place: str, year: int) -> None:
    with pytest.raises(Refusal, match=f"of {place} in {year} are not known: write"):
        _year(place, year)


def test_the_days_that_follow_the_moon_are_known_to_the_last_year_and_no_longer() -> None:
    for year, known in ((LAST_YEAR, True), (LAST_YEAR + 1, False)):
        names = holidays.country_holidays("FJ", years=year, language="en_US").values()
        assert any("Diwali" in name for name in names) is known


def test_names_are_english_whatever_the_machine_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "fr_FR.UTF-8")
    assert _year("FR", 2034)[dt.date(2034, 7, 14)] == "National Day"
    assert _year("CA-QC", 2034)[dt.date(2034, 6, 24)] == "Saint John the Baptist Day"
    assert _year("GG", 2034)[dt.date(2034, 12, 25)] == "Christmas Day"


def test_letters_with_marks_lose_their_marks_and_no_letter() -> None:
    assert "Aland's Autonomy Day" in _year("AX", 2026)[dt.date(2026, 6, 9)]


@pytest.mark.parametrize("value", ["US", "US-CA", "GB-SCT", "GB", "FR-971", "CH-ZH", NONE])
def test_a_code_is_kept_as_it_is_written(value: str) -> None:
    assert _Clinic.model_validate({"public_holidays": value}).public_holidays == value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("us", "US"),
        ("USA", "US"),
        ("UK", "GB"),
        ("None", NONE),
        ("united states", "US"),
        ("Germny", "DE"),
        ("us-ca", "US-CA"),
        ("US CA", "US-CA"),
        ("US-California", "US-CA"),
        ("GB-Scotland", "GB-SCT"),
        ("US-XXXX", None),
        ("XX", None),
        ("NYSE", None),
        ("US-", None),
        ("-", None),
        (" ", None),
        ("US\n", "US"),
        ("CH-Stadt Zurich", None),
        ("FR-Zone A", None),
        ("y" * 100_000, None),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER U}S", None),
    ],
)
def test_a_code_that_is_not_known_is_refused_and_the_nearest_is_named(written: str, meant: str | None) -> None:
    problem = _problem(written)
    assert problem.code == "public-holidays"
    assert problem.did_you_mean == meant
    assert 'such as "US-CA"' in problem.detail
    assert problem.detail.isascii()
    assert len(problem.detail) < 300
    assert problem.allowed is not None
    assert meant is None or meant in {*problem.allowed, *_places()}
    with pytest.raises(Refusal) as refusal:
        _year(written, 2026)
    assert refusal.value.problems[0].pointer == "/public_holidays"


def test_what_may_stand_there_is_listed_for_the_country_that_was_written() -> None:
    allowed = _problem("GB-XYZ").allowed
    assert allowed == ["GB", "GB-ENG", "GB-NIR", "GB-SCT", "GB-WLS"]
    assert set(_problem("XX").allowed or ()) == {NONE, *_COUNTRIES}


@pytest.mark.parametrize("value", [None, "", 1, True, ["US"], {"country": "US"}])
def test_what_is_no_text_is_refused(value: object) -> None:
    assert _problem(value).code == "public-holidays"


def test_the_librarys_register_names_the_countries_that_the_library_has() -> None:
    assert {codes[1] for codes in COUNTRIES.values()} == set(_COUNTRIES)


def test_the_library_is_imported_when_a_place_is_first_read() -> None:
    code = (
        "import sys; from pydantic import TypeAdapter; from api.closures import PublicHolidays as P, closed_dates;"
        "import datetime as dt; day = dt.date(2026, 1, 1); read = TypeAdapter(P).validate_python;"
        "TypeAdapter(P).json_schema(); read('none');"
        "closed_dates(public_holidays='none', stated=[], start=day, end=day);"
        "before = 'holidays' in sys.modules; read('US'); print(before, 'holidays' in sys.modules)"
    )
    here = os.environ | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    ran = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_the_schemas_pattern_takes_every_code() -> None:
    schema = TypeAdapter(PublicHolidays).json_schema()
    assert all(re.fullmatch(schema["pattern"], place) for place in (*_places(), NONE, *schema["examples"]))
