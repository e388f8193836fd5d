"""What the service shows."""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pumpcalc.worksheet import Calculation

__all__ = [
    "Board",
    "BoardRow",
    "Clinic",
    "Closure",
    "Closures",
    "Contact",
    "DeliveryView",
    "EventView",
    "FactUse",
    "Feed",
    "Listing",
    "NewContact",
    "Patient",
    "Person",
    "PlanView",
    "Pump",
    "RecordedEvent",
    "RecordedRefill",
    "RefillView",
    "ReminderView",
    "ResponseView",
    "Schedule",
]


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
    public_holidays: str | None
    accuracy_caps_interval: bool | None
    beyond_use_caps_interval: bool | None
    compounding_lead_days: str | None
    controlled_drug_lead_days: str | None
    controlled_drugs: list[str] | None
    booking_window_days: str | None
    repeat_after_minutes: str | None
    snooze_minutes_at_most: str | None
    digest_time: str | None
    created_at: dt.datetime


class Closure(_View):
    """A day on which the clinic is closed."""

    date: dt.date
    why: str


class Closures(_View):
    """The days of the coming year on which the clinic is closed."""

    closures: list[Closure]


class Person(_View):
    """A person of the clinic."""

    id: str
    name: str
    role: Literal["scheduler", "nurse", "pharmacist", "prescriber", "supervisor"]
    created_at: dt.datetime
    left_at: dt.datetime | None


class Contact(_View):
    """How a person is told. The address of a webhook or of apprise is itself a secret: only its beginning is shown."""

    id: str
    person_id: str
    channel: Literal["email", "webhook", "apprise"]
    address: str
    after_minutes: int
    digest: bool
    quiet_from: str | None
    quiet_until: str | None
    created_at: dt.datetime
    ended_at: dt.datetime | None


class NewContact(_View):
    """A contact, and the secret with which its webhook is signed, shown this once."""

    contact: Contact
    secret: str | None


class Feed(_View):
    """A private calendar address, shown this once: a view, not an alarm. Whoever has it sees it."""

    id: str
    url: str


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
    state: Literal["active", "stopped", "unknown", "explanted"]
    created_at: dt.datetime


class DeliveryView(_View):
    """One copy of a reminder."""

    id: str
    channel: str
    recipient: str = Field(description="Of an address that is itself a secret only the place.")
    idem: str = Field(description="The id that every copy of this reminder to this recipient carries.")
    state: Literal["pending", "sent", "dead", "cancelled"] = Field(
        description="dead: not delivered for a day, or refused for good. It is an alarm, and still tried each hour."
    )
    attempts: int
    queued_at: dt.datetime
    next_try_at: dt.datetime
    sent_at: dt.datetime | None
    last_error: str | None


class ReminderView(_View):
    """One rung of a ladder, with its copies."""

    id: str
    plan_id: str | None
    refill_id: str | None
    pump_id: str | None
    kind: str
    round: int = Field(description="0, and one more each time that it is repeated because nobody answered.")
    after_minutes: int = Field(description="For whom this step is: those told so long after nobody answered.")
    due_at: dt.datetime = Field(description="The instant, in UTC.")
    local_intent: str = Field(description="The local time that was meant; where clocks skip it, due_at is later.")
    zone: str
    severity: Literal["critical", "high", "analgesia-loss", "low"]
    state: Literal["pending", "queued", "coalesced", "cancelled"] = Field(
        description="coalesced: a later reminder of the same plan, due as well, spoke for it."
    )
    queued_at: dt.datetime | None
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


class ResponseView(_View):
    """What a person answered."""

    id: str
    plan_id: str
    person_id: str
    kind: Literal["acknowledged", "snoozed", "booked", "rescheduled", "declined"]
    day: dt.date | None
    until: dt.datetime | None
    reason: str | None
    recorded_at: dt.datetime


class PlanView(_View):
    """What a pump waits for: a last safe day with the limit that binds, or an alert that none can be stated."""

    id: str
    pump_id: str
    revision: int = Field(description="One more each time that it was worked out anew.")
    kind: Literal["date", "unknown"]
    why: str = Field(description="What opened it: refill, settings, library, stopped, no-fill ...")
    detail: str | None
    refill_id: str | None
    refill_by: dt.date | None
    binding: str | None
    order_by: dt.date | None
    calculation_id: str | None
    severity: Literal["critical", "high", "analgesia-loss", "low"]
    opened_at: dt.datetime
    closed_at: dt.datetime | None


class Schedule(_View):
    """What a pump waits for: its open plan with the calculation, the reminders and the answers; the fill in it.

    Null where no refill is recorded, and for a pump that is explanted.
    """

    pump: Pump
    plan: PlanView | None
    refill: RefillView | None
    calculation: Calculation | None
    reminders: list[ReminderView]
    responses: list[ResponseView]


class BoardRow(_View):
    """One pump on the board."""

    pump_id: str
    reference: str
    model: str
    state: Literal["active", "stopped", "unknown"]
    plan: PlanView
    days_left: int | None = Field(description="To the last safe day, at the clinic; below 0: past it.")
    reminders_sent: int
    last_response: ResponseView | None
    needs_someone: bool = Field(description="A reminder went out and nobody has answered since.")


class Board(_View):
    """Everything that waits at a clinic: pumps without a date first, then the soonest; and what could not be sent."""

    today: dt.date
    rows: list[BoardRow]
    dead_deliveries: list[DeliveryView]
    critical_on_one_channel: bool = Field(
        description="A pump of which a miss is critical waits, and its reminders go by one channel only, or by none: "
        "what fails there reaches nobody. Add a contact on another channel."
    )


class EventView(_View):
    """One line of the ledger of a pump's reservoir."""

    id: str
    position: int = Field(description="In the order in which events were recorded, from 1, without gaps.")
    epoch: int = Field(description="One more each time that the content became known anew, by a fill.")
    event: str
    at: dt.datetime | None = Field(description="When it happened; null of a reversal and of an explantation.")
    written: dict[str, Any] = Field(description="The event as it was understood.")
    refill_id: str | None = Field(description="The refill that wrote it.")
    calculation_id: str | None = Field(description="Of a withdrawal at a refill: its residual check.")
    recorded_at: dt.datetime


class RecordedEvent(_View):
    """What recording an event kept, and what the pump waits for now."""

    event: EventView
    pump: Pump
    plan: PlanView


class FactUse(_View):
    """One calculation that used a figure of the library, and the open plan that rests on it."""

    id: str
    name: str
    library_version: str
    library_sha256: str
    created_at: dt.datetime
    plan_id: str | None
    pump_id: str | None


class RecordedRefill(_View):
    """What recording a refill kept, all of it or none. ``residual``: what the withdrawal that it states means."""

    refill: RefillView
    plan: PlanView
    calculation: Calculation
    reminders: list[ReminderView]
    events: list[EventView]
    residual: Calculation | None


ItemT = TypeVar("ItemT")


class Listing(_View, Generic[ItemT]):
    """One page of a list. ``next`` is null on the last; else it is the ``after`` of the next page."""

    items: list[ItemT]
    next: str | None
