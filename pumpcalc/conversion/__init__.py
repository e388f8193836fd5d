"""Oral opioids to oral morphine equivalents, and oral morphine to an intrathecal starting dose.

The two are separate calculations over separate tables. A table of equivalents sums a regimen and never chooses a dose;
a ratio from oral to intrathecal is a policy choice that the caller makes and the record keeps. Ziconotide has
neither: no oral form, no equivalence. It gets ``no_conversion`` and the label's start.
"""

from pumpcalc.conversion.intrathecal import oral_to_intrathecal
from pumpcalc.conversion.regimen import RegimenLine, oral_morphine_equivalent

__all__ = ["RegimenLine", "oral_morphine_equivalent", "oral_to_intrathecal"]
