"""The cases of hostile_inputs.json as requests: one table says where each logical field lies in our API.

PLACES      a field with a text in it: the request around it, and the pointer that must name it
SCENARIOS   a case that describes a situation: the requests that make it
FEATURES    cases that wait for a feature. Each is sent to where the feature would be, so that it starts to pass,
            and its mark must go, when the feature comes
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hostile_service import CLINIC, FLOW_RATE, JSON, Ask, Service, refill

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "hostile_inputs.json").read_text(encoding="utf-8"))[
    "inputs"
]
BY_ID = {case["id"]: case for case in CASES}

_FLOW, _BATCH = "/v1/calculations/flow-rate", "/v1/calculations/flow-rate/batch"
_SCHEDULE, _TITRATION = "/v1/calculations/refill-schedule", "/v1/calculations/titration"
_ORAL, _TO_INTRATHECAL = "/v1/calculations/oral-morphine-equivalent", "/v1/calculations/oral-to-intrathecal"
_HOLE = "hole-7F3K"


@dataclass(frozen=True)
class Trial:
    """One request of a case: how it is sent, the pointers of which one must name the field, what was hostile in it."""

    ask: Ask
    pointers: tuple[str, ...] = ("",)
    hostile: str = ""
    is_order: bool = False


def _json_with(fields: Mapping[str, Any], raw: bytes) -> bytes:
    """A body in which these bytes stand where the hole is."""
    return json.dumps(fields).encode().replace(json.dumps(_HOLE).encode(), raw)


def _raw(value: Any, compose: Callable[[str], str]) -> tuple[bytes, str]:
    """The bytes that stand for a value in JSON, and the text that was hostile."""
    if isinstance(value, str):
        text = compose(value)
        return json.dumps(text, ensure_ascii=False).encode(), text
    match value:
        case {"$repeat": piece, "times": times, "prefix": prefix, "suffix": suffix}:
            text = compose(prefix + piece * times + suffix)
            return json.dumps(text).encode(), text
        case {"$raw_json": written}:
            return written.encode(), written
        case {"$json_escape": written}:
            return b'"' + written.encode() + b'"', written
        case {"$body_bytes_hex": written}:
            return b'"' + bytes.fromhex(written) + b'"', written
    raise AssertionError(f"a builder that the harness does not know: {value}")


@dataclass(frozen=True)
class Place:
    """Where a field lies: a route, the rest of its body, and how the value is put into its text."""

    target: Callable[[Service], str]
    pointer: str
    fields: Callable[[], Mapping[str, Any]]
    compose: Callable[[str], str] = str
    method: str = "POST"

    def trial(self, value: Any, found: Service) -> Trial:
        raw, text = _raw(value, self.compose)
        ask = Ask(self.target(found), _json_with(self.fields(), raw), self.method)
        return Trial(ask, (self.pointer,), text)


def _flow(name: str, compose: Callable[[str], str] = str) -> Place:
    return Place(lambda _: _FLOW, f"/{name}", lambda: FLOW_RATE | {name: _HOLE}, compose)


def _clinic(name: str) -> Place:
    return Place(lambda _: "/v1/clinics", f"/{name}", lambda: CLINIC | {name: _HOLE})


def _of_clinic(what: str, name: str, fields: Mapping[str, Any] | None = None) -> Place:
    """A field of something that the clinic would have."""
    return Place(lambda s: f"/v1/clinics/{s.clinic}{what}", f"/{name}", lambda: (fields or {}) | {name: _HOLE})


def _conversion(drug: str = "morphine", oral: str = "300 mg/day", **more: str) -> dict[str, Any]:
    regimen = [{"opioid": "morphine", "daily_dose": oral}]
    return {"drug": drug, "table": "cdc-2022", "regimen": regimen, "opioid_status": "naive", **more}


PLACES: dict[str, Place] = {
    "concentration.value": _flow("concentration", lambda number: f"{number} mg/mL"),
    "concentration.unit": _flow("concentration", lambda unit: f"25 {unit}"),
    "dose_rate.unit": _flow("daily_dose", lambda unit: f"5 {unit}"),
    "dose(ziconotide)": Place(
        lambda _: _FLOW,
        "/daily_dose",
        lambda: {"drug": "ziconotide", "daily_dose": _HOLE, "concentration": "25 mcg/mL"},
    ),
    "dose(morphine)": _flow("daily_dose"),
    "drug_id": _flow("drug"),
    "pump_model_id": _flow("pump"),
    "refill.occurred_at": Place(
        lambda s: s.refills, "/filled_at", lambda: refill(fill_date=None, filled_at=_HOLE)
    ),
    "clinic.time_zone": _clinic("time_zone"),
    "clinic.name": _clinic("name"),
    "contact.email": _clinic("reminder_email"),
    "webhook.url": _of_clinic("/contacts", "address", {"person_id": "p-1", "channel": "webhook", "after_minutes": "0"}),
    # Waiting for their features.
    "patient.label": _of_clinic("/patients", "label"),
    "patient.mrn": _of_clinic("/patients", "mrn"),
    "contact.phone": Place(lambda _: "/v1/clinics", "/reminder_phone", lambda: CLINIC | {"reminder_phone": _HOLE}),
    "note": Place(lambda s: s.refills, "/note", lambda: refill(note=_HOLE)),
    "refill.lot_expiry": Place(lambda s: s.refills, "/lot_expiry", lambda: refill(lot_expiry=_HOLE)),
    "approval.approver": _of_clinic("/approvals", "approver"),
    "catheter.volume": Place(lambda _: "/v1/calculations/bridge-bolus", "/catheter_volume",
                             lambda: {"drug": "morphine", "catheter_volume": _HOLE}),
    "schedule.local_time": _of_clinic("/schedules", "local_time"),
    "import.csv": _of_clinic("/imports", "csv"),
    "drug_library.file": Place(lambda _: "/v1/library", "/file", lambda: {"file": _HOLE}),
    "ack.token": _of_clinic("/acknowledgements", "token"),
    "ack.method": _of_clinic("/acknowledgements", "token"),
}  # fmt: skip


def _body(value: Mapping[str, Any]) -> Trial:
    """A case about the body as a whole, or about how it is sent."""
    plain = json.dumps(FLOW_RATE).encode()
    match value:
        case {"$body": written}:
            pointers = tuple(f"/{name}" for name in ("dose", "dose_mg", "__proto__") if f'"{name}"' in written)
            return Trial(Ask(_FLOW, written.encode()), pointers or ("",), written)
        case {"$body_repeat": piece, "times": times}:
            return Trial(Ask(_FLOW, piece.encode() * times), hostile=piece * times)
        case {"$body_keys": count}:
            return Trial(Ask(_BATCH, json.dumps({f"k{n}": n for n in range(count)}).encode()))
        case {"$body_bytes": count}:
            return Trial(Ask(_FLOW, b'"' + b"x" * (count - 2) + b'"'), hostile="x" * 100)
        case {"$body_utf16": written}:
            return Trial(Ask(_FLOW, written.encode("utf-16")))
        case {"$body_bom": written}:
            return Trial(Ask(_FLOW, b"\xef\xbb\xbf" + written.encode()))
        case {"$content_type": kind}:
            return Trial(Ask(_FLOW, plain, headers={"Content-Type": kind}))
        case {"$content_encoding": _}:
            bomb = gzip.compress(bytes(10 * 1024 * 1024), 9)  # ten kilobytes that would be ten megabytes
            return Trial(Ask(_FLOW, bomb, headers=JSON | {"Content-Encoding": "gzip"}))
        case {"$method": method}:
            return Trial(Ask(_FLOW, None, method, headers={}))
    raise AssertionError(f"a builder that the harness does not know: {value}")


def _query(name: str, value: Any) -> Trial:
    """A parameter of a list. Its pointer names the parameter."""
    text = _raw(value, str)[1]
    ours = {"cursor": "after"}.get(name, name)
    return Trial(Ask(f"/v1/clinics?{ours}={quote(text, safe='')}", method="GET", headers={}), (f"/{ours}",), text)


def _header(name: str, value: Any, found: Service) -> Trial:
    text = _raw(value, str)[1]
    if name.startswith("X-") and "clinic A object" in text:
        return Trial(Ask(f"/v1/clinics/{found.clinic}", method="GET", headers={name: "key-of-clinic-b"}))
    if "approve endpoint" in text:
        return Trial(Ask(f"/v1/clinics/{found.clinic}/approvals", b"{}", headers=JSON | {name: "scheduler-key"}))
    if name == "Idempotency-Key":
        headers = JSON | {name: hashlib.sha256(text.encode()).hexdigest()}
        if "different body" in text:  # it was used before, for another clinic
            found.ask(Ask("/v1/clinics", json.dumps(CLINIC | {"name": "Another"}).encode(), headers=headers))
        return Trial(Ask("/v1/clinics", json.dumps(CLINIC).encode(), headers=headers))
    return Trial(Ask(_FLOW, json.dumps(FLOW_RATE).encode(), headers=JSON | {name: text}))


def _schedule(**changes: Any) -> dict[str, Any]:
    return refill(pump="synchromed-ii-20", low_reservoir_alarm_volume="2 mL", **changes)


def _weak_flow(dose: str) -> dict[str, Any]:
    """Morphine at 10 mg/mL: 0.479 mg/day flow at 0.0479 mL/day."""
    return {"components": [{"drug": "morphine", "concentration": "10 mg/mL"}], "daily_dose": dose, "fill_kind": None}


def _ladder(**changes: str) -> dict[str, Any]:
    plain = {"drug": "ziconotide", "rule": "us-label", "start": "2.4 mcg/day", "step": "2.4 mcg/day"}
    return {**plain, "steps_per_week": "2", "until": "9.6 mcg/day", **changes}


_MIXTURE = [{"drug": drug, "concentration": "1 mg/mL"} for drug in ("morphine", "bupivacaine", "clonidine")]
_Situation = tuple[str, Callable[[], Mapping[str, Any]], str]
_ORDER = "the order"

_RESIDUAL = "/v1/calculations/residual-check"


def _withdrawn(volume: str) -> dict[str, Any]:
    return {
        "pump": "synchromed-ii-20", "fill_volume": "20 mL", "programmed_volume": "18 mL", "withdrawn_volume": volume,
    }  # fmt: skip


SCENARIOS: dict[str, list[_Situation]] = {
    "H178": [(_TITRATION, lambda: _ladder(start="2.5 mcg/day"), "/start")],
    "H179": [(_FLOW, lambda: FLOW_RATE | {"drug": "ziconotide", "daily_dose": "19.2 mcg/day",
                                          "concentration": "25 mcg/mL"}, "/daily_dose")],
    "H180": [(_FLOW, lambda: FLOW_RATE | {"drug": "ziconotide", "daily_dose": "19.200000001 mcg/day",
                                          "concentration": "25 mcg/mL"}, "/daily_dose"),
             (_ORDER, lambda: refill(daily_dose="19.200000001 mcg/day"), "/daily_dose")],
    "H181": [(_FLOW, lambda: FLOW_RATE | {"drug": "ziconotide", "daily_dose": "19.2 mg/day",
                                          "concentration": "25 mcg/mL"}, "/daily_dose"),
             (_ORDER, lambda: refill(daily_dose="19.2 mg/day"), "/daily_dose")],
    "H183": [(_TITRATION, lambda: _ladder(step="2.41 mcg/day"), "/step")],
    "H184": [(_TO_INTRATHECAL, lambda: _conversion(oral="303 mg/day", ratio="300", reduction_percent="0"), "/ratio")],
    "H185": [(_FLOW, lambda: FLOW_RATE | {"daily_dose": "20.01 mg/day"}, "/daily_dose")],
    "H186": [(_FLOW, lambda: FLOW_RATE | {"daily_dose": "200 mg/day"}, "/daily_dose"),
             (_ORDER, lambda: refill(**_weak_flow("200 mg/day")), "/daily_dose")],
    "H188": [(_TO_INTRATHECAL, lambda: _conversion(drug="ziconotide"), "/drug")],
    "H189": [(_TO_INTRATHECAL, lambda: _conversion(ratio="30", reduction_percent="0"), "/ratio")],
    "H190": [(_TO_INTRATHECAL, lambda: _conversion(ratio="0", reduction_percent="0"), "/ratio")],
    "H192": [(_ORAL, lambda: {"table": "cdc-2022", "regimen": [
        {"opioid": "morphine", "daily_dose": "100000 mg/day"}]}, "/regimen/0/daily_dose")],
    "H215": [("/v1/calculations/bridge-bolus", lambda: {
        "pump": "synchromed-ii-20", "drug": "baclofen", "old_concentration": "500 mcg/mL",
        "new_concentration": "0.5 mg/mL", "daily_dose": "200 mcg/day", "catheter_volume": "0.2 mL"},
        "/new_concentration")],
    "H193": [(_SCHEDULE, lambda: _schedule(fill_volume="20 mL"), "/fill_volume"),
             (_ORDER, lambda: refill(fill_volume="20 mL"), "/fill_volume")],
    "H194": [(_ORDER, lambda: refill(fill_volume="20.01 mL"), "/fill_volume")],
    "H197": [(_SCHEDULE, lambda: _schedule() | {"low_reservoir_alarm_volume": "20 mL"},
              "/low_reservoir_alarm_volume")],
    "H198": [(_RESIDUAL, lambda: _withdrawn("25 mL"), "/withdrawn_volume")],
    "H199": [(_RESIDUAL, lambda: _withdrawn("0 mL"), "/withdrawn_volume")],
    "H200": [(_ORDER, lambda: refill(**_weak_flow("0.479 mg/day")), "/daily_dose")],
    "H201": [(_FLOW, lambda: FLOW_RATE | {"drug": "ziconotide", "daily_dose": "9.6 mcg/day",
                                          "concentration": "25 mcg/mL", "pump": "prometra-ii-20"}, "/pump")],
    "H202": [(_FLOW, lambda: FLOW_RATE | {"drug": "hydromorphone"}, "/drug")],
    "H203": [(_SCHEDULE, lambda: _schedule(components=_MIXTURE, daily_dose="1 mg/day", stability="28 day"),
              "/components")],
}  # fmt: skip


def trials(case: Mapping[str, Any], found: Service) -> list[Trial]:
    """The requests of a case."""
    where, value = case["field"], case["value"]
    if case["id"] in SCENARIOS:
        made = []
        for target, fields, pointer in SCENARIOS[case["id"]]:
            order = target == _ORDER
            ask = Ask(found.refills if order else target, json.dumps(fields()).encode())
            made.append(Trial(ask, (pointer,), is_order=order))
        return made
    if where == "raw_body":
        return [_body(value)]
    kind, _, name = where.partition(".")
    if kind == "query":
        return [_query(name, value)]
    if kind == "header":
        return [_header(name, value, found)]
    return [PLACES[where].trial(value, found)]


def _ids(*fields: str) -> frozenset[str]:
    return frozenset(case["id"] for case in CASES if case["field"] in fields)


FEATURES: dict[str, frozenset[str]] = {
    # The sentinel marks both as soft limits and reads them back; a hard one needs a figure that somebody has verified.
    "a verified hard maximum of morphine; none was read": frozenset({"H186", "H192"}),
    "approvals": _ids("approval.approver"),
    "lots": _ids("refill.lot_expiry"),
    "recurring schedules": _ids("schedule.local_time"),
    "labels and notes as free text": _ids("patient.label", "note"),
    "record numbers of patients": _ids("patient.mrn"),
    "telephone numbers": _ids("contact.phone"),
    "sign-in": frozenset({"H370", "H371"}),
    "tenants by key": frozenset({"H373"}),
    "roles": frozenset({"H375"}),
    "acknowledgement by link": _ids("ack.token", "ack.method"),
    "import": _ids("import.csv"),
    "library files by HTTP": _ids("drug_library.file"),
}
"""What the cases wait for that are expected to fail."""


def waits_for(case: Mapping[str, Any]) -> str | None:
    """The feature that a case waits for, if it waits."""
    found = [feature for feature, ids in FEATURES.items() if case["id"] in ids]
    assert len(found) <= 1, f"{case['id']} waits twice"
    return found[0] if found else None
