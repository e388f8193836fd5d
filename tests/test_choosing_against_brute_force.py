"""No better option missed, no impossible one offered, and a true reason for everything else: random orders."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asking import exact
from brute_force import ORDER_OF_LIMITS, SITES, Found, Refused, answer, grid, known, random_order, site

from pumpcalc import Calculation, Refusal, calculate
from pumpcalc.library import load, shipped_folder

_ORDERS = int(os.environ.get("PUMPCALC_ORDERS", "400"))
_PARTS = 20
"""The orders are asked in so many tests, so that a long run uses every processor and no test lasts long."""
_REASONS = {
    "not-a-naive-fill", "above-maximum-concentration", "flow-below-minimum", "flow-above-maximum", "not-on-a-step",
    "interval-too-short", "another-is-better", "fill-above-reservoir", "vial-volume-unknown", "concentration-unknown",
    "product-not-for-pumps",
}  # fmt: skip


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shipped library, and those of sites that have confirmed more."""
    folder = tmp_path_factory.mktemp("sites")
    return {name: site(name, shipped_folder(), folder / name) for name in SITES}


def _listed(found: Calculation) -> list[tuple[Any, ...]]:
    """Every number of each option, exactly, in canonical units."""
    rows = []
    for place, row in enumerate(found.answers["options"]):
        lines = {key: found.answer_lines[f"/options/{place}/{key}"] for key in row if key not in ("product", "binding")}
        of = {key: exact(found, line, _CANONICAL.get(key)) for key, line in lines.items()}
        assert of["dose_error_percent"] == 0
        assert of["stock_volume"] + of["diluent_volume"] == exact(found, "fill_volume")
        rows.append(
            (
                row["product"],
                of["stock_volume"],
                of["concentration"],
                of["flow_rate"],
                of["interval"],
                row["binding"],
                of["waste"],
                of["vials"],
                of.get("interval_at_highest_dose", of["interval"]),
            )
        )
    return rows  # fmt: skip


_CANONICAL = {"concentration": "mcg/mL", "waste": "mcg"}


def _points(text: str, points: list[Fraction]) -> list[Fraction]:
    """The volumes of stock of which a row speaks: "prialt-25-20, 1 to 9 mL in 20 mL"."""
    told = re.fullmatch(r"[a-z0-9-]+, (?:([0-9.]+) to )?([0-9.]+) mL in [0-9.]+ mL", text)
    assert told is not None, text
    return [each for each in points if Fraction(told[1] or told[2]) <= each <= Fraction(told[2])]


def _compare(found: Calculation, expected: Found, folder: Path) -> None:
    asked = found.request
    listed = [tuple(vars(way).values()) for way in expected.listed]
    mine = _listed(found)
    assert sorted(mine) == sorted(listed), asked
    assert [row[4] for row in mine] == [row[4] for row in listed]
    assert [row[6] for row in mine] == [row[6] for row in listed]
    said: dict[tuple[str, Fraction], str] = {}
    aside: dict[str, str] = {}
    stock = {p.id: p.volume.quantity for p in load(folder).drugs[asked["drug"]].products}
    for row in found.answers["not_listed"]:
        product = row["option"].partition(",")[0]
        if ", any volume in " in row["option"]:
            assert product not in aside
            aside[product] = row["reason"]
            continue
        for point in _points(row["option"], grid(exact(found, "fill_volume"), stock[product].amount)):
            assert (product, point) not in said, f"two reasons for {row['option']}"
            said[product, point] = row["reason"]
        if row["reason"] == "another-is-better":
            better = mine[int(re.findall(r"option (\d+) ", row["text"])[0]) - 1]
            lasting = re.findall(r"last (?:[0-9]+ to )?([0-9]+) day", row["text"])
            assert Fraction(lasting[0]) <= better[4]
    assert said == expected.why_not, asked
    assert aside == expected.aside, asked


def _ask(asked: dict[str, Any], folder: Path) -> Counter[str]:
    """Ask both, compare, and count what was seen."""
    expected = answer(folder, asked)
    try:
        found = calculate("choose-concentration", asked, load(folder))
    except Refusal as refusal:
        problem = refusal.problems[0]
        assert Refused(problem.code, problem.pointer) == expected, (asked, problem.detail)
        return Counter([f"refused {problem.code}"])
    assert isinstance(expected, Found), (asked, expected)
    _compare(found, expected, folder)
    seen = {row["reason"] for row in found.answers["not_listed"]} | {row["binding"] for row in found.answers["options"]}
    return Counter([*seen, "options" if expected.listed else "no option"])


@pytest.mark.parametrize("part", range(_PARTS))
def test_random_orders_agree_with_brute_force_over_the_product_grid(part: int, sites: dict[str, Path]) -> None:
    for seed in range(part, _ORDERS, _PARTS):
        dice = random.Random(seed)
        _ask(random_order(dice), sites[SITES[seed // _PARTS % len(SITES)]])


def test_the_random_orders_meet_every_reason_every_binding_limit_and_every_refusal(sites: dict[str, Path]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(1000, 1240):
        seen += _ask(random_order(random.Random(seed)), sites[SITES[seed % len(SITES)]])
    refusals = {"refused stability-unknown", "refused out-of-range", "refused missing"}
    assert _REASONS | set(ORDER_OF_LIMITS) | refusals | {"options", "no option"} <= set(seen), seen
    assert seen["options"] >= 80


def test_the_brute_force_would_notice_a_planted_fault(sites: dict[str, Path]) -> None:
    """A comparison that cannot fail would prove nothing."""
    asked = {"drug": "ziconotide", "daily_dose": "2.4 mcg/day", "pump": "synchromed-ii-20", "fill_volume": "20 mL"}
    found = calculate("choose-concentration", asked)
    expected = answer(sites["shipped"], asked)
    assert isinstance(expected, Found)
    _compare(found, expected, sites["shipped"])
    faults: list[dict[str, Any]] = [
        {"options": found.answers["options"][1:]},
        {"options": found.answers["options"][::-1]},
        {"not_listed": found.answers["not_listed"][1:]},
        {"not_listed": [{**row, "reason": "flow-above-maximum"} for row in found.answers["not_listed"]]},
    ]
    for fault in faults:
        altered = found.model_copy(update={"answers": found.answers | fault})
        with pytest.raises(AssertionError):
            _compare(altered, expected, sites["shipped"])
    assert known({"status": "unknown"}) is None
