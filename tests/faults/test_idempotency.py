"""F-30: the same refill sent fifty times at once, under one Idempotency-Key, is one refill."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from api_fiction import CLINIC, serving
from world import FILLS, trials

from api.settings import Settings
from api.store import migrate, open_store


def test_fifty_at_once_are_one_refill(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/pumpcalc.db", mail_folder=f"{tmp_path}/mail")
    migrate(settings.database_url)
    today = dt.datetime.now(ZoneInfo(str(CLINIC["time_zone"]))).date().isoformat()
    with serving(settings) as client:
        clinic = client.post("/v1/clinics", json=CLINIC).json()["id"]
        patient = client.post(f"/v1/clinics/{clinic}/patients", json={}).json()["id"]
        pump = client.post(
            f"/v1/clinics/{clinic}/pumps", json={"patient_id": patient, "model": "synchromed-ii-20"}
        ).json()["id"]

        def record(key: str) -> httpx.Response:
            return client.post(
                f"/v1/clinics/{clinic}/pumps/{pump}/refills",
                json=FILLS["ziconotide"] | {"fill_date": today},
                headers={"Idempotency-Key": key},
            )

        rounds = trials(1, 1000)
        for number in range(rounds):
            with ThreadPoolExecutor(50) as pool:
                answers = list(pool.map(record, [f"a-key-of-this-refill-{number}"] * 50))
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.text for answer in answers}) == 1
            store = open_store(settings.database_url)
            with store.reading() as connection:
                count = connection.exec_driver_sql("SELECT count(*) FROM refill").scalar_one()
                still_open = connection.exec_driver_sql(
                    "SELECT count(*) FROM plan WHERE closed_at IS NULL"
                ).scalar_one()
            store.close()
            assert (count, still_open) == (number + 1, 1)
    print(f"\nF-30: {rounds} x 50 at once under one key: one refill each")
