"""schemathesis over the whole OpenAPI document, against a real service on loopback.

    python tests/hostile/fuzz.py --cases 20000

Every check of schemathesis counts, with the exceptions that are said here:

- data that fits its schema may still be refused with 422 or 404: a schema knows no drug library;
- a list that is longer than it may be can make a body that is longer than it may be: 413 refuses it too;
- a batch takes any requests, and answers each bad one with its refusal in its place.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile_service import Service, service

_CONFIG = """
[parameters]
"path.clinic" = "{clinic}"
"path.pump" = "{pump}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "422"]

[checks.negative_data_rejection]
expected-statuses = ["4xx"]

[[operations]]
include-path-regex = "/batch$"
checks.negative_data_rejection.enabled = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "422"]
"""

_EXAMPLES = 250
"""Per operation in one round of a long run: beyond some hundreds, a round finds few new ones."""


@dataclass(frozen=True)
class Figures:
    """What a run found."""

    cases: int
    operations: int
    seconds: float
    failures: list[dict[str, Any]]
    errors: list[Any]
    complete: bool
    grown: int


def fuzz(folder: Path, examples: int, phases: str, seed: int | None = None, without: str = "") -> Figures:
    """One run: ``examples`` per operation, besides those that the schema itself suggests. Without a seed, the same.

    ``without`` is a regular expression for the addresses that are left out.
    """
    with service(folder, PUMPCALC_SWEEP_SECONDS="60") as running:
        before = running.resident()
        report = _run(running, folder, examples, phases, seed, without)
        wanted = "selected" if without else "total"
        return Figures(
            cases=report["test_cases"]["generated"],
            operations=report["operations"]["tested"],
            seconds=report["running_time"],
            failures=report["failures"],
            errors=report["errors"],
            complete=report["complete"] and report["operations"]["tested"] == report["operations"][wanted],
            grown=running.resident() - before,
        )


def _run(running: Service, folder: Path, examples: int, phases: str, seed: int | None, without: str) -> Any:
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(_CONFIG.format(clinic=running.clinic, pump=running.pump), encoding="utf-8")
    command: list[str | Path] = [Path(sys.executable).with_name("schemathesis"), "--config-file", config, "run"]
    command += [f"http://127.0.0.1:{running.port}/openapi.json", "--phases", phases]
    command += ["--max-examples", str(examples)]
    command += ["--exclude-path-regex", without] if without else []
    command += ["--generation-deterministic"] if seed is None else ["--seed", str(seed)]
    command += ["--generation-database", "none"] if seed is not None else []
    command += ["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "30", "--no-color"]
    command += ["--report", "json", "--report-json-path", report]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (folder / "fuzz.txt").write_text(ran.stdout + ran.stderr, encoding="utf-8")
    assert report.exists(), ran.stdout[-2_000:] + ran.stderr[-2_000:]
    return json.loads(report.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description="schemathesis over the whole OpenAPI document, on loopback.")
    parser.add_argument("--cases", type=int, default=20_000, help="at least how many in all; default 20000")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; default 1")
    asked = parser.parse_args()
    cases, seed, went_well = 0, asked.seed, True
    while cases < asked.cases and went_well:
        with tempfile.TemporaryDirectory() as folder:
            found = fuzz(Path(folder), _EXAMPLES, "examples,coverage,fuzzing,stateful", seed)
            said = (Path(folder) / "fuzz.txt").read_text(encoding="utf-8")
        print(json.dumps({"seed": seed, **vars(found), "failures": [failure["title"] for failure in found.failures]}))
        cases, seed = cases + found.cases, seed + 1
        went_well = found.complete and not found.failures and not found.errors
    print(json.dumps({"cases": cases, "went_well": went_well}))
    if not went_well:
        print(said[-20_000:], file=sys.stderr)
    return 0 if went_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
