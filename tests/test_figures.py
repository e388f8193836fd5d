"""Every figure of the library is pinned. One that slips by a factor of ten or a thousand is noticed."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asking import figures

import pumpcalc
from pumpcalc import LibraryDefect
from pumpcalc.library import shipped_folder
from pumpcalc.quantities import read

PINS = tomllib.loads((Path(__file__).parent / "figures.toml").read_text(encoding="utf-8"))
_KNOWN = {name: fact for name, fact in figures().items() if fact.is_known}


def differences(found: dict[str, Any]) -> set[str]:
    """Names of the figures that are not as pinned, in either direction."""
    stray = {name for name, fact in found.items() if fact.is_known and name not in PINS}
    return stray | {
        name
        for name, (value, source) in PINS.items()
        if name not in found
        or not found[name].is_known
        or found[name].source != source
        or found[name].quantity != read(value, found[name].quantity.kind)
    }


def test_every_figure_of_the_library_is_as_pinned_and_every_pin_is_a_figure() -> None:
    assert differences(figures()) == set()
    assert len(PINS) == 284


@pytest.mark.parametrize("times", [Fraction(10), Fraction(1, 10), Fraction(1000), Fraction(1, 1000)], ids=str)
def test_a_figure_that_slips_by_a_factor_is_noticed(times: Fraction) -> None:
    for name, fact in _KNOWN.items():
        slipped = replace(fact, quantity=replace(fact.quantity, amount=fact.quantity.amount * times))
        assert differences(_KNOWN | {name: slipped}) == {name}
        assert differences({other: each for other, each in _KNOWN.items() if other != name}) == {name}


def _slipped_files() -> list[tuple[str, int]]:
    """Every place of a number in the library's files, whether known by the pins or not."""
    return [
        (path.relative_to(shipped_folder()).as_posix(), place.start(1))
        for path in sorted(shipped_folder().rglob("*.toml"))
        for place in re.finditer(r'value = "([0-9.]+) ', path.read_text(encoding="utf-8"))
    ]


def test_a_slip_in_a_file_of_the_library_stops_the_load_or_the_comparison(tmp_path: Path) -> None:
    places = _slipped_files()
    assert len(places) == len(PINS)
    for position, (file, start) in enumerate(places):
        folder = tmp_path / str(position)
        shutil.copytree(shipped_folder(), folder)
        text = (folder / file).read_text(encoding="utf-8")
        number = re.match(r"[0-9.]+", text[start:])
        assert number is not None
        whole, _, part = number[0].partition(".")
        tenfold = f"{whole}{part[:1] or '0'}{f'.{part[1:]}' if part[1:] else ''}".lstrip("0")
        tenfold = f"0{tenfold}" if tenfold.startswith(".") else tenfold
        assert Fraction(tenfold) == 10 * Fraction(number[0])
        (folder / file).write_text(text[:start] + tenfold + text[start + number.end() :], encoding="utf-8")
        try:
            noticed = differences(figures(pumpcalc.library.load(folder)))
        except LibraryDefect:
            continue
        assert len(noticed) == 1, f"{file}: {number[0]} became {tenfold} and nobody noticed"


def test_what_is_unverified_or_unknown_has_no_value_and_no_pin() -> None:
    for name, fact in figures().items():
        if fact.status in ("unverified", "unknown"):
            assert fact.quantity is None
            assert name not in PINS
    quoted = {name for name, fact in figures().items() if fact.quoted}
    assert {"synchromed-ii-20.maximum_flow_rate", "synchromed-ii-40.maximum_flow_rate"} <= quoted
    assert {"ascenda-8780.volume_per_length", "ascenda-8781.volume_per_length"} <= quoted
    # The recalled PACC ceilings and the cells of USP <797> that nobody has read stay off, for every drug.
    for drug in pumpcalc.library.load().drugs.values():
        assert not drug.maximum_concentration.is_known, drug.name
    assert {"morphine.consensus_start.at_least", "morphine.consensus_start.at_most"} <= quoted
    assert {name for name in quoted if name.startswith("usp-797-2023.limits.3-")}


def test_only_a_verified_figure_is_hard_and_every_figure_keeps_its_provenance() -> None:
    sources = pumpcalc.library.load().sources
    for fact in _KNOWN.values():
        assert fact.role != "hard" or fact.status == "verified"
        assert fact.status in ("verified", "secondary copy", "derived")
        assert fact.source in sources
        assert fact.where


def test_the_statements_that_steer_a_calculation_are_as_read() -> None:
    drugs = pumpcalc.library.load().drugs
    assert {n: d.oral_form.value for n, d in drugs.items()} == {
        "baclofen": (), "bupivacaine": (), "clonidine": (), "fentanyl": (), "hydromorphone": "exists",
        "morphine": "exists", "sufentanil": (), "ziconotide": "none"}  # fmt: skip
    assert {n: d.missed_refill.value for n, d in drugs.items()} == {
        "baclofen": "critical", "bupivacaine": "low", "clonidine": "critical", "fentanyl": "high",
        "hydromorphone": "high", "morphine": "high", "sufentanil": "high", "ziconotide": "analgesia-loss"}  # fmt: skip
    opioids = {name for name, drug in drugs.items() if drug.opioid.value == "yes"}
    assert opioids == {"fentanyl", "hydromorphone", "morphine", "sufentanil"}
    fills = {kind: each.stated.value for kind, each in drugs["ziconotide"].fill_concentration.items()}
    assert fills == {"naive": ("25 mcg/mL",), "undiluted": ("25 mcg/mL", "100 mcg/mL")}
    assert drugs["ziconotide"].indicated_pumps.value == ("synchromed-ii", "synchromed-iii")
    uses = {each.id: (each.uses.value, each.uses.status) for drug in drugs.values() for each in drug.products}
    assert uses == {
        **dict.fromkeys(("infumorph-200", "infumorph-500", "mitigo-10", "mitigo-25"), (("pump",), "verified")),
        **dict.fromkeys(("duramorph-500-mcg-per-ml", "duramorph-1-mg-per-ml"), (("single-dose",), "verified")),
        "lioresal-50": (("single-dose",), "verified"),
        **dict.fromkeys(("lioresal-500", "gablofen-1000", "lioresal-2000"), (("pump",), "derived")),
        **dict.fromkeys(("prialt-25-20", "prialt-100-1", "prialt-100-5", "prialt-100-2-eu"), (("pump",), "derived")),
    }  # fmt: skip
    filtered = {each.id for drug in drugs.values() for each in drug.products if each.microfilter is not None}
    assert filtered == {"infumorph-200", "infumorph-500"}
    excluded = {name: sorted(table.excluded) for name, table in pumpcalc.library.load().tables.items()}
    without = ["buprenorphine-sublingual", "buprenorphine-transdermal"]
    assert excluded == {"anzca-2021": [], "cdc-2016": [], "cdc-2022": without, "heal-2025": []}


@pytest.mark.parametrize("size", ["20", "40"])
def test_nothing_at_all_is_known_of_synchromed_iii(size: str) -> None:
    mine = {name: fact for name, fact in figures().items() if name.startswith(f"synchromed-iii-{size}.")}
    assert len(mine) == 14
    assert {fact.status for fact in mine.values()} == {"unknown"}
