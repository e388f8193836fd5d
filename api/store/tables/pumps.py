"""A pump, what was calculated for it, its fills, its ledger, and what it is waiting for."""

from __future__ import annotations

import sqlalchemy as sa

from api.store.tables.shapes import metadata, never_changed, one_of, shape, where, within_clinic
from api.store.types import DAY_SHAPE, INSTANT_SHAPE, TEXT, Day, Instant

__all__ = ["calculation", "fact_use", "plan", "pump", "pump_event", "refill"]

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
    sa.Column("plan_id", TEXT),
    sa.Column("stale_since", Instant),
    sa.Column("stale_why", TEXT),
    sa.Column("created_at", Instant, nullable=False),
    within_clinic("patient", "patient_id"),
    sa.ForeignKeyConstraint(
        ["clinic_id", "id", "plan_id"],
        ["plan.clinic_id", "plan.pump_id", "plan.id"],
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    sa.UniqueConstraint("clinic_id", "reference"),
    shape("implanted_on", DAY_SHAPE),
    one_of("state", "active", "stopped", "unknown", "explanted"),
    sa.CheckConstraint("(state = 'explanted') = (plan_id IS NULL)", name="plan_id"),
    sa.CheckConstraint("(stale_since IS NULL) = (stale_why IS NULL)", name="stale"),
    shape("stale_since", INSTANT_SHAPE),
    shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index("ix_pump_stale", pump.c.stale_since, **where("stale_since IS NOT NULL"))

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
    shape("created_at", INSTANT_SHAPE),
    sqlite_strict=True,
)

fact_use = sa.Table(
    "fact_use",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("fact", TEXT, primary_key=True),
    sa.Column("calculation_id", TEXT, primary_key=True),
    within_clinic("calculation", "calculation_id"),
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
    within_clinic("pump", "pump_id"),
    within_clinic("calculation", "calculation_id"),
    shape("fill_date", DAY_SHAPE),
    shape("refill_by", DAY_SHAPE),
    shape("recorded_at", INSTANT_SHAPE),
    shape("superseded_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index("uq_refill_open", refill.c.clinic_id, refill.c.pump_id, unique=True, **where("superseded_at IS NULL"))
sa.Index("ix_refill_by_pump", refill.c.clinic_id, refill.c.pump_id, refill.c.recorded_at)

pump_event = sa.Table(
    "pump_event",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("pump_id", TEXT, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("event", TEXT, nullable=False),
    sa.Column("at", Instant),
    sa.Column("written", TEXT, nullable=False),
    sa.Column("refill_id", TEXT),
    sa.Column("calculation_id", TEXT),
    sa.Column("recorded_at", Instant, nullable=False),
    within_clinic("pump", "pump_id"),
    within_clinic("refill", "refill_id"),
    within_clinic("calculation", "calculation_id"),
    sa.UniqueConstraint("clinic_id", "pump_id", "position"),
    sa.CheckConstraint("position >= 1", name="position"),
    sa.CheckConstraint("epoch >= 1", name="epoch"),
    shape("at", INSTANT_SHAPE),
    shape("recorded_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
never_changed(pump_event)

plan = sa.Table(
    "plan",
    metadata,
    sa.Column("clinic_id", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("pump_id", TEXT, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("detail", TEXT),
    sa.Column("refill_id", TEXT),
    sa.Column("refill_by", Day),
    sa.Column("binding", TEXT),
    sa.Column("order_by", Day),
    sa.Column("calculation_id", TEXT),
    sa.Column("severity", TEXT, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    within_clinic("pump", "pump_id"),
    within_clinic("refill", "refill_id"),
    within_clinic("calculation", "calculation_id"),
    sa.UniqueConstraint("clinic_id", "pump_id", "revision"),
    sa.UniqueConstraint("clinic_id", "pump_id", "id"),
    one_of("kind", "date", "unknown"),
    sa.CheckConstraint("(kind = 'date') = (refill_by IS NOT NULL)", name="has_date"),
    sa.CheckConstraint("(kind = 'date') = (calculation_id IS NOT NULL)", name="has_calculation"),
    sa.CheckConstraint("(kind = 'date') = (binding IS NOT NULL)", name="has_binding"),
    one_of("severity", "critical", "high", "analgesia-loss", "low"),
    shape("refill_by", DAY_SHAPE),
    shape("order_by", DAY_SHAPE),
    shape("opened_at", INSTANT_SHAPE),
    shape("closed_at", INSTANT_SHAPE),
    sqlite_strict=True,
)
sa.Index("uq_plan_open", plan.c.clinic_id, plan.c.pump_id, unique=True, **where("closed_at IS NULL"))
