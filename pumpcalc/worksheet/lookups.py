"""What a worksheet looks up in the library: a monograph, or a refusal that points at the field that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pumpcalc.errors import Refusal
from pumpcalc.library import Catheter, ConversionTable, Drug, ExternalPump, Library, Opioid, Pump

__all__ = ["Lookups"]

_T = TypeVar("_T")


class Lookups:
    """The part of a worksheet that asks the library by name."""

    library: Library

    def drug(self, name: str, pointer: str = "/drug") -> Drug:
        """A drug's monograph, or a refusal that points at the field."""
        return self._looked_up(self.library.drug, name, pointer)

    def pump(self, name: str, pointer: str = "/pump") -> Pump:
        """A pump's monograph, or a refusal that points at the field."""
        return self._looked_up(self.library.pump, name, pointer)

    def catheter(self, name: str, pointer: str = "/catheter/model") -> Catheter:
        """A catheter's monograph, or a refusal that points at the field."""
        return self._looked_up(self.library.catheter, name, pointer)

    def external_pump(self, name: str, pointer: str = "/pump") -> ExternalPump:
        """An external pump's monograph, or a refusal that points at the field."""
        return self._looked_up(self.library.external_pump, name, pointer)

    def table(self, name: str, pointer: str = "/table") -> ConversionTable:
        """A table of oral morphine equivalents, or a refusal that points at the field."""
        return self._looked_up(self.library.table, name, pointer)

    def opioid(self, name: str, pointer: str) -> Opioid:
        """An opioid of the tables, or a refusal that points at the field."""
        return self._looked_up(self.library.opioid, name, pointer)

    @staticmethod
    def _looked_up(find: Callable[[str], _T], name: str, pointer: str) -> _T:
        try:
            return find(name)
        except Refusal as refusal:
            raise Refusal([problem.at(pointer) for problem in refusal.problems]) from None
