"""The ledger of a pump's reservoir knows its epochs and its refills. What was recorded or answered is never changed.

Nothing was ever written to the table of the second revision, so it is made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = "____-__-__T__:__:__.______Z"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT count(*) FROM pump_event")).scalar_one():
        raise RuntimeError("pump_event holds rows that no released version wrote: nothing is changed")
    op.drop_table("pump_event")
    op.create_table(
        "pump_event",
        sa.Column("clinic_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("pump_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=True),
        sa.Column("written", TEXT, nullable=False),
        sa.Column("refill_id", TEXT, nullable=True),
        sa.Column("calculation_id", TEXT, nullable=True),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.CheckConstraint(f"at LIKE '{INSTANT}'", name=op.f("ck_pump_event_at")),
        sa.CheckConstraint(f"recorded_at LIKE '{INSTANT}'", name=op.f("ck_pump_event_recorded_at")),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_pump_event_epoch")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_pump_event_position")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "calculation_id"],
            ["calculation.clinic_id", "calculation.id"],
            name=op.f("fk_pump_event_calculation"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "pump_id"], ["pump.clinic_id", "pump.id"], name=op.f("fk_pump_event_pump")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "refill_id"], ["refill.clinic_id", "refill.id"], name=op.f("fk_pump_event_refill")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_pump_event")),
        sa.UniqueConstraint("clinic_id", "pump_id", "position", name=op.f("uq_pump_event_clinic_id_pump_id_position")),
        sqlite_strict=True,
    )
    for table in ("pump_event", "response"):
        _never_changed(table)


def _never_changed(table: str) -> None:
    if op.get_context().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            )
        return
    op.execute(
        """
CREATE OR REPLACE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is never changed', ERRCODE = '23000';
END $$
"""
    )
    op.execute(
        f"CREATE TRIGGER {table}_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION never_changed()"
    )


def downgrade() -> None:
    raise NotImplementedError("records of care are not taken back; restore a backup instead")
