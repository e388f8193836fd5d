"""What each product may be used for, and the words that a preparation of it must carry."""

from __future__ import annotations

from collections.abc import Sequence

from pumpcalc.compounding.part import Part
from pumpcalc.library import Drug, Product, Purpose
from pumpcalc.worksheet import Worksheet

__all__ = ["check_product", "check_products"]

_CAUTIONS = ("diluent", "microfilter", "start-within-24-h", "precipitation")


def check_product(work: Worksheet, drug: Drug, product: Product, purpose: Purpose) -> None:
    """May this product be used for this purpose? Hard where that is verified. And is it drawn through a microfilter?"""
    if product.uses.status in ("unknown", "unverified"):
        work.not_checked(product.uses)
    else:
        hard = product.uses.status == "verified"
        uses = product.uses.listed
        work.one_of(f"{drug.name}_product_uses", purpose, uses, work.cite(product.uses), hard=hard)
    if product.microfilter is not None:
        work.note("microfilter", " ".join(product.microfilter.listed), work.cite(product.microfilter))


def check_products(work: Worksheet, parts: Sequence[Part], purpose: Purpose) -> None:
    """Every product against the purpose, and the words of its drug's monograph that concern a preparation."""
    for part in parts:
        drug, product = part.drug, part.product
        if product is None:
            work.note(
                "product-not-named",
                f"No product is named for the stock of {drug.label}: nothing checked whether it may be used for a "
                f"{purpose.replace('-', ' ')}.",
            )
            if purpose == "pump":
                work.cautions(drug.cautions, "not-duramorph")
        else:
            check_product(work, drug, product, purpose)
        work.cautions(drug.cautions, *_CAUTIONS)
        if len(parts) > 1:
            work.cautions(drug.cautions, "monotherapy")
