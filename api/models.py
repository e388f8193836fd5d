"""What the service takes and shows about clinics, patients, pumps, refills and reminders.

Requests use the core's own fields, so a mistake gets the same sentence here as in a calculation.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.fields import DayCounts, EmailAddress, Name, PatientId, Reference, TimeOfDay
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import (
    Calendar,
    ClosedDates,
    ClosedWeekdays,
    PumpName,
    Request,
    TimeZone,
    VolumeOrZeroField,
)

__all__ = [
    "Clinic",
    "ClinicRequest",
    "ClinicSettings",
    "DeliveryView",
    "Listing",
    "Patient",
    "PatientRequest",
    "Pump",
    "PumpRequest",
    "RecordedRefill",
    "RefillView",
    "ReminderView",
    "Schedule",
]


class ClinicSettings(Request):
    """The clinic's own rules. None has a built-in value; a refill is refused until all are stated."""

    low_reservoir_alarm_volume: VolumeOrZeroField | None = None
    reminder_days_before: DayCounts | None = None
    reminder_time: TimeOfDay | None = None
    closed_weekdays: ClosedWeekdays | None = None
    closed_dates: ClosedDates | None = None
    reminder_email: EmailAddress | None = None


class ClinicRequest(ClinicSettings):
    """A new clinic."""

    name: Name
    time_zone: TimeZone


class PatientRequest(Request):
    """A new patient: an opaque reference, or none, and then one is made up. Nothing about the person."""

    reference: Reference | None = None


class PumpRequest(Request):
    """A new pump of a patient."""

    patient_id: PatientId
    model: PumpName
    implanted_on: Calendar | None = None
    reference: Reference | None = None


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clinic(_View):
    """A clinic with its settings; null: not stated yet."""

    id: str
    name: str
    time_zone: str
    low_reservoir_alarm_volume: str | None
    reminder_days_before: list[str] | None
    reminder_time: str | None
    closed_weekdays: list[str] | None
    closed_dates: list[str] | None
    reminder_email: str | None
    created_at: dt.datetime


class Patient(_View):
    """An opaque reference."""

    id: str
    reference: str
    created_at: dt.datetime


class Pump(_View):
    """One implanted pump."""

    id: str
    patient_id: str
    reference: str = Field(description="What people say and what reminders name.")
    model: str
    implanted_on: dt.date | None
    state: Literal["active", "stopped", "explanted"]
    created_at: dt.datetime


class DeliveryView(_View):
    """One copy of a reminder."""

    id: str
    channel: str
    recipient: str
    idem: str = Field(description="The id that every copy of this reminder to this recipient carries.")
    state: Literal["pending", "sent", "dead", "cancelled"]
    attempts: int
    queued_at: dt.datetime
    next_try_at: dt.datetime
    sent_at: dt.datetime | None
    last_error: str | None


class ReminderView(_View):
    """One rung of a ladder, with its copies."""

    id: str
    refill_id: str
    pump_id: str
    kind: str
    due_at: dt.datetime = Field(description="The instant, in UTC.")
    local_intent: str = Field(description="The local time that was meant; where clocks skip it, due_at is later.")
    zone: str
    severity: Literal["critical", "high", "analgesia-loss", "low"]
    state: Literal["pending", "queued", "cancelled"]
    deliveries: list[DeliveryView]


class RefillView(_View):
    """One recorded fill and its last safe day."""

    id: str
    pump_id: str
    fill_date: dt.date
    request: dict[str, Any] = Field(description="The request as it was understood.")
    refill_by: dt.date
    binding: str = Field(description="The limit that decided the day.")
    calculation_id: str
    recorded_at: dt.datetime
    superseded_at: dt.datetime | None


class Schedule(_View):
    """The open refill of a pump, its calculation and its reminders. Null where no refill is recorded."""

    pump: Pump
    refill: RefillView | None
    calculation: Calculation | None
    reminders: list[ReminderView]


class RecordedRefill(_View):
    """What recording a refill kept, all of it or none."""

    refill: RefillView
    calculation: Calculation
    reminders: list[ReminderView]


ItemT = TypeVar("ItemT")


class Listing(_View, Generic[ItemT]):
    """One page of a list. ``next`` is null on the last; else it is the ``after`` of the next page."""

    items: list[ItemT]
    next: str | None
