"""A clinic, who works there and how they are told, its patients, its calendar addresses."""

from __future__ import annotations

import sqlalchemy as sa

from api.store.tables.shapes import metadata, one_of, shape, within_clinic
from api.store.types import INSTANT_SHAPE, TEXT, Instant, TextList

__all__ = ["clinic", "contact", "feed", "patient", "person"]

clinic = sa.Table(
    "clinic",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("time_zone", TEXT, nullable=False),
    sa.Column("low_reservoir_alarm_volume", TEXT),
    sa.Column("reminder_days_before", TextList),
    sa.Column("reminder_time", TEXT),
    sa.Column("closed_weekdays", TextList),
    sa.Column("closed_dates", TextList),
    sa.Column("reminder_email", TEXT),
    sa.Column("public_holidays", TEXT),
    sa.Column("accuracy_caps_interval", TEXT),
    sa.Column("beyond_use_caps_interval", TEXT),
    sa.Column("compounding_lead_days", TEXT),
    sa.Column("controlled_drug_lead_days", TEXT),
    sa.Column("controlled_drugs", TextList),
    sa.Column("booking_window_days", TEXT),
    sa.Column("repeat_after_minutes", TEXT),
    sa.Column("snooze_minutes_at_most", TEXT),
    sa.Column("digest_time", TEXT),
    sa.Column("created_at", Instant, nullable=False),
    shape("reminder_time", "__:__"),
    shape("digest_time", "__:__"),
    one_of("accuracy_caps_interval", "yes", "no"),
    one_of("beyond_use_caps_interval", "yes", "no"),
    shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("role", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("left_at", Instant),
    one_of("role", "scheduler", "nurse", "pharmacist", "prescriber", "supervisor"),
    shape("created_at", INSTANT_SHAPE),
    shape("left_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("person_id", TEXT, nullable=False),
    sa.Column("channel", TEXT, nullable=False),
    sa.Column("address", TEXT, nullable=False),
    sa.Column("secret", TEXT),
    sa.Column("after_minutes", sa.Integer, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("quiet_from", TEXT),
    sa.Column("quiet_until", TEXT),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    within_clinic("person", "person_id"),
    one_of("channel", "email", "webhook", "apprise"),
    one_of("digest", "yes", "no"),
    sa.CheckConstraint("after_minutes >= 0", name="after_minutes"),
    sa.CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet"),
    shape("quiet_from", "__:__"),
    shape("quiet_until", "__:__"),
    shape("created_at", INSTANT_SHAPE),
    shape("ended_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index("ix_contact_person", contact.c.clinic_id, contact.c.person_id)

patient = sa.Table(
    "patient",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("reference", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("clinic_id", "reference"),
    shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("person_id", TEXT),
    sa.Column("token_sha256", TEXT, nullable=False, unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    within_clinic("person", "person_id"),
    sa.CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
    shape("created_at", INSTANT_SHAPE),
    shape("revoked_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
