"""What the database itself refuses, and that it is what the migrations say."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from api.store import Store, is_current, migrate, open_store
from api.store.tables import metadata
from api.store.types import Day, Instant, TextList, written_instant

WHEN = "2026-11-25T17:00:00.000000Z"


ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def _definitions(store: Store) -> dict[str, list[str]]:
    """What the database says about itself: name to the lines of its definition, in no order."""
    if store.is_shared:
        return _shared_definitions(store)
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


def _shared_definitions(store: Store) -> dict[str, list[str]]:
    asked = {
        "columns": "SELECT table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' || "
        "coalesce(collation_name, '') FROM information_schema.columns WHERE table_schema = 'public'",
        "constraints": "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "indexes": "SELECT tablename || '.' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "triggers": "SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE NOT tgisinternal",
        "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    }
    with store.reading() as connection:
        found = {what: connection.exec_driver_sql(sql).all() for what, sql in asked.items()}
    return {
        what: kept
        for what, rows in found.items()
        if (kept := sorted(f"{name}: {text}" for name, text in rows if not name.startswith("alembic_version")))
    }


def test_migrations_and_tables_agree_column_by_column(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_and_tables_agree_check_by_check(store: Store, empty_url: str, tmp_path: Path) -> None:
    # Alembic compares no CHECK and no STRICT, so the definitions themselves are compared.
    made = open_store(empty_url if store.is_shared else f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(made.engine)
    assert len(_definitions(made)) > 2
    assert {"triggers", "functions"} < set(_definitions(made)) or "response_no_update" in _definitions(made)
    assert _definitions(store) == _definitions(made)
    made.close()


def test_migrating_twice_changes_nothing(url: str, store: Store) -> None:
    before = _definitions(store)
    migrate(url)
    assert _definitions(store) == before
    assert is_current(store)


def test_a_migration_that_fails_half_way_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    made = op.create_index

    def fails(name: str, *rest: object, **named: object) -> None:
        if name == "ix_reminder_pending":
            raise OSError("the disk is full")
        made(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_index", fails)
    with pytest.raises(OSError, match="disk is full"):
        migrate(empty_url)
    store = open_store(empty_url)
    assert _definitions(store) == {}
    assert not is_current(store)
    store.close()


def test_several_processes_that_migrate_at_once_make_the_tables_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, [empty_url] * 4)) == [None] * 4
    store = open_store(empty_url)
    assert is_current(store)
    store.close()


@ON_SQLITE
def test_sqlite_is_opened_so_that_a_commit_survives_a_power_cut(store: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 30_000}
    with store.reading() as connection:
        assert {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar_one() for p in wanted} == wanted


@ON_POSTGRESQL
def test_postgresql_keeps_what_it_answered_and_gives_up_a_lock_that_is_not_given(store: Store) -> None:
    wanted = {"synchronous_commit": "on", "lock_timeout": "30s", "TimeZone": "UTC", "application_name": "pumpcalc"}
    with store.writing() as connection:
        assert {p: connection.exec_driver_sql(f"SHOW {p}").scalar_one() for p in wanted} == wanted
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    with store.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "repeatable read"
        with pytest.raises(sa.exc.InternalError, match="read-only"):
            connection.exec_driver_sql("DELETE FROM clinic")


KEYS = {"clinic": "id", "once": "scope", "beat": "name"}
"""What a key begins with where it is not the clinic: the clinic itself, an address of the service, the engine."""


def test_every_table_is_strict_and_begins_its_key_with_the_clinic() -> None:
    for table in metadata.tables.values():
        assert table.dialect_options["sqlite"]["strict"] is True
        assert next(iter(table.primary_key.columns)).name == KEYS.get(table.name, "clinic_id")


OF_PUMP = ["clinic_id", "pump_id", "id"]
"""What a pump waits for is a plan of that very pump."""


def test_no_row_can_point_into_another_clinic_by_construction() -> None:
    for table in metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name != "clinic":
                assert constraint.column_keys[0] == "clinic_id"
                assert [e.column.name for e in constraint.elements] in (["clinic_id", "id"], OF_PUMP)


def test_there_is_no_column_for_a_person() -> None:
    columns = {column.name for column in metadata.tables["patient"].columns}
    assert columns == {"clinic_id", "id", "reference", "created_at"}


def _two_clinics(connection: sa.Connection) -> None:
    for clinic in ("clinic-a", "clinic-b"):
        connection.exec_driver_sql(
            f"INSERT INTO clinic (id, name, time_zone, created_at) VALUES ('{clinic}', 'x', 'UTC', '{WHEN}')"
        )
    connection.exec_driver_sql(f"INSERT INTO patient VALUES ('clinic-a', 'patient-1', 'A1', '{WHEN}')")


def _pump(clinic: str = "clinic-a", state: str = "active", implanted: str = "NULL", plan: str = "'plan-1'") -> str:
    """A pump, with the plan that it waits for, in one statement after the other of one transaction."""
    columns = "clinic_id, id, patient_id, reference, model, implanted_on, state, plan_id, created_at"
    return (
        f"INSERT INTO pump ({columns}) "
        f"VALUES ('{clinic}', 'p', 'patient-1', 'R1', 'm', {implanted}, '{state}', {plan}, '{WHEN}')"
    )


def _plan(name: str = "plan-1", pump: str = "p", revision: int = 1) -> str:
    return (
        "INSERT INTO plan (clinic_id, id, pump_id, revision, kind, why, severity, opened_at) "
        f"VALUES ('clinic-a', '{name}', '{pump}', {revision}, 'unknown', 'no-fill', 'critical', '{WHEN}')"
    )


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        # a pump of clinic b for a patient of clinic a
        (_pump(clinic="clinic-b"), "FOREIGN KEY"),
        (f"INSERT INTO patient VALUES ('clinic-c','patient-1','A1','{WHEN}')", "FOREIGN KEY"),
        (f"INSERT INTO patient VALUES ('clinic-a','patient-2','A1','{WHEN}')", "UNIQUE"),
        ("INSERT INTO patient VALUES ('clinic-a','patient-2','A2','2026-11-25 17:00')", "CHECK"),
        (_pump(state="lost"), "CHECK"),
        (_pump(implanted="'1.2.2026'"), "CHECK"),
        (_pump(plan="NULL"), "CHECK"),  # a pump that waits for nothing
        (_pump(plan="'plan-9'"), "FOREIGN KEY"),  # that waits for what is not there
        (_pump(state="explanted"), "CHECK"),  # that is explanted and waits
        ("UPDATE clinic SET name = NULL", "NOT.NULL"),
        ("DELETE FROM clinic WHERE id = 'clinic-a'", "FOREIGN KEY"),
    ],
)
def test_the_database_itself_refuses(store: Store, statement: str, why: str) -> None:
    with store.writing() as connection:
        _two_clinics(connection)
    with pytest.raises(sa.exc.IntegrityError, match=f"(?i){why}"), store.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_pump_waits_for_one_open_plan_of_its_own(store: Store) -> None:
    with store.writing() as connection:
        _two_clinics(connection)
        connection.exec_driver_sql(_pump())
        connection.exec_driver_sql(_plan())
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)unique"), store.writing() as connection:
        connection.exec_driver_sql(_plan("plan-2", revision=2))
    with store.writing() as connection:
        connection.exec_driver_sql(_pump(plan="'plan-3'").replace("'p'", "'q'").replace("R1", "R2"))
        connection.exec_driver_sql(_plan("plan-3", "q"))
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"), store.writing() as connection:
        connection.exec_driver_sql("UPDATE pump SET plan_id = 'plan-3' WHERE id = 'p'")
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"), store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM plan")


@ON_SQLITE
def test_sqlite_keeps_text_only_where_text_is_meant(store: Store) -> None:
    with store.writing() as connection:
        _two_clinics(connection)
    with pytest.raises(sa.exc.IntegrityError, match="store BLOB"), store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO patient VALUES ('clinic-a','patient-2',x'00','')")


def test_texts_are_in_the_order_of_their_code_points(store: Store) -> None:
    names = ["Z", "a", "B-1", "b1", "b-2", "B1", "\u00e4", "_"]
    with store.writing() as connection:
        for name in names:
            connection.exec_driver_sql(
                f"INSERT INTO clinic (id, name, time_zone, created_at) VALUES ('{name}', 'x', 'UTC', '{WHEN}')"
            )
        found = connection.exec_driver_sql("SELECT id FROM clinic ORDER BY id").scalars().all()
    assert found == sorted(names)


def test_a_failed_transaction_does_not_hold_the_next_one_up(store: Store) -> None:
    def fails() -> None:
        with store.writing() as connection:
            _two_clinics(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with store.writing() as connection:
        _two_clinics(connection)


@ON_SQLITE
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


@pytest.mark.parametrize("named", ["clinic_id", "id", "created_at"])
def test_an_error_of_the_store_shows_no_value(store: Store, named: str) -> None:
    # PostgreSQL adds the whole row that failed to what it says.
    secret = "canary-7F3K"
    with store.writing() as connection:
        _two_clinics(connection)
    row = {"clinic_id": "clinic-a", "id": "p", "reference": secret, "created_at": WHEN} | {named: secret}
    statement = sa.text("INSERT INTO patient VALUES (:clinic_id, :id, :reference, :created_at)")
    if named == "id":
        row |= {"clinic_id": "clinic-a", "reference": None}
    with pytest.raises(sa.exc.IntegrityError) as caught, store.writing() as connection:
        connection.execute(statement, row)
    told = "".join(traceback.format_exception(caught.value))
    assert secret not in told


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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "nonsense", ""])
def test_a_database_that_cannot_keep_a_promise_is_not_opened(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        open_store(url)


def test_without_the_extra_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"pumpcalc\[postgres\]"):
        open_store("postgresql://nobody@localhost/none")
