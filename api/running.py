"""The service's commands, run: what ``api.cli`` hands on once it knows that the service is installed."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import signal
import sys
import threading
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

from api.inert import LogLines
from api.settings import Settings, SettingsError, read_settings
from api.store import is_current, migrate, open_store
from api.store.queries import engine, records
from pumpcalc.errors import PumpcalcError

__all__ = ["run", "serve"]

_LOG = logging.getLogger("pumpcalc.running")


def run(options: argparse.Namespace) -> int:
    """Run one command of the service. 0, or 1 with one sentence on the error stream."""
    lines = logging.StreamHandler()
    lines.setFormatter(LogLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = read_settings()
        if getattr(options, "port", None) is not None:
            settings = Settings(**{**settings.model_dump(), "port": options.port})
        if options.command == "migrate":
            migrate(settings.database_url)
            return 0
        if options.command == "demo":
            from api.demo import demo

            return demo(port=options.port, once=options.once)
        if options.command == "restore":
            return _copies(settings, options)  # there may be no store yet
        _must_be_current(settings)
        commands = {"plans": _plans, "believe-clock": _believe_clock, "worker": _worker, "serve": serve}
        if options.command in commands:
            return commands[options.command](settings)
        return _copies(settings, options)
    except (SettingsError, PumpcalcError, _NotMigrated, ValueError, OSError) as error:
        print(f"pumpcalc {options.command}: {error}", file=sys.stderr)
    except SQLAlchemyError as error:
        print(
            f"pumpcalc {options.command}: the store does not answer ({type(error).__name__}).",
            file=sys.stderr,
        )
    return 1


class _NotMigrated(Exception):
    """The store does not have the present tables."""


def _must_be_current(settings: Settings) -> None:
    store = open_store(settings.database_url)
    try:
        if not is_current(store):
            raise _NotMigrated("the store does not have the present tables; run: pumpcalc migrate")
    finally:
        store.close()


def serve(settings: Settings) -> int:
    """Answer requests and sweep reminders, until interrupted."""
    from api import wire
    from api.app import create_app

    with contextlib.suppress(KeyboardInterrupt):
        wire.server(create_app(settings), settings).run()
    return 0


def _plans(settings: Settings) -> int:
    """The record of every open plan, one on each line, with the ids of its pump and clinic and nothing of a person."""
    store = open_store(settings.database_url)
    try:
        with store.reading() as connection, contextlib.suppress(BrokenPipeError):
            for plan in records.open_plans(connection):
                line = {"id": plan["pump_id"], "clinic": plan["clinic_id"], "record": json.loads(plan["record"])}
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    finally:
        store.close()
    return 0


def _believe_clock(settings: Settings) -> int:
    """Write the kept instant of the clock anew, after a clock that was wrong: an operator has looked at this one."""
    from api.clock import now

    store = open_store(settings.database_url)
    try:
        with store.writing() as connection:
            engine.mark_beat(connection, "clock", now())
    finally:
        store.close()
    return 0


def _copies(settings: Settings, options: argparse.Namespace) -> int:
    """Copy the store, put a copy back, or say what is sent from one that was put back."""
    from api import restoring
    from api.clock import now

    store = open_store(settings.database_url)
    try:
        if options.command == "backup":
            restoring.backup(store, options.file, now())
            print(f"{options.file}: a copy of the store. Put back, it sends nothing before you say so.")
        elif options.command == "restore":
            kept = restoring.restore(store, options.file, now())
            before = "" if kept is None else f"; what stood there is kept in {kept}"
            print(f"{options.file} is in the place of the store{before}.")
            print("Next: pumpcalc migrate, where the copy is of an older version; then pumpcalc restored.")
        elif options.mark:
            restoring.mark(store, now())
        elif options.send or options.as_told:
            count = restoring.release(store, now(), as_told=options.as_told)
            print(f"Sending from now on. {count:,} counted as told." if options.as_told else "Sending from now on.")
        else:
            found = restoring.review(store, now())
            print("This store was not put back from a copy." if found is None else found.told())
    finally:
        store.close()
    return 0


def _worker(settings: Settings) -> int:
    """Sweep reminders, until interrupted."""
    from api.app import engine_of
    from api.clock import Clock

    stop = threading.Event()

    def ended(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    store = open_store(settings.database_url)
    clock = Clock(engine_of(settings, store).tick, settings.sweep_seconds)
    clock.start()
    _LOG.info("worker_started")
    stop.wait()
    clock.stop()
    store.close()
    return 0
