"""The ``pumpcalc`` command: the core's own commands, and the service's. See ``USAGE``.

The core's commands need nothing but the core, and nothing of the service is imported for them.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["USAGE", "main"]

USAGE = """\
pumpcalc: intrathecal pump dosing and refills

  pumpcalc calculate NAME [FILE|-]    a request as JSON in, the record as JSON out
  pumpcalc NAME --daily-dose ...      the worksheet for a person
  pumpcalc verify FILE                replays a saved calculation
  pumpcalc uses FACT FILE             which records, one on a line, used a figure
  pumpcalc list                       the calculations, a line each
  pumpcalc library check              the drug library: its version, and what is off or unknown
  pumpcalc library show NAME          the page of a drug or a pump, each figure with its source
  pumpcalc library diff OLD NEW       the figures that differ between two, or that a clinic's file changes
  pumpcalc library dry-run FILE PLANS which saved records a clinic's file changes

  pumpcalc serve [--port PORT]        the API, with its clock
  pumpcalc worker                     the clock alone: sends reminders, answers no requests
  pumpcalc migrate                    brings the store to the present tables
  pumpcalc plans                      the record of every open plan, one on each line
  pumpcalc believe-clock              the present clock is right, whatever was kept by one that was not
  pumpcalc backup FILE                a copy of the store as it is now, while the service goes on
  pumpcalc restore FILE               puts a copy in the place of the store; what stood there is kept
  pumpcalc restored                   what a store that was put back would send: it sends nothing before you say so
  pumpcalc demo [--once]              a fictional clinic, from refill to reminder

The last nine need the service extra: pip install "pumpcalc[server]". They read PUMPCALC_DATABASE_URL,
PUMPCALC_SMTP_URL and the other settings of api/settings.py from the environment.
Exit codes: 0 done; 1 it could not be done, and one sentence says why, or library diff and dry-run found a change;
2 not understood, or refused; 3 withheld.
"""

_SERVICE = ("serve", "worker", "migrate", "plans", "believe-clock", "backup", "restore", "restored", "demo")
_NEEDS = (
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "apscheduler",
    "aiosmtplib",
    "pydantic_settings",
    "fastapi_offline",
    "httpx",
    "standardwebhooks",
    "icalendar",
    "holidays",
    "prometheus_client",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in ([], ["-h"], ["--help"]):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if not arguments or arguments[0] not in _SERVICE:
        from pumpcalc import cli

        return int(cli.main(arguments))
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"pumpcalc {arguments[0]} needs the service extra ({', '.join(missing)} not found): "
            'pip install "pumpcalc[server]"',
            file=sys.stderr,
        )
        return 1
    options = _options(arguments)
    from api import running

    return running.run(options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pumpcalc", description="The pumpcalc service.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="the API, with its clock").add_argument("--port", type=int)
    commands.add_parser("worker", help="the clock alone: sends reminders, answers no requests")
    commands.add_parser("migrate", help="brings the store to the present tables")
    commands.add_parser("plans", help="the record of every open plan, one on each line")
    commands.add_parser("believe-clock", help="the present clock is right, whatever was kept by one that was not")
    backup = commands.add_parser("backup", help="a copy of the store as it is now, while the service goes on")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file")
    restore = commands.add_parser("restore", help="puts a copy in the place of the store; what stood there is kept")
    restore.add_argument("file", type=Path, metavar="FILE", help="what pumpcalc backup has written")
    restored = commands.add_parser("restored", help="what a store that was put back would send")
    choice = restored.add_mutually_exclusive_group()
    choice.add_argument("--mark", action="store_true", help="it was put back by other means: send nothing")
    choice.add_argument("--send", action="store_true", help="tell of each pump once, the worst first")
    choice.add_argument("--as-told", action="store_true", help="what is due counts as told")
    demo = commands.add_parser("demo", help="a fictional clinic, from refill to reminder")
    demo.add_argument("--once", action="store_true", help="end after the reminder has been delivered")
    demo.add_argument("--port", type=int, default=8000, help="default 8000")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
