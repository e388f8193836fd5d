"""What a preparation is made of: its drugs, their stock, their lots, and how exact it must be."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import ConfigDict, WithJsonSchema

from pumpcalc.errors import echo, refused
from pumpcalc.library import Drug, Product
from pumpcalc.quantities import FRACTION, NUMBER, Quantity, read_number
from pumpcalc.worksheet import Value, Worksheet
from pumpcalc.worksheet.fields import Calendar, ConcentrationField, DrugName, ProductName, Request, strictly

__all__ = ["CompoundedComponent", "ErrorPercent", "Lot", "StockedComponent", "product_of", "stock_of"]

_LOT = r"[a-zA-Z0-9][a-zA-Z0-9./-]{0,39}"


def _lot(value: Any) -> str:
    """A lot as it is printed on the vial."""
    if not isinstance(value, str) or re.fullmatch(_LOT, value, re.ASCII) is None:
        raise refused(
            "lot-format",
            f"{echo(value)} is not a lot: write it as printed, with letters, digits, hyphens, points and slashes, "
            "at most 40.",
        )
    return value


def _error_percent(value: Any) -> Quantity:
    """The largest error that a site accepts, in percent."""
    most = Quantity(read_number(value) * FRACTION.factors["%"], FRACTION, "%")
    if most.amount >= 1:
        raise refused(
            "out-of-range", f'An error of {echo(value)} percent is no bound: write a number below 100, such as "5".'
        )
    return most


Lot = Annotated[
    str, strictly(_lot), WithJsonSchema({"type": "string", "pattern": f"^{_LOT}$", "examples": ["B2043-17"]})
]
ErrorPercent = Annotated[
    Quantity,
    strictly(_error_percent),
    WithJsonSchema({"type": "string", "pattern": f"^{NUMBER}$", "examples": ["5"]}),
]


class StockedComponent(Request):
    """One drug of a solution, and the stock that it is drawn from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"drug": "ziconotide", "concentration": "5 mcg/mL", "product": "prialt-25-20"}]}
    )

    drug: DrugName
    concentration: ConcentrationField
    stock_concentration: ConcentrationField | None = None
    product: ProductName | None = None


class CompoundedComponent(StockedComponent):
    """One drug of the preparation, its stock, and what is known of that stock and of the result."""

    lot: Lot | None = None
    expiry: Calendar | None = None
    assayed_concentration: ConcentrationField | None = None


def product_of(work: Worksheet, drug: Drug, name: str, pointer: str) -> Product:
    """The product of this drug that is named. Raises Refusal ``unknown-product``."""
    found = [product for product in drug.products if product.id == name]
    if not found:
        held = ", ".join(product.id for product in drug.products) or "none"
        raise work.refuse(
            "unknown-product", f"The library has no such product of {drug.label}; it has {held}.", pointer
        )
    return found[0]


def stock_of(
    work: Worksheet, drug: Drug, component: StockedComponent, number: str, pointer: str
) -> tuple[Value, Product | None]:
    """The strength of the stock, stated once: in numbers, or as a product of the library."""
    name = f"stock_concentration{number}"
    if component.product is None and component.stock_concentration is not None:
        return work.given(name, component.stock_concentration, drug.name), None
    if component.product is None or component.stock_concentration is not None:
        raise work.refuse(
            "one-of-two",
            'State the stock once: either "stock_concentration", or "product" from the library.',
            f"{pointer}/stock_concentration",
        )
    product = product_of(work, drug, component.product, f"{pointer}/product")
    return work.fact(name, product.concentration, drug.name, pointer=f"{pointer}/product"), product
