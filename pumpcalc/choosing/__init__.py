"""From the products that exist to the fill: every dilution that a pump can give, and the few that none betters."""

from pumpcalc.choosing.choose import choose_concentration

__all__ = ["choose_concentration"]
