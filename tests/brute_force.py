"""Choosing a concentration the dumb way: from the library's files, over the whole grid, with bare fractions.

Written from the rules alone, and sharing nothing with pumpcalc: it reads the TOML itself, has its own sizes of units,
works out every possibility and compares each with each.
"""

from __future__ import annotations

import random
import re
import shutil
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

from asking import size

ORDER_OF_LIMITS = ("low-reservoir-alarm", "in-pump-stability", "maximum-interval")


def number(text: str) -> Fraction:
    """A written quantity in mcg, mL and days."""
    digits, _, unit = text.partition(" ")
    return Fraction(digits) * size(unit)


def known(fact: dict[str, Any] | None) -> Fraction | None:
    """The value of a figure of a library file, where it has one."""
    return number(fact["value"]) if fact is not None and "value" in fact else None


@dataclass(frozen=True)
class Refused:
    code: str
    pointer: str


@dataclass(frozen=True)
class Way:
    """One point of the grid, with all that follows from it."""

    product: str
    stock: Fraction
    concentration: Fraction
    flow: Fraction
    interval: int
    binding: str
    waste: Fraction
    vials: int
    interval_at_highest: int


@dataclass
class Found:
    listed: list[Way]
    """In order: longest interval, least waste, weakest; equals in any order."""
    why_not: dict[tuple[str, Fraction], str]
    """The reason for each point of the grid that is not listed."""
    aside: dict[str, str]
    """The reason for each product of which no fill can be made at all."""


def grid(fill: Fraction, vial: Fraction) -> list[Fraction]:
    points = {fill}
    points |= {Fraction(n) for n in range(1, ceil(fill))}
    points |= {n * vial for n in range(1, ceil(fill / vial))}
    return sorted(points)


def answer(folder: Path, asked: dict[str, Any]) -> Found | Refused:
    drug = tomllib.loads((folder / "drugs" / f"{asked['drug']}.toml").read_text(encoding="utf-8"))
    pump = tomllib.loads((folder / "pumps" / f"{asked['pump']}.toml").read_text(encoding="utf-8"))
    dose, fill = number(asked["daily_dose"]), number(asked["fill_volume"])
    highest = number(asked.get("highest_planned_dose", asked["daily_dose"]))
    reservoir = known(pump["reservoir_volume"])
    if not drug.get("products"):
        return Refused("no-product", "/drug")
    if highest < dose:
        return Refused("out-of-range", "/highest_planned_dose")
    if reservoir is None and fill > 40:
        return Refused("out-of-range", "/fill_volume")
    stated = "low_reservoir_alarm_volume" in asked
    alarm = number(asked["low_reservoir_alarm_volume"]) if stated else known(pump["recommended_alarm_volume"])
    alarm = known(pump["refill_reference_volume"]) if alarm is None else alarm
    if alarm is None:
        return Refused("missing", "/low_reservoir_alarm_volume")
    if alarm >= fill:
        return Refused("out-of-range", "/low_reservoir_alarm_volume" if stated else "/fill_volume")

    stability, kinds = drug.get("in_pump_stability", {}), drug.get("fill_concentration", {})
    strengths = {kind: [number(text) for text in each["value"]] for kind, each in kinds.items()}
    naive = asked.get("naive_pump", False)
    least, most = known(pump["minimum_flow_rate"]), known(pump["maximum_flow_rate"])
    step, ceiling = known(pump["flow_step"]), known(drug["maximum_concentration"])
    longest = known(pump["maximum_refill_interval"])
    wanted = number(asked["wanted_interval"]) if "wanted_interval" in asked else None

    ways: list[Way] = []
    why_not: dict[tuple[str, Fraction], str] = {}
    aside: dict[str, str] = {}
    for product in drug["products"]:
        name = product["id"]
        for_pumps = "pump" in product["uses"].get("value", ())
        if name not in asked.get("products", [name] if for_pumps else []):
            continue
        strength, vial = known(product["concentration"]), known(product["volume"])
        if reservoir is not None and fill > reservoir:
            aside[name] = "fill-above-reservoir"
            continue
        if not for_pumps:
            aside[name] = "product-not-for-pumps"
            continue
        if strength is None or vial is None:
            aside[name] = "concentration-unknown" if strength is None else "vial-volume-unknown"
            continue
        for stock in grid(fill, vial):
            undiluted = stock == fill
            if "any" in stability:
                keeps = known(stability["any"])
            elif naive:
                keeps = known(stability.get("naive"))
            elif undiluted and strength in strengths.get("undiluted", [strength]):
                keeps = known(stability.get("undiluted"))
            else:
                keeps = known(stability.get("diluted"))
            lasting = [days for days in (keeps, number(asked["stability"]) if "stability" in asked else None) if days]
            if not lasting:
                return Refused("stability-unknown", "/stability")

            concentration = stock * strength / fill
            flow = dose / concentration

            def days_at(each_dose: Fraction, c: Fraction = concentration, kept: int = floor(min(lasting))) -> list[int]:
                days = [floor((fill - alarm) * c / each_dose), kept]
                return days if longest is None else [*days, floor(longest)]

            days = days_at(dose)
            interval, at_highest = min(days), min(days_at(highest))
            vials = ceil(stock / vial)
            way = Way(
                name, stock, concentration, flow, interval, ORDER_OF_LIMITS[days.index(interval)],
                vials * vial * strength - interval * dose, vials, at_highest,
            )  # fmt: skip

            if naive and "naive" in strengths and not (undiluted and strength in strengths["naive"]):
                why_not[name, stock] = "not-a-naive-fill"
            elif ceiling is not None and concentration > ceiling:
                why_not[name, stock] = "above-maximum-concentration"
            elif least is not None and flow < least:
                why_not[name, stock] = "flow-below-minimum"
            elif most is not None and highest / concentration > most:
                why_not[name, stock] = "flow-above-maximum"
            elif step is not None and (flow / step).denominator != 1:
                why_not[name, stock] = "not-on-a-step"
            elif at_highest < 1 or (wanted is not None and at_highest < wanted):
                why_not[name, stock] = "interval-too-short"
            else:
                ways.append(way)

    listed = []
    for way in ways:
        better = [
            other for other in ways
            if other.interval >= way.interval and other.waste <= way.waste
            and (other.interval > way.interval or other.waste < way.waste)
        ]  # fmt: skip
        if better:
            why_not[way.product, way.stock] = "another-is-better"
        else:
            listed.append(way)
    listed.sort(key=lambda way: (-way.interval, way.waste, way.concentration))
    return Found(listed, why_not, aside)


# The libraries of sites, and random orders


def _with_figure(file: Path, key: str, value: str) -> None:
    """Give one figure of a library file a value, or take it away, as a site would confirm it."""
    text = file.read_text(encoding="utf-8")
    section = re.search(rf"^\[{re.escape(key)}\]\n((?:(?!\[).*\n)*)", text, re.M)
    assert section is not None, (file, key)
    source = re.search(r'source = "(.*)"', section[1])
    cited = source[1] if source else "definition"
    known_now = f'[{key}]\nvalue = "{value}"\nsource = "{cited}"\nwhere = "of this site"\nstatus = "verified"\n'
    role = "information" if key == "flow_step" else "hard"
    file.write_text(text.replace(section[0], f'{known_now}role = "{role}"\n\n'), encoding="utf-8")


def _with_product(file: Path, product: str, key: str, value: str) -> None:
    """Give one figure of a product a value; the empty value makes it unknown."""
    text = file.read_text(encoding="utf-8")
    line = re.search(rf'id = "{product}"\n(?:.*\n)*?({key} = .*)\n', text)
    assert line is not None, (file, product, key)
    fact = (
        f'value = "{value}", source = "definition", where = "of this site", status = "verified", role = "information"'
    )
    fact = fact if value else 'status = "unknown", looked_in = "nowhere"'
    start, end = line.span(1)
    file.write_text(f"{text[:start]}{key} = {{ {fact} }}{text[end:]}", encoding="utf-8")


_PUMPS = ("synchromed-ii-20", "synchromed-ii-40", "prometra-ii-20", "prometra-ii-40")
_SITES: dict[str, dict[str, dict[str, str]]] = {
    "shipped": {},
    "steps": {
        **{f"pumps/{pump}.toml": {"flow_step": "0.005 mL/day", "maximum_flow_rate": "24 mL/day"} for pump in _PUMPS},
        "drugs/morphine.toml": {"maximum_concentration": "20 mg/mL"},
        "drugs/baclofen.toml": {
            "lioresal-500.volume": "20 mL", "gablofen-1000.volume": "20 mL", "lioresal-2000.volume": "5 mL",
        },
    },
    "narrow": {
        **{f"pumps/{pump}.toml": {"flow_step": "0.001 mL/day", "maximum_flow_rate": "0.9 mL/day",
                                  "minimum_flow_rate": "0.06 mL/day", "maximum_refill_interval": "60 day"}
           for pump in _PUMPS},
        "drugs/ziconotide.toml": {"maximum_concentration": "25 mcg/mL", "prialt-100-1.volume": "0.7 mL"},
        "drugs/morphine.toml": {"infumorph-200.concentration": "", "mitigo-10.volume": "2.5 mL"},
        "drugs/baclofen.toml": {"lioresal-2000.volume": "5.5 mL"},
    },
    "odd": {
        "pumps/synchromed-ii-20.toml": {"maximum_flow_rate": "0.5 mL/day"},
        "drugs/ziconotide.toml": {"prialt-100-5.concentration": "75 mcg/mL", "in_pump_stability.naive": "13.5 day"},
        "drugs/morphine.toml": {"maximum_concentration": "9.5 mg/mL", "in_pump_stability.any": "29.9 day"},
    },
}  # fmt: skip
"""What each site has confirmed, or found unknown, in its own copy of the library."""


def site(name: str, shipped: Path, folder: Path) -> Path:
    """The library of one site."""
    shutil.copytree(shipped, folder)
    for file, figures in _SITES[name].items():
        for key, value in figures.items():
            product, _, part = key.partition(".")
            if part in ("volume", "concentration"):
                _with_product(folder / file, product, part, value)
            else:
                _with_figure(folder / file, key, value)
    return folder


SITES = tuple(_SITES)

_DOSES = {
    "ziconotide": ("0.5 mcg/day", "1.2 mcg/day", "2.4 mcg/day", "4.8 mcg/day", "9.6 mcg/day", "19.2 mcg/day",
                   "0.1 mcg/h", "0.00001 mg/h", "3 mcg/day"),
    "morphine": ("0.5 mg/day", "1 mg/day", "2.5 mg/day", "5 mg/day", "7.5 mg/day", "10 mg/day", "12 mg/day",
                 "1500 mcg/day", "0.25 mg/h", "20 mg/day"),
    "baclofen": ("100 mcg/day", "0.25 mg/day", "400 mcg/day", "600 mcg/day", "10 mcg/h"),
}  # fmt: skip
_PRODUCTS = {
    "ziconotide": ("prialt-25-20", "prialt-100-1", "prialt-100-5", "prialt-100-2-eu"),
    "morphine": ("infumorph-200", "infumorph-500", "mitigo-10", "mitigo-25", "duramorph-1-mg-per-ml"),
    "baclofen": ("lioresal-500", "gablofen-1000", "lioresal-2000", "lioresal-50"),
}
_RANDOM_DOSE = {
    "ziconotide": (1, 2500, "mcg/day"),
    "morphine": (5, 4000, "mg/day"),
    "baclofen": (2000, 150000, "mcg/day"),
}


def _hundredths(count: int) -> str:
    return f"{count // 100}.{count % 100:02}"


def _dose(dice: random.Random, drug: str) -> str:
    if dice.random() < 0.6:
        return dice.choice(_DOSES[drug])
    low, high, unit = _RANDOM_DOSE[drug]
    return f"{_hundredths(dice.randint(low, high))} {unit}"


def _fill(dice: random.Random, pump: str) -> str:
    holds = 40 if pump.endswith("40") else 20
    if dice.random() < 0.04:
        return f"{holds}.01 mL"
    if dice.random() < 0.3:
        return f"{holds} mL"
    if dice.random() < 0.5:
        return f"{dice.randint(1, holds)} mL"
    return f"{_hundredths(dice.randint(30, holds * 100))} mL"


def random_order(dice: random.Random) -> dict[str, Any]:
    """An order as anybody might write it: mostly sensible, and often tight."""
    drug = dice.choice(("ziconotide", "ziconotide", "morphine", "morphine", "baclofen"))
    pump = dice.choice((*_PUMPS, *_PUMPS, "synchromed-iii-20"))
    asked: dict[str, Any] = {
        "drug": drug, "daily_dose": _dose(dice, drug), "pump": pump, "fill_volume": _fill(dice, pump),
    }  # fmt: skip
    doses = sorted((asked["daily_dose"], _dose(dice, drug)), key=number)
    stated = {
        "highest_planned_dose": lambda: doses[1],
        "wanted_interval": lambda: dice.choice(("7", "30 day", "36.5 day", "60", "18 h", "90 day", "14 day")),
        "low_reservoir_alarm_volume": lambda: dice.choice(("0 mL", "1 mL", "2 mL", "2.5 mL", "4 mL")),
        "stability": lambda: dice.choice(("90 day", "30", "45.5 day", "12 h", "200 day")),
        "naive_pump": lambda: dice.random() < 0.5,
        "products": lambda: dice.sample(_PRODUCTS[drug], dice.randint(1, len(_PRODUCTS[drug]))),
    }
    for field, value in stated.items():
        if dice.random() < (0.8 if field == "stability" and drug == "baclofen" else 0.35):
            asked[field] = value()
    if "highest_planned_dose" in asked and dice.random() < 0.95:
        asked["daily_dose"] = doses[0]
    return asked
