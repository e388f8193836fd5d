"""pumpcalc: intrathecal pump dosing and refills, exact, explained and cited.

Importing it proves every formula: a formula whose units do not hold stops the import.
"""

# isort: off
# Each of these registers its calculators; they are listed in the order of a day's work.
from pumpcalc import library
from pumpcalc import conversion
from pumpcalc import titration
from pumpcalc import baclofen
from pumpcalc import delivery
from pumpcalc import choosing
from pumpcalc import programmes
from pumpcalc import compounding
from pumpcalc import admixture
from pumpcalc import beyond_use
from pumpcalc import bridge
from pumpcalc import refill
from pumpcalc import three_way
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
from pumpcalc.worksheet import CALCULATORS, Calculation, Calculator, calculate, uses, verify

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
    "admixture",
    "baclofen",
    "beyond_use",
    "bridge",
    "calculate",
    "choosing",
    "compounding",
    "conversion",
    "delivery",
    "library",
    "programmes",
    "refill",
    "reservoir",
    "three_way",
    "titration",
    "uses",
    "verify",
]
