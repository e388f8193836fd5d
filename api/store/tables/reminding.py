"""Reminders, their copies on the way out, what people answered, and the marks of the engine."""

from __future__ import annotations

import sqlalchemy as sa

from api.store.tables.shapes import metadata, never_changed, one_of, shape, where, within_clinic
from api.store.types import DAY_SHAPE, INSTANT_SHAPE, TEXT, Day, Instant

__all__ = ["beat", "delivery", "once", "reminder", "response"]

reminder = sa.Table(
    "reminder",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("plan_id", TEXT),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("after_minutes", sa.Integer, nullable=False),
    sa.Column("about", TEXT),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("local_intent", TEXT, nullable=False),
    sa.Column("zone", TEXT, nullable=False),
    sa.Column("severity", TEXT, nullable=False),
    sa.Column("urgency", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("queued_at", Instant),
    within_clinic("plan", "plan_id"),
    sa.CheckConstraint("(plan_id IS NULL) = (about IS NOT NULL)", name="about"),
    sa.CheckConstraint("round >= 0", name="round"),
    sa.CheckConstraint("after_minutes >= 0", name="after_minutes"),
    shape("due_at", INSTANT_SHAPE),
    shape("local_intent", "____-__-__T__:__"),
    one_of("severity", "critical", "high", "analgesia-loss", "low"),
    one_of("state", "pending", "queued", "coalesced", "cancelled"),
    sa.CheckConstraint("(state IN ('queued', 'coalesced')) = (queued_at IS NOT NULL)", name="queued"),
    shape("created_at", INSTANT_SHAPE),
    shape("queued_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index(
    "uq_reminder_step",
    reminder.c.clinic_id,
    reminder.c.plan_id,
    reminder.c.kind,
    reminder.c.round,
    reminder.c.after_minutes,
    reminder.c.due_at,
    unique=True,
    **where("plan_id IS NOT NULL AND state <> 'cancelled'"),
)
sa.Index(
    "uq_reminder_about",
    reminder.c.clinic_id,
    reminder.c.kind,
    reminder.c.about,
    reminder.c.round,
    reminder.c.after_minutes,
    unique=True,
    **where("plan_id IS NULL"),
)
sa.Index("ix_reminder_plan", reminder.c.clinic_id, reminder.c.plan_id, **where("plan_id IS NOT NULL"))
sa.Index(
    "ix_reminder_pending",
    reminder.c.due_at,
    reminder.c.urgency,
    reminder.c.clinic_id,
    reminder.c.plan_id,
    **where("state = 'pending'"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("reminder_id", TEXT, nullable=False),
    sa.Column("contact_id", TEXT),
    sa.Column("channel", TEXT, nullable=False),
    sa.Column("recipient", TEXT, nullable=False),
    sa.Column("idem", TEXT, nullable=False),
    sa.Column("urgency", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("lease_owner", TEXT),
    sa.Column("lease_until", Instant),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("queued_at", Instant, nullable=False),
    sa.Column("next_try_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("last_error", TEXT),
    within_clinic("reminder", "reminder_id"),
    within_clinic("contact", "contact_id"),
    sa.UniqueConstraint("clinic_id", "idem"),
    sa.CheckConstraint("length(idem) = 64", name="idem"),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
    one_of("channel", "email", "webhook", "apprise"),
    one_of("state", "pending", "sent", "dead", "cancelled"),
    sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
    shape("lease_until", INSTANT_SHAPE),
    shape("queued_at", INSTANT_SHAPE),
    shape("next_try_at", INSTANT_SHAPE),
    shape("sent_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index("ix_delivery_unsent", delivery.c.urgency, delivery.c.id, **where("state IN ('pending', 'dead')"))
sa.Index("ix_delivery_reminder", delivery.c.clinic_id, delivery.c.reminder_id)

response = sa.Table(
    "response",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("plan_id", TEXT, nullable=False),
    sa.Column("person_id", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("day", Day),
    sa.Column("until", Instant),
    sa.Column("reason", TEXT),
    sa.Column("recorded_at", Instant, nullable=False),
    within_clinic("plan", "plan_id"),
    within_clinic("person", "person_id"),
    one_of("kind", "acknowledged", "snoozed", "booked", "rescheduled", "declined"),
    sa.CheckConstraint("(kind IN ('booked', 'rescheduled')) = (day IS NOT NULL)", name="has_day"),
    sa.CheckConstraint("(kind = 'snoozed') = (until IS NOT NULL)", name="has_until"),
    sa.CheckConstraint("kind <> 'declined' OR reason IS NOT NULL", name="has_reason"),
    shape("day", DAY_SHAPE),
    shape("until", INSTANT_SHAPE),
    shape("recorded_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
never_changed(response)
sa.Index("ix_response_plan", response.c.clinic_id, response.c.plan_id, response.c.recorded_at)

once = sa.Table(
    "once",
    metadata,
    sa.Column("scope", TEXT, primary_key=True),
    sa.Column("key", TEXT, primary_key=True),
    sa.Column("body_sha256", TEXT, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.CheckConstraint("length(body_sha256) = 64", name="body_sha256"),
    shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

beat = sa.Table(
    "beat",
    metadata,
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    shape("at", INSTANT_SHAPE),
    sqlite_strict=True,
)
