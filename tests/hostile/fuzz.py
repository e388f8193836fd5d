"""schemathesis over the whole OpenAPI document, against a real service on loopback.

    python tests/hostile/fuzz.py --cases 20000

Every check of schemathesis counts, with two exceptions that are said here:

- data that fits its schema may still be refused with 422 or 404: a schema knows no drug library;
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

[[operations]]
include-path-regex = "/batch$"
checks.negative_data_rejection.enabled = false
# pumpcalc: strict_json allows 2,000 members at any length; then this line goes.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "422"]
"""


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


def fuzz(folder: Path, examples: int, phases: str, seed: int = 1) -> Figures:
    """One run, the same each time: ``examples`` per operation, besides those that the schema itself suggests."""
    with service(folder, PUMPCALC_SWEEP_SECONDS="60") as running:
        before = running.resident()
        report = _run(running, folder, examples, phases, seed)
        return Figures(
            cases=report["test_cases"]["generated"],
            operations=report["operations"]["tested"],
            seconds=report["running_time"],
            failures=report["failures"],
            errors=report["errors"],
            complete=report["complete"] and report["operations"]["tested"] == report["operations"]["total"],
            grown=running.resident() - before,
        )


def _run(running: Service, folder: Path, examples: int, phases: str, seed: int) -> Any:
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(_CONFIG.format(clinic=running.clinic, pump=running.pump), encoding="utf-8")
    command: list[str | Path] = [Path(sys.executable).with_name("schemathesis"), "--config-file", config, "run"]
    command += [f"http://127.0.0.1:{running.port}/openapi.json", "--phases", phases]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--generation-deterministic"]
    command += ["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "30", "--no-color"]
    command += ["--report", "json", "--report-json-path", report]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (folder / "fuzz.txt").write_text(ran.stdout + ran.stderr, encoding="utf-8")
    assert report.exists(), ran.stdout[-2_000:] + ran.stderr[-2_000:]
    return json.loads(report.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description="schemathesis over the whole OpenAPI document, on loopback.")
    parser.add_argument("--cases", type=int, default=20_000, help="about how many in all; default 20000")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # The schema itself suggests some 2,500 cases; the operations share the rest.
        found = fuzz(
            Path(folder), max(1, (asked.cases - 2_500) // 34), "examples,coverage,fuzzing,stateful", asked.seed
        )
        said = (Path(folder) / "fuzz.txt").read_text(encoding="utf-8")
    print(json.dumps({**vars(found), "failures": [failure["title"] for failure in found.failures]}, indent=2))
    if found.failures or found.errors:
        print(said[-20_000:], file=sys.stderr)
    return 0 if found.complete and not found.failures and not found.errors else 1


if __name__ == "__main__":
    raise SystemExit(main())
