"""What a pump waits for is a plan of its own. People, contacts, answers, ledgers, calendar addresses, the engine.

Every table is made anew and filled from what was there, children taken down first: the same on every database.
An open refill becomes an open plan; a pump without one gets an alert that its last safe day is unknown.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = "____-__-__T__:__:__.______Z"
DAY = "____-__-__"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BEFORE = {
    "clinic": "id, name, time_zone, low_reservoir_alarm_volume, reminder_days_before, reminder_time, closed_weekdays, "
    "closed_dates, reminder_email, created_at",
    "patient": "clinic_id, id, reference, created_at",
    "calculation": "clinic_id, id, name, library_version, library_sha256, software, record, created_at",
    "pump": "clinic_id, id, patient_id, reference, model, implanted_on, state, created_at",
    "refill": "clinic_id, id, pump_id, fill_date, request, refill_by, binding, calculation_id, recorded_at, "
    "superseded_at",
    "reminder": "clinic_id, id, refill_id, kind, due_at, local_intent, zone, severity, state, created_at",
    "delivery": "clinic_id, id, reminder_id, channel, recipient, idem, state, lease_owner, lease_until, attempts, "
    "queued_at, next_try_at, sent_at, last_error",
}
"""The columns of the first store, parents first."""
CARRIED_OVER = ("patient", "calculation", "refill")
RANKS = ("critical", "high", "analgesia-loss", "low")


def upgrade() -> None:
    for table in BEFORE:
        op.execute(f"CREATE TABLE before_{table} AS SELECT * FROM {table}")
    for table in reversed(BEFORE):
        op.drop_table(table)
    _house()
    _pumps()
    _reminding()
    _carry_over()
    for table in BEFORE:
        op.drop_table(f"before_{table}")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _carry_over() -> None:
    connection = op.get_bind()
    _copy("clinic", BEFORE["clinic"], BEFORE["clinic"])
    for table in CARRIED_OVER[:2]:
        _copy(table, BEFORE[table], BEFORE[table])
    # The pump points at a plan that comes below: the database looks when the transaction ends.
    _copy(
        "pump",
        f"{BEFORE['pump']}, plan_id",
        f"{BEFORE['pump']}, CASE state WHEN 'explanted' THEN NULL ELSE 'plan-' || substr(id, 6) END",
    )
    _copy("refill", BEFORE["refill"], BEFORE["refill"])
    pumps = connection.execute(sa.text("SELECT clinic_id, id, state, created_at FROM pump ORDER BY 1, 2")).all()
    for clinic_id, pump_id, state, created_at in pumps:
        _plans(connection, clinic_id, pump_id, state, created_at)
    _reminders(connection)
    columns = BEFORE["delivery"].replace("recipient", "recipient, urgency")
    old = ", ".join(f"d.{column}" for column in BEFORE["delivery"].split(", "))
    _copy_from(
        "delivery",
        columns,
        f"SELECT {old.replace('d.recipient', 'd.recipient, r.urgency')} FROM before_delivery d "
        "JOIN reminder r ON r.clinic_id = d.clinic_id AND r.id = d.reminder_id",
    )


def _copy(table: str, columns: str, asked: str) -> None:
    _copy_from(table, columns, f"SELECT {asked} FROM before_{table}")


def _copy_from(table: str, columns: str, query: str) -> None:
    op.execute(f"INSERT INTO {table} ({columns}) {query}")


def _plans(connection: sa.Connection, clinic_id: str, pump_id: str, state: str, created_at: str) -> None:
    """A plan for every refill of a pump; the open one, or an alert, is what the pump points at."""
    asked = sa.text(
        "SELECT r.id, r.refill_by, r.binding, r.calculation_id, r.recorded_at, r.superseded_at, "
        "(SELECT min(m.severity) FROM before_reminder m WHERE m.clinic_id = r.clinic_id AND m.refill_id = r.id) "
        "FROM before_refill r WHERE r.clinic_id = :clinic AND r.pump_id = :pump "
        # The open one is the last, also where the clock was put back before it was recorded.
        "ORDER BY CASE WHEN r.superseded_at IS NULL THEN 1 ELSE 0 END, r.recorded_at, r.id"
    )
    refills = connection.execute(asked, {"clinic": clinic_id, "pump": pump_id}).all()
    pointed_at = f"plan-{pump_id[5:]}"
    closes: str | None = None
    for revision_of, (refill_id, refill_by, binding, calculation_id, recorded_at, closed_at, severity) in enumerate(
        refills, 1
    ):
        is_open = closed_at is None and state == "active"
        closes = closed_at or (None if is_open else recorded_at)
        _add(
            connection, "plan",
            clinic_id=clinic_id, id=pointed_at if is_open else f"plan-{refill_id[7:]}", pump_id=pump_id,
            revision=revision_of, kind="date", why="refill", refill_id=refill_id, refill_by=refill_by, binding=binding,
            calculation_id=calculation_id, severity=severity or "critical", opened_at=recorded_at, closed_at=closes,
        )  # fmt: skip
    if state == "explanted" or (refills and closes is None):
        return
    _add(
        connection, "plan",
        clinic_id=clinic_id, id=pointed_at, pump_id=pump_id, revision=len(refills) + 1, kind="unknown",
        why="stopped" if state == "stopped" else "no-fill", severity="critical", opened_at=closes or created_at,
    )  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    _add(
        connection, "reminder",
        clinic_id=clinic_id, id=f"reminder-{pump_id[5:]}", plan_id=pointed_at, kind="unknown", round=0,
        after_minutes=0, due_at=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), local_intent=now.strftime("%Y-%m-%dT%H:%M"),
        zone="UTC", severity="critical", urgency="0", state="pending",
        created_at=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )  # fmt: skip


def _reminders(connection: sa.Connection) -> None:
    """The reminders of a refill are its plan's. One that had been queued was queued when it was due, at the latest."""
    asked = sa.text(
        "SELECT m.clinic_id, m.id, p.id, m.kind, m.due_at, m.local_intent, m.zone, m.severity, m.state, m.created_at, "
        "p.refill_by, p.closed_at FROM before_reminder m "
        "JOIN plan p ON p.clinic_id = m.clinic_id AND p.refill_id = m.refill_id ORDER BY m.clinic_id, m.id"
    )
    for clinic_id, id_, plan_id, kind, due_at, intent, zone, severity, state, created_at, by, closed_at in (
        connection.execute(asked).all()
    ):  # fmt: skip
        _add(
            connection, "reminder",
            clinic_id=clinic_id, id=id_, plan_id=plan_id, kind=kind, round=0, after_minutes=0, due_at=due_at,
            local_intent=intent, zone=zone, severity=severity, urgency=f"{RANKS.index(severity)} {by}",
            state="cancelled" if state == "pending" and closed_at else state, created_at=created_at,
            queued_at=due_at if state == "queued" else None,
        )  # fmt: skip


def _add(connection: sa.Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


def _house() -> None:
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
        _text("public_holidays", nullable=True),
        _text("accuracy_caps_interval", nullable=True),
        _text("beyond_use_caps_interval", nullable=True),
        _text("compounding_lead_days", nullable=True),
        _text("controlled_drug_lead_days", nullable=True),
        _text("controlled_drugs", nullable=True),
        _text("booking_window_days", nullable=True),
        _text("repeat_after_minutes", nullable=True),
        _text("snooze_minutes_at_most", nullable=True),
        _text("digest_time", nullable=True),
        _text("created_at"),
        sa.CheckConstraint("accuracy_caps_interval IN ('yes', 'no')", name=op.f("ck_clinic_accuracy_caps_interval")),
        sa.CheckConstraint(
            "beyond_use_caps_interval IN ('yes', 'no')", name=op.f("ck_clinic_beyond_use_caps_interval")
        ),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_clinic_created_at")),
        sa.CheckConstraint("digest_time LIKE '__:__'", name=op.f("ck_clinic_digest_time")),
        sa.CheckConstraint("reminder_time LIKE '__:__'", name=op.f("ck_clinic_reminder_time")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
        sqlite_strict=True,
    )
    op.create_table(
        "person",
        _text("clinic_id"),
        _text("id"),
        _text("name"),
        _text("role"),
        _text("created_at"),
        _text("left_at", nullable=True),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_person_created_at")),
        sa.CheckConstraint(f"left_at LIKE '{INSTANT}'", name=op.f("ck_person_left_at")),
        sa.CheckConstraint(
            "role IN ('scheduler', 'nurse', 'pharmacist', 'prescriber', 'supervisor')", name=op.f("ck_person_role")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_person_clinic")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_person")),
        sqlite_strict=True,
    )
    op.create_table(
        "contact",
        _text("clinic_id"),
        _text("id"),
        _text("person_id"),
        _text("channel"),
        _text("address"),
        _text("secret", nullable=True),
        sa.Column("after_minutes", sa.Integer(), nullable=False),
        _text("digest"),
        _text("quiet_from", nullable=True),
        _text("quiet_until", nullable=True),
        _text("created_at"),
        _text("ended_at", nullable=True),
        sa.CheckConstraint("channel IN ('email', 'webhook', 'apprise')", name=op.f("ck_contact_channel")),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_contact_created_at")),
        sa.CheckConstraint("digest IN ('yes', 'no')", name=op.f("ck_contact_digest")),
        sa.CheckConstraint(f"ended_at LIKE '{INSTANT}'", name=op.f("ck_contact_ended_at")),
        sa.CheckConstraint("quiet_from LIKE '__:__'", name=op.f("ck_contact_quiet_from")),
        sa.CheckConstraint("quiet_until LIKE '__:__'", name=op.f("ck_contact_quiet_until")),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_contact_quiet")),
        sa.CheckConstraint("after_minutes >= 0", name=op.f("ck_contact_after_minutes")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"], ["person.clinic_id", "person.id"], name=op.f("fk_contact_person")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_contact")),
        sqlite_strict=True,
    )
    op.create_index("ix_contact_person", "contact", ["clinic_id", "person_id"], unique=False)
    op.create_table(
        "patient",
        _text("clinic_id"),
        _text("id"),
        _text("reference"),
        _text("created_at"),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_patient_created_at")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_clinic")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_patient")),
        sa.UniqueConstraint("clinic_id", "reference", name=op.f("uq_patient_clinic_id_reference")),
        sqlite_strict=True,
    )
    op.create_table(
        "feed",
        _text("clinic_id"),
        _text("id"),
        _text("person_id", nullable=True),
        _text("token_sha256"),
        _text("created_at"),
        _text("revoked_at", nullable=True),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_feed_created_at")),
        sa.CheckConstraint(f"revoked_at LIKE '{INSTANT}'", name=op.f("ck_feed_revoked_at")),
        sa.CheckConstraint("length(token_sha256) = 64", name=op.f("ck_feed_token_sha256")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"], ["person.clinic_id", "person.id"], name=op.f("fk_feed_person")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_feed_clinic")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_feed")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_feed_token_sha256")),
        sqlite_strict=True,
    )


def _pumps() -> None:
    op.create_table(
        "pump",
        _text("clinic_id"),
        _text("id"),
        _text("patient_id"),
        _text("reference"),
        _text("model"),
        _text("implanted_on", nullable=True),
        _text("state"),
        _text("plan_id", nullable=True),
        _text("stale_since", nullable=True),
        _text("stale_why", nullable=True),
        _text("created_at"),
        sa.CheckConstraint("(state = 'explanted') = (plan_id IS NULL)", name=op.f("ck_pump_plan_id")),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_pump_created_at")),
        sa.CheckConstraint(f"implanted_on LIKE '{DAY}'", name=op.f("ck_pump_implanted_on")),
        sa.CheckConstraint(f"stale_since LIKE '{INSTANT}'", name=op.f("ck_pump_stale_since")),
        sa.CheckConstraint("state IN ('active', 'stopped', 'unknown', 'explanted')", name=op.f("ck_pump_state")),
        sa.CheckConstraint("(stale_since IS NULL) = (stale_why IS NULL)", name=op.f("ck_pump_stale")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "id", "plan_id"],
            ["plan.clinic_id", "plan.pump_id", "plan.id"],
            name=op.f("fk_pump_plan"),
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name=op.f("fk_pump_patient")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_pump")),
        sa.UniqueConstraint("clinic_id", "reference", name=op.f("uq_pump_clinic_id_reference")),
        sqlite_strict=True,
    )
    op.create_index("ix_pump_stale", "pump", ["stale_since"], unique=False, **_where("stale_since IS NOT NULL"))
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
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_calculation_created_at")),
        sa.CheckConstraint("length(library_sha256) = 64", name=op.f("ck_calculation_library_sha256")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_calculation_clinic")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_calculation")),
        sqlite_strict=True,
    )
    op.create_table(
        "fact_use",
        _text("clinic_id"),
        _text("fact"),
        _text("calculation_id"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "calculation_id"],
            ["calculation.clinic_id", "calculation.id"],
            name=op.f("fk_fact_use_calculation"),
        ),
        sa.PrimaryKeyConstraint("clinic_id", "fact", "calculation_id", name=op.f("pk_fact_use")),
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
        sa.CheckConstraint(f"fill_date LIKE '{DAY}'", name=op.f("ck_refill_fill_date")),
        sa.CheckConstraint(f"recorded_at LIKE '{INSTANT}'", name=op.f("ck_refill_recorded_at")),
        sa.CheckConstraint(f"refill_by LIKE '{DAY}'", name=op.f("ck_refill_refill_by")),
        sa.CheckConstraint(f"superseded_at LIKE '{INSTANT}'", name=op.f("ck_refill_superseded_at")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "calculation_id"],
            ["calculation.clinic_id", "calculation.id"],
            name=op.f("fk_refill_calculation"),
        ),
        sa.ForeignKeyConstraint(["clinic_id", "pump_id"], ["pump.clinic_id", "pump.id"], name=op.f("fk_refill_pump")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_refill")),
        sqlite_strict=True,
    )
    op.create_index("ix_refill_by_pump", "refill", ["clinic_id", "pump_id", "recorded_at"], unique=False)
    op.create_index(
        "uq_refill_open", "refill", ["clinic_id", "pump_id"], unique=True, **_where("superseded_at IS NULL")
    )
    op.create_table(
        "pump_event",
        _text("clinic_id"),
        _text("id"),
        _text("pump_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("event"),
        _text("at", nullable=True),
        _text("written"),
        _text("recorded_at"),
        sa.CheckConstraint(f"at LIKE '{INSTANT}'", name=op.f("ck_pump_event_at")),
        sa.CheckConstraint(f"recorded_at LIKE '{INSTANT}'", name=op.f("ck_pump_event_recorded_at")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_pump_event_position")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "pump_id"], ["pump.clinic_id", "pump.id"], name=op.f("fk_pump_event_pump")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_pump_event")),
        sa.UniqueConstraint("clinic_id", "pump_id", "position", name=op.f("uq_pump_event_clinic_id_pump_id_position")),
        sqlite_strict=True,
    )
    op.create_table(
        "plan",
        _text("clinic_id"),
        _text("id"),
        _text("pump_id"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("kind"),
        _text("why"),
        _text("detail", nullable=True),
        _text("refill_id", nullable=True),
        _text("refill_by", nullable=True),
        _text("binding", nullable=True),
        _text("order_by", nullable=True),
        _text("calculation_id", nullable=True),
        _text("severity"),
        _text("opened_at"),
        _text("closed_at", nullable=True),
        sa.CheckConstraint("(kind = 'date') = (binding IS NOT NULL)", name=op.f("ck_plan_has_binding")),
        sa.CheckConstraint("(kind = 'date') = (calculation_id IS NOT NULL)", name=op.f("ck_plan_has_calculation")),
        sa.CheckConstraint("(kind = 'date') = (refill_by IS NOT NULL)", name=op.f("ck_plan_has_date")),
        sa.CheckConstraint(f"closed_at LIKE '{INSTANT}'", name=op.f("ck_plan_closed_at")),
        sa.CheckConstraint("kind IN ('date', 'unknown')", name=op.f("ck_plan_kind")),
        sa.CheckConstraint(f"opened_at LIKE '{INSTANT}'", name=op.f("ck_plan_opened_at")),
        sa.CheckConstraint(f"order_by LIKE '{DAY}'", name=op.f("ck_plan_order_by")),
        sa.CheckConstraint(f"refill_by LIKE '{DAY}'", name=op.f("ck_plan_refill_by")),
        sa.CheckConstraint("severity IN ('critical', 'high', 'analgesia-loss', 'low')", name=op.f("ck_plan_severity")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "calculation_id"],
            ["calculation.clinic_id", "calculation.id"],
            name=op.f("fk_plan_calculation"),
        ),
        sa.ForeignKeyConstraint(["clinic_id", "pump_id"], ["pump.clinic_id", "pump.id"], name=op.f("fk_plan_pump")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "refill_id"], ["refill.clinic_id", "refill.id"], name=op.f("fk_plan_refill")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_plan")),
        sa.UniqueConstraint("clinic_id", "pump_id", "id", name=op.f("uq_plan_clinic_id_pump_id_id")),
        sa.UniqueConstraint("clinic_id", "pump_id", "revision", name=op.f("uq_plan_clinic_id_pump_id_revision")),
        sqlite_strict=True,
    )
    op.create_index("uq_plan_open", "plan", ["clinic_id", "pump_id"], unique=True, **_where("closed_at IS NULL"))
    if op.get_context().dialect.name == "postgresql":  # SQLite has it in the table already
        op.create_foreign_key(
            op.f("fk_pump_plan"),
            "pump",
            "plan",
            ["clinic_id", "id", "plan_id"],
            ["clinic_id", "pump_id", "id"],
            initially="DEFERRED",
            deferrable=True,
        )


def _reminding() -> None:
    op.create_table(
        "reminder",
        _text("clinic_id"),
        _text("id"),
        _text("plan_id", nullable=True),
        _text("kind"),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("after_minutes", sa.Integer(), nullable=False),
        _text("about", nullable=True),
        _text("due_at"),
        _text("local_intent"),
        _text("zone"),
        _text("severity"),
        _text("urgency"),
        _text("state"),
        _text("created_at"),
        _text("queued_at", nullable=True),
        sa.CheckConstraint(
            "(state IN ('queued', 'coalesced')) = (queued_at IS NOT NULL)", name=op.f("ck_reminder_queued")
        ),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_reminder_created_at")),
        sa.CheckConstraint(f"due_at LIKE '{INSTANT}'", name=op.f("ck_reminder_due_at")),
        sa.CheckConstraint("local_intent LIKE '____-__-__T__:__'", name=op.f("ck_reminder_local_intent")),
        sa.CheckConstraint(f"queued_at LIKE '{INSTANT}'", name=op.f("ck_reminder_queued_at")),
        sa.CheckConstraint(
            "severity IN ('critical', 'high', 'analgesia-loss', 'low')", name=op.f("ck_reminder_severity")
        ),
        sa.CheckConstraint("state IN ('pending', 'queued', 'coalesced', 'cancelled')", name=op.f("ck_reminder_state")),
        sa.CheckConstraint("(plan_id IS NULL) = (about IS NOT NULL)", name=op.f("ck_reminder_about")),
        sa.CheckConstraint("after_minutes >= 0", name=op.f("ck_reminder_after_minutes")),
        sa.CheckConstraint("round >= 0", name=op.f("ck_reminder_round")),
        sa.ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name=op.f("fk_reminder_plan")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_reminder_clinic")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_reminder")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_reminder_plan", "reminder", ["clinic_id", "plan_id"], unique=False, **_where("plan_id IS NOT NULL")
    )
    op.create_index(
        "ix_reminder_pending",
        "reminder",
        ["due_at", "urgency", "clinic_id", "plan_id"],
        unique=False,
        **_where("state = 'pending'"),
    )
    op.create_index(
        "uq_reminder_about",
        "reminder",
        ["clinic_id", "kind", "about", "round", "after_minutes"],
        unique=True,
        **_where("plan_id IS NULL"),
    )
    op.create_index(
        "uq_reminder_step",
        "reminder",
        ["clinic_id", "plan_id", "kind", "round", "after_minutes", "due_at"],
        unique=True,
        **_where("plan_id IS NOT NULL AND state <> 'cancelled'"),
    )
    op.create_table(
        "delivery",
        _text("clinic_id"),
        _text("id"),
        _text("reminder_id"),
        _text("contact_id", nullable=True),
        _text("channel"),
        _text("recipient"),
        _text("idem"),
        _text("urgency"),
        _text("state"),
        _text("lease_owner", nullable=True),
        _text("lease_until", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("queued_at"),
        _text("next_try_at"),
        _text("sent_at", nullable=True),
        _text("last_error", nullable=True),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_delivery_sent")),
        sa.CheckConstraint("channel IN ('email', 'webhook', 'apprise')", name=op.f("ck_delivery_channel")),
        sa.CheckConstraint(f"lease_until LIKE '{INSTANT}'", name=op.f("ck_delivery_lease_until")),
        sa.CheckConstraint(f"next_try_at LIKE '{INSTANT}'", name=op.f("ck_delivery_next_try_at")),
        sa.CheckConstraint(f"queued_at LIKE '{INSTANT}'", name=op.f("ck_delivery_queued_at")),
        sa.CheckConstraint(f"sent_at LIKE '{INSTANT}'", name=op.f("ck_delivery_sent_at")),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dead', 'cancelled')", name=op.f("ck_delivery_state")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_delivery_lease")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_delivery_attempts")),
        sa.CheckConstraint("length(idem) = 64", name=op.f("ck_delivery_idem")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "contact_id"], ["contact.clinic_id", "contact.id"], name=op.f("fk_delivery_contact")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "reminder_id"], ["reminder.clinic_id", "reminder.id"], name=op.f("fk_delivery_reminder")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("clinic_id", "idem", name=op.f("uq_delivery_clinic_id_idem")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_delivery_unsent", "delivery", ["urgency", "id"], unique=False, **_where("state IN ('pending', 'dead')")
    )
    op.create_index("ix_delivery_reminder", "delivery", ["clinic_id", "reminder_id"], unique=False)
    op.create_table(
        "response",
        _text("clinic_id"),
        _text("id"),
        _text("plan_id"),
        _text("person_id"),
        _text("kind"),
        _text("day", nullable=True),
        _text("until", nullable=True),
        _text("reason", nullable=True),
        _text("recorded_at"),
        sa.CheckConstraint("(kind = 'snoozed') = (until IS NOT NULL)", name=op.f("ck_response_has_until")),
        sa.CheckConstraint("(kind IN ('booked', 'rescheduled')) = (day IS NOT NULL)", name=op.f("ck_response_has_day")),
        sa.CheckConstraint(f"day LIKE '{DAY}'", name=op.f("ck_response_day")),
        sa.CheckConstraint("kind <> 'declined' OR reason IS NOT NULL", name=op.f("ck_response_has_reason")),
        sa.CheckConstraint(
            "kind IN ('acknowledged', 'snoozed', 'booked', 'rescheduled', 'declined')", name=op.f("ck_response_kind")
        ),
        sa.CheckConstraint(f"recorded_at LIKE '{INSTANT}'", name=op.f("ck_response_recorded_at")),
        sa.CheckConstraint(f"until LIKE '{INSTANT}'", name=op.f("ck_response_until")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"], ["person.clinic_id", "person.id"], name=op.f("fk_response_person")
        ),
        sa.ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name=op.f("fk_response_plan")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_response")),
        sqlite_strict=True,
    )
    op.create_index("ix_response_plan", "response", ["clinic_id", "plan_id", "recorded_at"], unique=False)
    op.create_table(
        "once",
        _text("scope"),
        _text("key"),
        _text("body_sha256"),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("answer"),
        _text("created_at"),
        sa.CheckConstraint(f"created_at LIKE '{INSTANT}'", name=op.f("ck_once_created_at")),
        sa.CheckConstraint("length(body_sha256) = 64", name=op.f("ck_once_body_sha256")),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_once")),
        sqlite_strict=True,
    )
    op.create_table(
        "beat",
        _text("name"),
        _text("at"),
        sa.CheckConstraint(f"at LIKE '{INSTANT}'", name=op.f("ck_beat_at")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_beat")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    raise NotImplementedError("records of care are not taken back; restore a backup instead")
