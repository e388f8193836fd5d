"""pumpcalc: intrathecal pump dosing and refills, exact, explained and cited.

Importing it proves every formula: a formula whose units do not hold stops the import.
"""

# isort: off
# Each of these registers its calculators; they are listed in the order of a day's work.
from pumpcalc import library
from pumpcalc import conversion
from pumpcalc import titration
from pumpcalc import delivery
from pumpcalc import compounding
from pumpcalc import beyond_use
from pumpcalc import refill
from pumpcalc import reservoir

# isort: on
from pumpcalc.errors import (
    CalculationWithheld,
    FormulaDefect,
    LibraryDefect,
    Problem,
    PumpcalcError,
    Refusal,
)
from pumpcalc.version import NOTICE, VERSION
from pumpcalc.worksheet import CALCULATORS, Calculation, Calculator, calculate, verify

__version__ = VERSION

__all__ = [
    "CALCULATORS",
    "NOTICE",
    "Calculation",
    "CalculationWithheld",
    "Calculator",
    "FormulaDefect",
    "LibraryDefect",
    "Problem",
    "PumpcalcError",
    "Refusal",
    "beyond_use",
    "calculate",
    "compounding",
    "conversion",
    "delivery",
    "library",
    "refill",
    "reservoir",
    "titration",
    "verify",
]
