"""Compounding: from concentrations to the syringe, and the rinses of a new pump."""

from pumpcalc.compounding.clocks import begin_by
from pumpcalc.compounding.entry import CompoundedComponent, StockedComponent, stock_of
from pumpcalc.compounding.preparation import compounding
from pumpcalc.compounding.rinse import naive_pump_rinse

__all__ = ["CompoundedComponent", "StockedComponent", "begin_by", "compounding", "naive_pump_rinse", "stock_of"]
