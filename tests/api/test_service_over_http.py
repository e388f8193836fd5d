"""The service as its callers see it: a real server, real requests."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_fiction import CLINIC, FLOW_RATE, ZICONOTIDE, is_problem

from pumpcalc import CALCULATORS, Calculation, calculate, verify

ASKED: dict[str, dict[str, Any]] = {
    "oral-morphine-equivalent": {"table": "cdc-2022", "regimen": [{"opioid": "oxycodone", "daily_dose": "60 mg/day"}]},
    "oral-to-intrathecal": {
        "drug": "ziconotide",
        "table": "cdc-2022",
        "regimen": [{"opioid": "morphine", "daily_dose": "300 mg/day"}],
        "opioid_status": "tolerant",
    },
    "titration": {
        "drug": "ziconotide",
        "rule": "us-label",
        "start": "2.4 mcg/day",
        "step": "2.4 mcg/day",
        "steps_per_week": "2",
        "until": "9.6 mcg/day",
    },
    "baclofen-screening": {"trials": [{"dose": "50 mcg", "response": "no", "day": "0"}]},
    "baclofen-adjustment": {"daily_dose": "200 mcg/day", "origin": "spinal", "phase": "titration"},
    "flow-rate": FLOW_RATE,
    "daily-dose": {"drug": "morphine", "flow_rate": "0.5 mL/day", "concentration": "20 mg/mL"},
    "concentration": {"drug": "morphine", "daily_dose": "10 mg/day", "flow_rate": "0.5 mL/day"},
    "choose-concentration": {
        "drug": "ziconotide",
        "daily_dose": "2.4 mcg/day",
        "pump": "synchromed-ii-20",
        "fill_volume": "20 mL",
    },
    "compounding": {
        "final_volume": "20 mL",
        "components": [{"drug": "morphine", "concentration": "10 mg/mL", "stock_concentration": "25 mg/mL"}],
    },
    "naive-pump-rinse": {"drug": "ziconotide", "product": "prialt-25-20", "pump": "synchromed-ii-20"},
    "admixture-dose": {
        "components": [
            {"drug": "morphine", "concentration": "10 mg/mL"},
            {"drug": "ziconotide", "concentration": "1 mcg/mL"},
        ],
        "daily_dose": "5 mg/day",
    },
    "beyond-use-date": {"category": "1", "storage": "room", "compounded_at": "2026-11-25T09:00:00-05:00"},
    "three-way-check": {
        "order": {
            "pump": "synchromed-ii-20",
            "fill_volume": "20 mL",
            "daily_dose": "5 mg/day",
            "components": [{"drug": "morphine", "concentration": "20 mg/mL"}],
        },
        "compounding": {"final_volume": "20 mL", "components": [{"drug": "morphine", "concentration": "20 mg/mL"}]},
        "programme": {
            "pump": "synchromed-ii-20",
            "reservoir_volume": "40 mL",
            "daily_dose": "5 mg/day",
            "components": [{"drug": "morphine", "concentration": "20 mg/mL"}],
        },
    },
    "priming-bolus": {
        "pump": "prometra-ii-20",
        "drug": "morphine",
        "concentration": "10 mg/mL",
        "extent": "catheter-only",
        "catheter": {"model": "prometra-catheter", "implanted_length": "80 cm"},
    },
    "bridge-bolus": {
        "pump": "synchromed-ii-20",
        "drug": "baclofen",
        "old_concentration": "500 mcg/mL",
        "new_concentration": "2000 mcg/mL",
        "daily_dose": "200 mcg/day",
        "catheter_volume": "0.2 mL",
    },
    "residual-dilution": {
        "pump": "synchromed-ii-20",
        "drug": "baclofen",
        "old_concentration": "0.5 mg/mL",
        "new_concentration": "2 mg/mL",
        "reservoir_residual_volume": "1.4 mL",
        "fill_volume": "18.6 mL",
    },
    "day-schedule": {
        "drug": "baclofen",
        "concentration": "500 mcg/mL",
        "pump": "synchromed-ii-20",
        "base_rate": "10 mcg/h",
        "groups": [
            {
                "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
                "steps": [{"start": "06:00", "end": "09:00", "dose": "75 mcg"}],
                "day_total": "285 mcg/day",
            }
        ],
    },
    "patient-bolus": {
        "drug": "morphine",
        "concentration": "20 mg/mL",
        "daily_dose": "5 mg/day",
        "dose_per_bolus": "0.25 mg",
        "lockout": "4 h",
        "boluses_per_day": 4,
    },
    "single-bolus": {
        "drug": "morphine",
        "concentration": "20 mg/mL",
        "dose": "0.5 mg",
        "duration": "30 min",
        "before": "stopped",
        "end_state": "stopped",
    },
    "deliverable-dose": {
        "drug": "morphine",
        "concentration": "20 mg/mL",
        "daily_dose": "0.5 mg/day",
        "chamber_volume": "0.0025 mL",
    },
    "external-pump-steps": {"pump": "cadd-prizm-pcs-ii", "drug": "morphine", "concentration": "1 mg/mL"},
    "pump-stopped": {"pump": "synchromed-ii-20", "stopped_for": "49 h"},
    "residual-check": {
        "pump": "synchromed-ii-20",
        "fill_volume": "20 mL",
        "programmed_volume": "18 mL",
        "withdrawn_volume": "0 mL",
    },
    "post-fill-check": {"pump": "synchromed-ii-20", "injected_volume": "20 mL", "measured_volume": "18.7 mL"},
    "reservoir-state": {
        "pump": "synchromed-ii-20",
        "low_reservoir_alarm_volume": "2 mL",
        "events": [
            {
                "event": "fill",
                "at": "2026-11-25T09:00:00-05:00",
                "volume": "20 mL",
                "components": [{"drug": "morphine", "concentration": "20 mg/mL"}],
            },
            {"event": "rate-change", "at": "2026-11-25T09:00:00-05:00", "flow_rate": "0.4 mL/day"},
        ],
        "at": "2026-12-05T09:00:00-05:00",
    },
    "refill-schedule": ZICONOTIDE | {"pump": "synchromed-ii-20", "low_reservoir_alarm_volume": "2 mL"},
}
JSON = {"Content-Type": "application/json"}


# Calculations


@pytest.mark.parametrize("name", CALCULATORS)
def test_each_calculator_answers_over_http_as_it_does_in_python(client: httpx.Client, name: str) -> None:
    answer = client.post(f"/v1/calculations/{name}", json=ASKED[name])
    assert answer.status_code == 200, answer.text
    assert answer.json() == calculate(name, ASKED[name]).model_dump(mode="json")
    verify(answer.json())


def test_the_list_of_calculators_is_the_registry(client: httpx.Client) -> None:
    items = client.get("/v1/calculations").json()["items"]
    assert [item["name"] for item in items] == list(CALCULATORS)
    assert all(item["summary"] and item["path"] == f"/v1/calculations/{item['name']}" for item in items)


def test_a_wrong_field_gets_the_cores_own_sentence_and_a_pointer(client: httpx.Client) -> None:
    asked = ASKED["flow-rate"] | {"daily_dose": 10, "concentration": "20 MG/ML", "dosage": "x"}
    document = is_problem(client.post("/v1/calculations/flow-rate", json=asked), 422, "quantity-as-text")
    assert [error["pointer"] for error in document["errors"]] == ["/daily_dose", "/concentration", "/dosage"]
    assert document["errors"][0]["detail"].startswith("10 has no unit: write a daily dose")
    assert document["errors"][1]["did_you_mean"] == "mg/mL"


def test_an_unknown_drug_is_a_refusal_that_names_the_nearest(client: httpx.Client) -> None:
    asked = ASKED["flow-rate"] | {"drug": "morphin"}
    (error,) = is_problem(client.post("/v1/calculations/flow-rate", json=asked), 404, "unknown-drug")["errors"]
    assert (error["pointer"], error["did_you_mean"]) == ("/drug", "morphine")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b'{"drug": NaN}', 400, "malformed"),
        (b'{"drug": 1e400}', 422, "identifier-format"),
        (b'{"drug": "morphine", "drug": "ziconotide"}', 400, "malformed"),
        (b'{"drug": "\xff"}', 400, "malformed"),
        (b'{"\\ud800": "morphine"}', 400, "malformed"),
        (b"\xef\xbb\xbf{}", 400, "malformed"),
        ("{}".encode("utf-16"), 400, "malformed"),
        (b"[" * 40 + b"]" * 40, 400, "malformed"),
        (b"[" * 60_000, 400, "malformed"),
        (b"[" + b"0," * 2_001 + b"0]", 400, "malformed"),
        (b'{"drug": ' + b"9" * 5_000 + b"}", 422, "identifier-format"),
        (b'"' + b"x" * 65_536 + b'"', 413, "too-large"),
        (b"null", 422, "wrong-type"),
    ],
)
def test_hostile_bodies_are_answered_calmly(client: httpx.Client, content: bytes, status: int, code: str) -> None:
    answer = client.post("/v1/calculations/flow-rate", content=content, headers=JSON)
    is_problem(answer, status, code)
    assert len(answer.content) < 4_000


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(client: httpx.Client) -> None:
    def endless() -> Any:
        for _ in range(100):
            yield b" " * 1024

    is_problem(client.post("/v1/calculations/flow-rate", content=endless(), headers=JSON), 413, "too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonx", "application/json; charset=latin-1", ""])
def test_another_media_type_is_refused(client: httpx.Client, kind: str) -> None:
    answer = client.post("/v1/calculations/flow-rate", content=b"{}", headers={"Content-Type": kind} if kind else {})
    is_problem(answer, 415, "media-type")


def test_nothing_long_is_echoed(client: httpx.Client) -> None:
    text = "canary" * 1_000
    answer = client.post("/v1/calculations/flow-rate", json=ASKED["flow-rate"] | {"drug": text, "daily_dose": text})
    assert text[:65] not in answer.text


def test_at_most_twenty_errors_are_listed(client: httpx.Client) -> None:
    answer = client.post("/v1/calculations/flow-rate", json={f"field{n}": "x" for n in range(100)})
    assert len(is_problem(answer, 422, "missing")["errors"]) == 20


def test_addresses_and_methods_that_are_not_there(client: httpx.Client) -> None:
    is_problem(client.get("/nowhere"), 404, "not-found")
    is_problem(client.post("/v1/calculations/no-such", json={}), 404, "not-found")
    answer = client.get("/v1/calculations/flow-rate")
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


# Clinics


def _clinic(client: httpx.Client, **changed: Any) -> tuple[str, str]:
    clinic = client.post("/v1/clinics", json=CLINIC | changed).json()["id"]
    patient = client.post(f"/v1/clinics/{clinic}/patients", json={}).json()["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20", "implanted_on": "2026-01-05"}
    return clinic, client.post(f"/v1/clinics/{clinic}/pumps", json=body).json()["id"]


def test_from_a_clinic_to_a_schedule_over_http(client: httpx.Client) -> None:
    clinic, pump = _clinic(client)
    at = f"/v1/clinics/{clinic}"
    before = client.get(f"{at}/pumps/{pump}/schedule").json()
    assert (before["refill"], before["calculation"]) == (None, None)
    assert (before["plan"]["kind"], before["plan"]["why"]) == ("unknown", "no-fill"), "an alert, and no date"
    assert [(r["kind"], r["state"]) for r in before["reminders"]] == [("unknown", "pending")]
    kept = client.post(f"{at}/pumps/{pump}/refills", json=ZICONOTIDE | {"fill_date": "2026-11-20"})
    assert kept.status_code == 201, kept.text
    assert kept.json()["refill"]["refill_by"] == "2026-12-13"
    schedule = client.get(f"{at}/pumps/{pump}/schedule").json()
    assert schedule["refill"] == kept.json()["refill"]
    assert Calculation.model_validate(schedule["calculation"]).answers["binding"] == "low-reservoir-alarm"
    assert [r["local_intent"] for r in schedule["reminders"]] == [
        "2026-11-29T09:00",
        "2026-12-10T09:00",
        "2026-12-13T09:00",
    ]
    assert schedule["plan"] == kept.json()["plan"]
    assert (schedule["plan"]["refill_by"], schedule["plan"]["revision"]) == ("2026-12-13", 2)
    open_ones = [r for r in client.get(f"{at}/reminders").json()["items"] if r["plan_id"] == schedule["plan"]["id"]]
    assert open_ones == schedule["reminders"]
    assert client.get(f"{at}/pumps/{pump}/refills").json()["items"] == [schedule["refill"]]
    assert client.get(at).json()["low_reservoir_alarm_volume"] == "2 mL"


def test_lists_come_in_pages_and_lose_nothing(client: httpx.Client) -> None:
    clinic, pump = _clinic(client)
    for day in ("2026-11-18", "2026-11-19", "2026-11-20"):
        client.post(f"/v1/clinics/{clinic}/pumps/{pump}/refills", json=ZICONOTIDE | {"fill_date": day})
    for address, total in (("reminders", 10), (f"pumps/{pump}/refills", 3), ("patients", 1), ("pumps", 1)):
        found: list[str] = []
        after = ""
        while after is not None:
            page = client.get(f"/v1/clinics/{clinic}/{address}", params={"after": after, "limit": 2}).json()
            found += [item["id"] for item in page["items"]]
            after = page["next"]
        assert len(found) == len(set(found)) == total
    clinics: list[str] = []
    after = ""
    while after is not None:
        page = client.get("/v1/clinics", params={"after": after, "limit": 1}).json()
        clinics += [item["id"] for item in page["items"]]
        after = page["next"]
    assert clinic in clinics


def test_what_is_another_clinics_is_answered_like_what_is_not_there(client: httpx.Client) -> None:
    (ours, _), (_, theirs) = _clinic(client), _clinic(client)
    details = set()
    for pump in (theirs, "pump-none"):
        for answer in (
            client.get(f"/v1/clinics/{ours}/pumps/{pump}/schedule"),
            client.get(f"/v1/clinics/{ours}/pumps/{pump}/refills"),
            client.post(f"/v1/clinics/{ours}/pumps/{pump}/refills", json=ZICONOTIDE),
        ):
            details.add(is_problem(answer, 404, "not-found")["detail"])
    assert details == {"There is no such pump here."}
    for address in ("", "/patients", "/pumps", "/reminders"):
        is_problem(client.get(f"/v1/clinics/clinic-none{address}"), 404, "not-found")


def test_a_pump_is_of_a_patient_of_the_same_clinic_and_of_a_known_model(client: httpx.Client) -> None:
    (ours, _), (theirs, _) = _clinic(client), _clinic(client)
    patient = client.get(f"/v1/clinics/{theirs}/patients").json()["items"][0]["id"]
    asked = {"patient_id": patient, "model": "synchromed-ii-20"}
    is_problem(client.post(f"/v1/clinics/{ours}/pumps", json=asked), 422, "unknown-patient")
    answer = client.post(f"/v1/clinics/{theirs}/pumps", json=asked | {"model": "synchromed-ii-21"})
    (error,) = is_problem(answer, 422, "unknown-pump")["errors"]
    # It looks like the 20 and like the 40: both are listed, neither is guessed.
    assert (error["pointer"], error.get("did_you_mean")) == ("/model", None)
    assert {"synchromed-ii-20", "synchromed-ii-40"} <= set(error["allowed"])


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("time_zone", "New York", "time-zone"),
        ("time_zone", "EST", "time-zone"),
        ("low_reservoir_alarm_volume", 2, "quantity-as-text"),
        ("low_reservoir_alarm_volume", "2 mg", "wrong-kind"),
        ("reminder_days_before", [14], "day-count"),
        ("reminder_days_before", ["14", "14"], "day-count"),
        ("reminder_days_before", "14", "wrong-type"),
        ("reminder_time", "9:00", "time-of-day"),
        ("reminder_time", "24:00", "time-of-day"),
        ("closed_weekdays", ["someday"], "weekday"),
        ("closed_dates", ["2026-02-30"], "date-impossible"),
        ("reminder_email", "a@b.example\r\nBcc: c@d.example", "email"),
        ("reminder_email", "a@b, c@d", "email"),
        ("name", "", "name"),
        ("name", "x\u202ey", "name"),
        ("nickname", "x", "unknown-field"),
    ],
)
def test_a_clinics_setting_says_what_to_write(client: httpx.Client, field: str, value: Any, code: str) -> None:
    (error,) = is_problem(client.post("/v1/clinics", json=CLINIC | {field: value}), 422, code)["errors"]
    assert error["pointer"] == f"/{field}"


def test_a_patient_has_no_name_only_an_opaque_reference(client: httpx.Client) -> None:
    clinic, _ = _clinic(client)
    at = f"/v1/clinics/{clinic}/patients"
    for told in ("Jane Doe", "JANE", "jane1", "1970-01-01T", "19700101", "A0612345678"):
        is_problem(client.post(at, json={"reference": told}), 422, "reference")
    is_problem(client.post(at, json={"name": "Jane Doe"}), 422, "unknown-field")
    assert client.post(at, json={"reference": "7F3K"}).json()["reference"] == "7F3K"
    is_problem(client.post(at, json={"reference": "7F3K"}), 422, "reference-taken")
