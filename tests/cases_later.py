"""Rows of the case files that no calculator of this version answers, each with the work that will answer it."""

from __future__ import annotations

_WAITING = {
    "pharmacokinetics; no calculator of the contract": "PV070 PV071 ziconotide_csf_decay_24h",
    "other routes; refused by design, no calculator converts them": "PV101 PV104 PV106",
}

LATER = {case: reason for reason, cases in _WAITING.items() for case in cases.split()}

PARTLY_LATER = {
    "PV089": {"CDC2016": "the scale of 2016 goes by dose bands: it is not one factor, and is not in the library"}
}
"""Expected values, of rows that are answered, that wait for a table or a calculator."""
