"""The first store: clinic, patient, pump, calculation, refill, reminder, delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = "____-__-__T__:__:__.______Z"
DAY = "____-__-__"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OPEN = sa.text("superseded_at IS NULL")
PENDING = sa.text("state = 'pending'")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _shape(table: str, column: str, shape: str) -> sa.CheckConstraint:
    return _check(table, column, f"{column} LIKE '{shape}'")


def _of_clinic(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f(f"fk_{table}_clinic"))


def _within_clinic(table: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["clinic_id", f"{other}_id"], [f"{other}.clinic_id", f"{other}.id"], name=op.f(f"fk_{table}_{other}")
    )


def upgrade() -> None:
    op.create_table(
        "clinic",
        _text("id"),
        _text("name"),
        _text("time_zone"),
        _text("low_reservoir_alarm_volume", nullable=True),
        _text("reminder_days_before", nullable=True),
        _text("reminder_time", nullable=True),
        _text("closed_weekdays", nullable=True),
        _text("closed_dates", nullable=True),
        _text("reminder_email", nullable=True),
        _text("created_at"),
        _key("clinic", "id"),
        _shape("clinic", "reminder_time", "__:__"),
        _shape("clinic", "created_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_table(
        "patient",
        _text("clinic_id"),
        _text("id"),
        _text("reference"),
        _text("created_at"),
        _key("patient", "clinic_id", "id"),
        _of_clinic("patient"),
        sa.UniqueConstraint("clinic_id", "reference", name=op.f("uq_patient_clinic_id_reference")),
        _shape("patient", "created_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_table(
        "pump",
        _text("clinic_id"),
        _text("id"),
        _text("patient_id"),
        _text("reference"),
        _text("model"),
        _text("implanted_on", nullable=True),
        _text("state"),
        _text("created_at"),
        _key("pump", "clinic_id", "id"),
        _within_clinic("pump", "patient"),
        sa.UniqueConstraint("clinic_id", "reference", name=op.f("uq_pump_clinic_id_reference")),
        _shape("pump", "implanted_on", DAY),
        _check("pump", "state", "state IN ('active', 'stopped', 'explanted')"),
        _shape("pump", "created_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_table(
        "calculation",
        _text("clinic_id"),
        _text("id"),
        _text("name"),
        _text("library_version"),
        _text("library_sha256"),
        _text("software"),
        _text("record"),
        _text("created_at"),
        _key("calculation", "clinic_id", "id"),
        _of_clinic("calculation"),
        _check("calculation", "library_sha256", "length(library_sha256) = 64"),
        _shape("calculation", "created_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_table(
        "refill",
        _text("clinic_id"),
        _text("id"),
        _text("pump_id"),
        _text("fill_date"),
        _text("request"),
        _text("refill_by"),
        _text("binding"),
        _text("calculation_id"),
        _text("recorded_at"),
        _text("superseded_at", nullable=True),
        _key("refill", "clinic_id", "id"),
        _within_clinic("refill", "pump"),
        _within_clinic("refill", "calculation"),
        _shape("refill", "fill_date", DAY),
        _shape("refill", "refill_by", DAY),
        _shape("refill", "recorded_at", INSTANT),
        _shape("refill", "superseded_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_refill_open",
        "refill",
        ["clinic_id", "pump_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_refill_by_pump", "refill", ["clinic_id", "pump_id", "recorded_at"])
    op.create_table(
        "reminder",
        _text("clinic_id"),
        _text("id"),
        _text("refill_id"),
        _text("kind"),
        _text("due_at"),
        _text("local_intent"),
        _text("zone"),
        _text("severity"),
        _text("state"),
        _text("created_at"),
        _key("reminder", "clinic_id", "id"),
        _within_clinic("reminder", "refill"),
        sa.UniqueConstraint(
            "clinic_id",
            "refill_id",
            "kind",
            "due_at",
            name=op.f("uq_reminder_clinic_id_refill_id_kind_due_at"),
        ),
        _shape("reminder", "due_at", INSTANT),
        _shape("reminder", "local_intent", "____-__-__T__:__"),
        _check("reminder", "severity", "severity IN ('critical', 'high', 'analgesia-loss', 'low')"),
        _check("reminder", "state", "state IN ('pending', 'queued', 'cancelled')"),
        _shape("reminder", "created_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_index("ix_reminder_pending", "reminder", ["due_at"], sqlite_where=PENDING, postgresql_where=PENDING)
    op.create_table(
        "delivery",
        _text("clinic_id"),
        _text("id"),
        _text("reminder_id"),
        _text("channel"),
        _text("recipient"),
        _text("idem"),
        _text("state"),
        _text("lease_owner", nullable=True),
        _text("lease_until", nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("queued_at"),
        _text("next_try_at"),
        _text("sent_at", nullable=True),
        _text("last_error", nullable=True),
        _key("delivery", "clinic_id", "id"),
        _within_clinic("delivery", "reminder"),
        sa.UniqueConstraint("clinic_id", "idem", name=op.f("uq_delivery_clinic_id_idem")),
        _check("delivery", "idem", "length(idem) = 64"),
        _check("delivery", "attempts", "attempts >= 0"),
        _check("delivery", "state", "state IN ('pending', 'sent', 'dead', 'cancelled')"),
        _check("delivery", "lease", "(lease_owner IS NULL) = (lease_until IS NULL)"),
        _check("delivery", "sent", "(state = 'sent') = (sent_at IS NOT NULL)"),
        _shape("delivery", "lease_until", INSTANT),
        _shape("delivery", "queued_at", INSTANT),
        _shape("delivery", "next_try_at", INSTANT),
        _shape("delivery", "sent_at", INSTANT),
        sqlite_strict=True,
    )
    op.create_index("ix_delivery_pending", "delivery", ["next_try_at"], sqlite_where=PENDING, postgresql_where=PENDING)
    op.create_index("ix_delivery_reminder", "delivery", ["clinic_id", "reminder_id"])


def downgrade() -> None:
    raise NotImplementedError("records of care are not taken back; restore a backup instead")
