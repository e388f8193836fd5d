"""Every table, once. Each row names its clinic, and no row can point into another clinic.

    clinic        the house rules of one clinic; its clinical settings have no default (NULL: not stated yet)
    patient       an opaque reference. There is no name, birth date, address or telephone column
    pump          one implanted pump: a model of the drug library, and whether it runs
    calculation   one record of the core, word for word, with the library and software that made it
    refill        one fill and its last safe day; at most one refill of a pump is open
    reminder      one rung of a ladder: when, meant as which local time, how bad a miss would be
    delivery      the outbox: one copy of one reminder to one recipient, with its lease and its attempts

Quantities are kept as the text that was accepted. Instants are UTC text, days are ``YYYY-MM-DD``.
CHECK constraints are repeated by hand in the migrations: Alembic does not write them.
"""

from __future__ import annotations

import sqlalchemy as sa

from api.store.types import DAY_SHAPE, INSTANT_SHAPE, TEXT, Day, Instant, TextList

__all__ = ["calculation", "clinic", "delivery", "metadata", "patient", "pump", "refill", "reminder"]

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _shape(column: str, shape: str) -> sa.CheckConstraint:
    """The column holds text of this shape, or nothing."""
    return sa.CheckConstraint(f"{column} LIKE '{shape}'", name=column)


def _one_of(column: str, *allowed: str) -> sa.CheckConstraint:
    """The column holds one word of a closed list."""
    listed = ", ".join(f"'{word}'" for word in allowed)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _within_clinic(table: str, column: str) -> sa.ForeignKeyConstraint:
    """The column points at a row of the same clinic."""
    return sa.ForeignKeyConstraint(["clinic_id", column], [f"{table}.clinic_id", f"{table}.id"])


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
    sa.Column("created_at", Instant, nullable=False),
    _shape("reminder_time", "__:__"),
    _shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

patient = sa.Table(
    "patient",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("reference", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("clinic_id", "reference"),
    _shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

pump = sa.Table(
    "pump",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("patient_id", TEXT, nullable=False),
    sa.Column("reference", TEXT, nullable=False),
    sa.Column("model", TEXT, nullable=False),
    sa.Column("implanted_on", Day),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    _within_clinic("patient", "patient_id"),
    sa.UniqueConstraint("clinic_id", "reference"),
    _shape("implanted_on", DAY_SHAPE),
    _one_of("state", "active", "stopped", "explanted"),
    _shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

calculation = sa.Table(
    "calculation",
    metadata,
    sa.Column("clinic_id", TEXT, sa.ForeignKey("clinic.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("library_version", TEXT, nullable=False),
    sa.Column("library_sha256", TEXT, nullable=False),
    sa.Column("software", TEXT, nullable=False),
    sa.Column("record", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.CheckConstraint("length(library_sha256) = 64", name="library_sha256"),
    _shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

refill = sa.Table(
    "refill",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("pump_id", TEXT, nullable=False),
    sa.Column("fill_date", Day, nullable=False),
    sa.Column("request", TEXT, nullable=False),
    sa.Column("refill_by", Day, nullable=False),
    sa.Column("binding", TEXT, nullable=False),
    sa.Column("calculation_id", TEXT, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("superseded_at", Instant),
    _within_clinic("pump", "pump_id"),
    _within_clinic("calculation", "calculation_id"),
    _shape("fill_date", DAY_SHAPE),
    _shape("refill_by", DAY_SHAPE),
    _shape("recorded_at", INSTANT_SHAPE),
    _shape("superseded_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index(
    "uq_refill_open",
    refill.c.clinic_id,
    refill.c.pump_id,
    unique=True,
    sqlite_where=sa.text("superseded_at IS NULL"),
    postgresql_where=sa.text("superseded_at IS NULL"),
)
sa.Index("ix_refill_by_pump", refill.c.clinic_id, refill.c.pump_id, refill.c.recorded_at)

reminder = sa.Table(
    "reminder",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("refill_id", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("local_intent", TEXT, nullable=False),
    sa.Column("zone", TEXT, nullable=False),
    sa.Column("severity", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    _within_clinic("refill", "refill_id"),
    sa.UniqueConstraint("clinic_id", "refill_id", "kind", "due_at"),
    _shape("due_at", INSTANT_SHAPE),
    _shape("local_intent", "____-__-__T__:__"),
    _one_of("severity", "critical", "high", "analgesia-loss", "low"),
    _one_of("state", "pending", "queued", "cancelled"),
    _shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index(
    "ix_reminder_pending",
    reminder.c.due_at,
    sqlite_where=sa.text("state = 'pending'"),
    postgresql_where=sa.text("state = 'pending'"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("reminder_id", TEXT, nullable=False),
    sa.Column("channel", TEXT, nullable=False),
    sa.Column("recipient", TEXT, nullable=False),
    sa.Column("idem", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("lease_owner", TEXT),
    sa.Column("lease_until", Instant),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("queued_at", Instant, nullable=False),
    sa.Column("next_try_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("last_error", TEXT),
    _within_clinic("reminder", "reminder_id"),
    sa.UniqueConstraint("clinic_id", "idem"),
    sa.CheckConstraint("length(idem) = 64", name="idem"),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
    _one_of("state", "pending", "sent", "dead", "cancelled"),
    sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
    _shape("lease_until", INSTANT_SHAPE),
    _shape("queued_at", INSTANT_SHAPE),
    _shape("next_try_at", INSTANT_SHAPE),
    _shape("sent_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index(
    "ix_delivery_pending",
    delivery.c.next_try_at,
    sqlite_where=sa.text("state = 'pending'"),
    postgresql_where=sa.text("state = 'pending'"),
)
sa.Index("ix_delivery_reminder", delivery.c.clinic_id, delivery.c.reminder_id)
