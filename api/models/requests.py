"""What the service takes: its own requests, made of the core's fields, so that a mistake gets the same sentence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.closures import PublicHolidays
from api.fields import (
    DayCount,
    DayCounts,
    DrugNames,
    EmailAddress,
    MinuteCount,
    Name,
    OpaqueId,
    PatientId,
    Reason,
    Reference,
    SomeMinutes,
    TimeOfDay,
    YesOrNo,
)
from pumpcalc.worksheet.fields import (
    Calendar,
    ClosedDates,
    ClosedWeekdays,
    Instant,
    PumpName,
    Request,
    TimeZone,
    VolumeOrZeroField,
)

__all__ = [
    "ClinicRequest",
    "ClinicSettings",
    "ContactRequest",
    "FeedRequest",
    "PatientRequest",
    "PersonRequest",
    "PumpRequest",
    "ResponseRequest",
]


class ClinicSettings(Request):
    """The clinic's own rules. None has a built-in value; a refill is refused until those that it needs are stated.

    ``accuracy_caps_interval`` and ``beyond_use_caps_interval`` are policies: whether the day on which a pump can be dry
    within its accuracy, and the beyond-use date, end the interval. Lead days are open days between an order and the
    refill. A reminder that nobody answers comes again after ``repeat_after_minutes``.
    """

    low_reservoir_alarm_volume: VolumeOrZeroField | None = None
    reminder_days_before: DayCounts | None = None
    reminder_time: TimeOfDay | None = None
    closed_weekdays: ClosedWeekdays | None = None
    closed_dates: ClosedDates | None = None
    reminder_email: EmailAddress | None = None
    public_holidays: PublicHolidays | None = None
    accuracy_caps_interval: YesOrNo | None = None
    beyond_use_caps_interval: YesOrNo | None = None
    compounding_lead_days: DayCount | None = None
    controlled_drug_lead_days: DayCount | None = None
    controlled_drugs: DrugNames | None = None
    booking_window_days: DayCount | None = None
    repeat_after_minutes: SomeMinutes | None = None
    snooze_minutes_at_most: MinuteCount | None = None
    digest_time: TimeOfDay | None = None


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


class PersonRequest(Request):
    """A new person of the clinic: who may answer a reminder."""

    name: Name
    role: Literal["scheduler", "nurse", "pharmacist", "prescriber", "supervisor"]


class ContactRequest(Request):
    """How a person is told: ``after_minutes`` after a reminder is due that nobody has answered."""

    person_id: OpaqueId
    channel: Literal["email", "webhook", "apprise"]
    address: Annotated[str, Field(min_length=1, max_length=2000)]
    after_minutes: MinuteCount
    digest: bool = False
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None


class FeedRequest(Request):
    """A new private calendar address: of one person, or of the clinic."""

    person_id: OpaqueId | None = None


class ResponseRequest(Request):
    """What a person answers to the reminders of a pump."""

    person_id: OpaqueId
    kind: Literal["acknowledged", "snoozed", "booked", "rescheduled", "declined"]
    plan_id: OpaqueId | None = None
    day: Calendar | None = None
    until: Instant | None = None
    reason: Reason | None = None
