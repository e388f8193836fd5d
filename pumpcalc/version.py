"""The software's version and the notice that every result carries."""

from __future__ import annotations

__all__ = ["NOTICE", "VERSION"]

VERSION = "0.1.0"

NOTICE = (
    "For licensed health care professionals. Decision support only: it does not diagnose, does not prescribe, and "
    "does not program or read a pump. Conversion from oral to intrathecal opioid is an estimate with wide published "
    "variation; no oral-to-ziconotide conversion exists. Review the inputs, formula, constants and sources shown "
    "with this result against the current drug and pump labelling and the patient before acting. Not for "
    "emergencies or time-critical decisions. Not cleared or approved by FDA or any other authority. Reminders "
    "support, and do not replace, the clinic's own recall procedure and the pump alarm."
)
