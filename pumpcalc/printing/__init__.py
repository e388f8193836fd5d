"""Pages for a person: the worksheet of a calculation, the equations, and what the drug library holds."""

from pumpcalc.printing.shelf import print_check, print_differences, print_dry_run, print_monograph, print_what_if
from pumpcalc.printing.worksheet import print_formulas, print_worksheet

__all__ = [
    "print_check",
    "print_differences",
    "print_dry_run",
    "print_formulas",
    "print_monograph",
    "print_what_if",
    "print_worksheet",
]
