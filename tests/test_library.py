"""The drug library loads as shipped, and a library with one defect does not load and says where."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from asking import flow

import pumpcalc
from pumpcalc import LibraryDefect, Refusal, calculate
from pumpcalc.library import load, shipped_folder
from pumpcalc.library.facts import SOURCE_KINDS

_MORPHINE, _SM2, _SOURCES = "drugs/morphine.toml", "pumps/synchromed-ii-20.toml", "sources.toml"


def test_the_shipped_library_loads_once_and_says_which_it_is() -> None:
    shelf = load()
    assert shelf is load()
    assert shelf.version == "2026.11"
    assert re.fullmatch(r"[0-9a-f]{64}", shelf.sha256)
    pain = {"bupivacaine", "clonidine", "fentanyl", "hydromorphone", "morphine", "sufentanil", "ziconotide"}
    assert set(shelf.drugs) == {"baclofen", *pain}
    families = ("synchromed-ii", "synchromed-iii", "prometra-ii")
    assert set(shelf.pumps) == {f"{family}-{size}" for family in families for size in (20, 40)}
    assert set(shelf.tables) == {"anzca-2021", "cdc-2016", "cdc-2022", "heal-2025"}
    assert len(shelf.ratios["morphine"].forward) == 15
    assert {source.kind for source in shelf.sources.values()} <= set(SOURCE_KINDS)


def test_nobody_at_a_site_has_confirmed_a_shipped_pump() -> None:
    assert {pump.verified_by for pump in load().pumps.values()} == {""}


def test_the_checksum_changes_with_one_letter_and_not_with_the_place(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "same")
    assert load(tmp_path / "same").sha256 == load().sha256
    shutil.copytree(shipped_folder(), tmp_path / "other")
    with (tmp_path / "other" / _SOURCES).open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    assert load(tmp_path / "other").sha256 != load().sha256


def test_the_library_that_is_named_is_the_library_that_answers(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "site")
    file = tmp_path / "site" / _MORPHINE
    file.write_text(file.read_text(encoding="utf-8").replace('"20 mg/day"', '"9 mg/day"'), encoding="utf-8")
    site = load(tmp_path / "site")
    assert not calculate("flow-rate", flow()).limits_hit
    found = calculate("flow-rate", flow(), site)
    assert [each.name for each in found.limits_hit] == ["caution_daily_dose", "usual_daily_dose_at_most"]
    assert found.library.sha256 == site.sha256


def test_a_name_that_is_not_in_the_library_is_refused_with_the_nearest_one() -> None:
    for find, name, near in (
        (load().drug, "zikonotide", "ziconotide"), (load().pump, "SYNCHROMED-II-20", "synchromed-ii-20"),
        (load().opioid, "oxycodon", "oxycodone"),
        (load().external_pump, "cadd-prizm-pcs-2", "cadd-prizm-pcs-ii"), (load().table, "heal-2024", "heal-2025"),
        (load().drug, "zzz", None),
    ):  # fmt: skip
        with pytest.raises(Refusal) as caught:
            find(name)
        assert caught.value.problems[0].did_you_mean == near
        assert caught.value.problems[0].allowed


_DEFECTS = tomllib.loads((Path(__file__).parent / "broken_libraries.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("defect", _DEFECTS.values(), ids=_DEFECTS)
def test_a_library_with_one_defect_does_not_load_and_says_where(tmp_path: Path, defect: dict[str, str]) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    file = folder / defect["file"]
    text = file.read_text(encoding="utf-8")
    assert defect["was"] in text, "the defect must be planted"
    file.write_text(text.replace(defect["was"], defect["becomes"], 1), encoding="utf-8")
    with pytest.raises(LibraryDefect) as caught:
        load(folder)
    assert str(caught.value).startswith(defect["file"])
    assert defect["names"] in str(caught.value)


def test_at_least_forty_defects_are_tried() -> None:
    assert len(_DEFECTS) >= 40


def test_a_file_that_is_not_text_and_a_folder_that_is_empty_are_defects(tmp_path: Path) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    (folder / _SM2).write_bytes((folder / _SM2).read_bytes().replace(b"20 mL", b"20 \xb5L"))
    with pytest.raises(LibraryDefect, match=r"^pumps/synchromed-ii-20.toml: is not a TOML file"):
        load(folder)
    with pytest.raises(LibraryDefect, match=r"^library.toml"):
        load(tmp_path / "nothing")


def test_a_name_of_the_library_says_where_its_figure_stands() -> None:
    shelf = pumpcalc.library.load()
    assert shelf.pumps["synchromed-ii-20"].minimum_flow_rate.name == "synchromed-ii-20.minimum_flow_rate"
    with pytest.raises(Refusal, match=r"needs synchromed-ii-20.maximum_flow_rate.* quoted as 24 mL/day"):
        shelf.pumps["synchromed-ii-20"].maximum_flow_rate.required()
    with pytest.raises(Refusal, match=r"needs synchromed-iii-20.flow_accuracy, which the library does not hold"):
        shelf.pumps["synchromed-iii-20"].flow_accuracy.required()
