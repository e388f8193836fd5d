"""Every open plan of the store as a line that ``pumpcalc library dry-run`` reads, and nothing of a person."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from api_fiction import CLINIC, MORPHINE, NOON, ZICONOTIDE, House, fictional

from api import house
from api.store.tables import pump
from pumpcalc import verify

_TIGHTER = """
clinic = "Fictional Clinic"
version = 1
effective_from = 2026-12-01

[sources.policy]
title = "Policy (fictional)"
kind = "policy"
edition = "1"
read_at = "nowhere"

[[changes]]
figure = "morphine.in_pump_stability.any"
action = "tighten"
was = "90 day"
value = "30 day"
source = "policy"
where = "page 1"
by = "A. Pharmacist"
on = 2026-11-20
"""


def _run(fiction: House, *words: str | Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUMPCALC_")}
    here = {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PUMPCALC_DATABASE_URL": str(fiction.store.engine.url),
    }
    command = [sys.executable, "-m", "api.cli", *map(str, words)]
    return subprocess.run(command, input=text, capture_output=True, env=kept | here, timeout=50, check=False)


def _plans(fiction: House) -> list[dict[str, Any]]:
    done = _run(fiction, "plans")
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _stop(fiction: House, pump_id: str) -> None:
    with fiction.store.writing() as connection:
        connection.execute(sa.update(pump).where(pump.c.id == pump_id).values(state="stopped"))


def test_every_open_refill_of_a_running_pump_of_every_clinic_is_one_line(fiction: House) -> None:
    other, stopped = fiction.another_pump(), fiction.another_pump()
    elsewhere = fictional(fiction.store, name="Another Fictional Clinic")
    fiction.another_pump()  # which was never filled
    fiction.record(ZICONOTIDE)
    fiction.record(MORPHINE)
    fiction.record(MORPHINE, pump=other)
    fiction.record(MORPHINE, pump=stopped)
    elsewhere.record(ZICONOTIDE)
    _stop(fiction, stopped)
    found = _plans(fiction)
    assert [(each["clinic"], each["id"]) for each in found] == sorted(
        [(fiction.clinic, fiction.pump), (fiction.clinic, other), (elsewhere.clinic, elsewhere.pump)]
    )
    drugs = {each["id"]: each["record"]["request"]["components"][0]["drug"] for each in found}
    assert drugs == {fiction.pump: "morphine", other: "morphine", elsewhere.pump: "ziconotide"}
    for each in found:
        verify(each["record"])


def test_a_store_without_plans_writes_nothing(fiction: House) -> None:
    assert _plans(fiction) == []


def test_nothing_of_a_person_or_a_clinics_address_is_written(fiction: House) -> None:
    body = {"reference": "PATIENT-7F3K"}
    patient = house.add_patient(fiction.store, fiction.clinic, body, NOON)["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20", "reference": "PUMP-9H2K"}
    fiction.record(MORPHINE, pump=str(house.add_pump(fiction.store, fiction.clinic, body, NOON)["id"]))
    written = _run(fiction, "plans").stdout.decode()
    assert len(written.splitlines()) == 1
    for of_a_person in ("PATIENT-7F3K", "PUMP-9H2K", patient, CLINIC["name"], CLINIC["reminder_email"]):
        assert str(of_a_person) not in written


def test_the_dry_run_reads_the_plans_and_names_the_pump_that_changes(fiction: House, tmp_path: Path) -> None:
    other = fiction.another_pump()
    fiction.record(ZICONOTIDE)
    fiction.record(MORPHINE, pump=other)
    before = fiction.everything()
    file = tmp_path / "site.toml"
    file.write_text(_TIGHTER, encoding="utf-8")
    plans = _run(fiction, "plans").stdout
    done = _run(fiction, "library", "dry-run", file, "-", "--on", "2026-12-01", text=plans)
    assert (done.returncode, done.stderr) == (1, b"")
    said = done.stdout.decode()
    changed = [line for line in said.splitlines() if line.startswith("line ")]
    assert [line.partition(", ")[2] for line in changed] == [f"{fiction.clinic}, {other}, refill-schedule"]
    assert "  refill by: 2026-12-31 -> 2026-12-25\n" in said
    assert said.endswith("Fictional Clinic, overlay 1, on 2026-12-01: 1 changed, 1 unchanged.\n")
    assert fiction.everything() == before, "a dry run keeps nothing"


def test_a_store_that_is_not_migrated_says_so(fiction: House, tmp_path: Path) -> None:
    here = os.environ | {"PUMPCALC_DATABASE_URL": f"sqlite:///{tmp_path}/empty.db"}
    command = [sys.executable, "-m", "api.cli", "plans"]
    done = subprocess.run(command, capture_output=True, text=True, env=here, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "run: pumpcalc migrate" in done.stderr
