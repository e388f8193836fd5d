"""What the database itself refuses, and that it is what the migrations say."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from api.store import Store, is_current, migrate, open_store
from api.store.tables import metadata
from api.store.types import Day, Instant, TextList, written_instant

WHEN = "2026-11-25T17:00:00.000000Z"


def _definitions(store: Store) -> dict[str, list[str]]:
    """What the database says about itself: name to the lines of its definition, in no order."""
    with store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    found = {}
    for name, sql in rows:
        if name != "alembic_version":
            head, _, rest = sql.replace('"', "").partition("(")
            inside, _, tail = rest.rpartition(")")
            lines = sorted(line.strip(" ,\t") for line in inside.split("\n") if line.strip())
            found[name] = [head.strip(), *lines, tail.strip()]
    return found


def test_migrations_and_tables_agree_column_by_column(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_and_tables_agree_check_by_check(store: Store, tmp_path: Path) -> None:
    # Alembic compares no CHECK and no STRICT, so the definitions themselves are compared.
    made = open_store(f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(made.engine)
    assert _definitions(store) == _definitions(made)
    made.close()


def test_migrating_twice_changes_nothing(url: str, store: Store) -> None:
    before = _definitions(store)
    migrate(url)
    assert _definitions(store) == before
    assert is_current(store)


def test_a_migration_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    made = op.create_index

    def fails(name: str, *rest: object, **named: object) -> None:
        if name == "ix_reminder_pending":
            raise OSError("the disk is full")
        made(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_index", fails)
    url = f"sqlite:///{tmp_path}/half.db"
    with pytest.raises(OSError, match="disk is full"):
        migrate(url)
    store = open_store(url)
    assert _definitions(store) == {}
    assert not is_current(store)
    store.close()


def test_sqlite_is_opened_so_that_a_commit_survives_a_power_cut(store: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 30_000}
    with store.reading() as connection:
        assert {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar_one() for p in wanted} == wanted


def test_every_table_is_strict_and_begins_its_key_with_the_clinic() -> None:
    for table in metadata.tables.values():
        assert table.dialect_options["sqlite"]["strict"] is True
        first = next(iter(table.primary_key.columns)).name
        assert first == ("id" if table.name == "clinic" else "clinic_id")


def test_the_same_tables_are_understood_by_postgresql() -> None:
    for table in metadata.tables.values():
        made = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "STRICT" not in made
        assert not set(re.findall(r"\b(?:VARCHAR|DATETIME|TIMESTAMP|NUMERIC|FLOAT|REAL)\b", made))
        for index in table.indexes:
            assert "CREATE" in str(sa.schema.CreateIndex(index).compile(dialect=postgresql.dialect()))


def test_no_row_can_point_into_another_clinic_by_construction() -> None:
    for table in metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name != "clinic":
                assert constraint.column_keys[0] == "clinic_id"
                assert [e.column.name for e in constraint.elements] == ["clinic_id", "id"]


def test_there_is_no_column_for_a_person() -> None:
    columns = {column.name for column in metadata.tables["patient"].columns}
    assert columns == {"clinic_id", "id", "reference", "created_at"}


def _two_clinics(connection: sa.Connection) -> None:
    for clinic in ("clinic-a", "clinic-b"):
        connection.exec_driver_sql(
            "INSERT INTO clinic (id, name, time_zone, created_at) VALUES (?, 'x', 'UTC', ?)", (clinic, WHEN)
        )
    connection.exec_driver_sql("INSERT INTO patient VALUES ('clinic-a', 'patient-1', 'A1', ?)", (WHEN,))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        # a pump of clinic b for a patient of clinic a
        (f"INSERT INTO pump VALUES ('clinic-b','p','patient-1','R1','m',NULL,'active','{WHEN}')", "FOREIGN KEY"),
        (f"INSERT INTO patient VALUES ('clinic-c','patient-1','A1','{WHEN}')", "FOREIGN KEY"),
        (f"INSERT INTO patient VALUES ('clinic-a','patient-2','A1','{WHEN}')", "UNIQUE"),
        ("INSERT INTO patient VALUES ('clinic-a','patient-2','A2','2026-11-25 17:00')", "CHECK"),
        (f"INSERT INTO pump VALUES ('clinic-a','p','patient-1','R1','m',NULL,'lost','{WHEN}')", "CHECK"),
        (f"INSERT INTO pump VALUES ('clinic-a','p','patient-1','R1','m','1.2.2026','active','{WHEN}')", "CHECK"),
        ("INSERT INTO patient VALUES ('clinic-a','patient-2',x'00','')", "store BLOB"),
        ("UPDATE clinic SET name = NULL", "NOT NULL"),
        ("DELETE FROM clinic WHERE id = 'clinic-a'", "FOREIGN KEY"),
    ],
)
def test_the_database_itself_refuses(store: Store, statement: str, why: str) -> None:
    with store.writing() as connection:
        _two_clinics(connection)
    with pytest.raises(sa.exc.IntegrityError, match=why), store.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_failed_transaction_does_not_hold_the_next_one_up(store: Store) -> None:
    def fails() -> None:
        with store.writing() as connection:
            _two_clinics(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with store.writing() as connection:
        _two_clinics(connection)


def test_a_write_transaction_holds_the_write_lock_from_its_first_moment(store: Store) -> None:
    # A transaction that reads first and takes the lock later fails half-way when somebody else has written.
    other = sqlite3.connect(str(store.engine.url.database), timeout=0, isolation_level=None)
    with store.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_reading_does_not_wait_for_a_writer(store: Store) -> None:
    with store.writing() as writer:
        _two_clinics(writer)
        with store.reading() as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM clinic").scalar_one() == 0


def test_an_error_of_the_store_shows_no_value(store: Store) -> None:
    secret = "canary-7F3K"
    with pytest.raises(sa.exc.IntegrityError) as caught, store.writing() as connection:
        connection.execute(
            metadata.tables["patient"].insert(),
            [{"clinic_id": "none", "id": secret, "reference": secret, "created_at": dt.datetime.now(dt.UTC)}],
        )
    assert secret not in str(caught.value)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="names no instant"):
        written_instant(dt.datetime(2026, 11, 25, 9))
    with pytest.raises(ValueError, match="names no instant"):
        Instant().process_bind_param(dt.datetime(2026, 11, 25, 9), None)


def test_a_date_time_is_not_a_day_and_a_number_is_not_a_text() -> None:
    with pytest.raises(ValueError, match="not a day"):
        Day().process_bind_param(dt.datetime(2026, 11, 25, tzinfo=dt.UTC), None)
    with pytest.raises(ValueError, match="texts only"):
        TextList().process_bind_param([14], None)  # type: ignore[list-item]


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
INSTANTS = st.datetimes(dt.datetime(1990, 1, 2), dt.datetime(2199, 12, 30), timezones=ZONES)


@given(INSTANTS)
def test_an_instant_comes_back_as_the_same_instant(instant: dt.datetime) -> None:
    kept = Instant().process_bind_param(instant, None)
    assert kept is not None
    assert len(kept) == 27
    assert Instant().process_result_value(kept, None) == instant


@given(INSTANTS, INSTANTS)
def test_the_order_of_kept_instants_is_the_order_of_time(one: dt.datetime, other: dt.datetime) -> None:
    assert (written_instant(one) < written_instant(other)) == (one < other)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_a_database_that_cannot_keep_a_promise_is_not_opened(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        open_store(url)
