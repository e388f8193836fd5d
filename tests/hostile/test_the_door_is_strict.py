"""The door of the service beyond the case file: order of the checks, batches, slow and endless senders, text, logs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_service import CLINIC, FLOW_RATE, JSON, Answer, Ask, Service, refill, service

from pumpcalc import CALCULATORS

pytestmark = pytest.mark.xdist_group("hostile")

_FLOW = "/v1/calculations/flow-rate"


def _problem(answer: Answer, status: int, code: str) -> list[dict[str, Any]]:
    assert answer.status == status, answer.body
    document = answer.json()
    assert document["type"] == f"https://pumpcalc.invalid/problems/{code}"
    errors: list[dict[str, Any]] = document["errors"]
    return errors


# The order: size, media type, UTF-8, depth, JSON, fields


def test_the_first_check_that_fails_is_the_one_that_is_named(running: Service) -> None:
    text = {"Content-Type": "text/plain"}
    long, latin, deep, loose = b"\xff" * 70_000, b"\xff", b"[" * 40, b"{'a': 1}"
    for body, headers, status, code in (
        (long, text, 413, "too-large"),
        (latin, text, 415, "media-type"),
        (latin + deep, JSON, 400, "malformed"),
        (deep + loose, JSON, 400, "malformed"),
        (loose, JSON, 400, "malformed"),
        (b"{}", JSON, 422, "missing"),
    ):
        _problem(running.ask(Ask(_FLOW, body, headers=headers)), status, code)


def test_a_body_of_exactly_the_cap_is_read_and_one_byte_more_is_not(running: Service) -> None:
    plain = json.dumps(FLOW_RATE).encode()
    assert running.ask(Ask(_FLOW, plain.ljust(65_536))).status == 200
    _problem(running.ask(Ask(_FLOW, plain.ljust(65_537))), 413, "too-large")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-7"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-7"},
        {"Content-Type": "application/json;charset=UTF-16"},
        {"Content-Type": "application/json+x"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        JSON | {"Content-Encoding": "gzip"},
        JSON | {"Content-Encoding": "identity"},
        {},
    ],
)
def test_only_plain_json_in_utf_8_is_taken(running: Service, headers: dict[str, str]) -> None:
    _problem(running.ask(Ask(_FLOW, json.dumps(FLOW_RATE).encode(), headers=headers)), 415, "media-type")


def test_a_long_body_that_is_nested_too_deep_is_no_json_of_ours_at_any_size(running: Service) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b'["' + b"x" * 60_000 + b'",' + b"[" * 60_000):
        _problem(running.ask(Ask(_FLOW, body)), 400, "malformed")
    for body in (b'["' + b"[" * 100_000, b'["' + b'\\"[' * 40_000, b"[]," * 40_000):
        _problem(running.ask(Ask(_FLOW, body)), 413, "too-large")


def test_an_unknown_field_is_named_without_showing_what_is_long_or_hidden(running: Service) -> None:
    for name in ("x" * 60_000, "a\u202eb", "a\nb", "\u2028", "x/y~z"):
        body = json.dumps(FLOW_RATE | {name: "1"}).encode()
        (error,) = _problem(running.ask(Ask(_FLOW, body)), 422, "unknown-field")
        assert error["pointer"] == ("/x~1y~0z" if name == "x/y~z" else "")
        assert len(error["detail"]) < 400
    for name in ("name\x00", "\u202e", "y" * 60_000):
        body = json.dumps({"components": [{name: "1"}]}).encode()
        errors = _problem(running.ask(Ask("/v1/calculations/refill-schedule", body)), 422, "missing")
        assert "/components/0" in [error["pointer"] for error in errors]


# Addresses, methods, parameters, headers


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes(
    running: Service, method: str
) -> None:
    for target, allowed in (
        (_FLOW, "POST"),
        ("/v1/clinics", "GET, POST"),
        (f"/v1/clinics/{running.clinic}", "GET, PATCH"),
    ):
        answer = running.ask(Ask(target, method=method, headers={}))
        assert answer.status == 405
        assert answer.headers["allow"] == allowed
        assert method == "HEAD" or answer.json()["errors"][0]["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("target", "pointer", "code"),
    [
        ("/v1/clinics?sort=name", "/sort", "unknown-field"),
        ("/v1/clinics?Limit=5", "/Limit", "unknown-field"),
        ("/v1/clinics?limit=5&limit=6", "/limit", "parameter"),
        ("/v1/clinics?limit=0", "/limit", "out-of-range"),
        ("/v1/clinics?limit=501", "/limit", "out-of-range"),
        ("/v1/clinics?limit=1_0", "/limit", "parameter"),
        ("/v1/clinics?limit=%205", "/limit", "parameter"),
        ("/v1/clinics?limit=%D9%A5", "/limit", "parameter"),
        ("/v1/clinics?limit=5.0", "/limit", "parameter"),
        ("/v1/clinics?limit=", "/limit", "parameter"),
        ("/v1/clinics?after=AAAA", "/after", "parameter"),
        ("/v1/clinics?after=clinic-' OR 1".replace(" ", "%20"), "/after", "parameter"),
        ("/v1/calculations?x", "/x", "unknown-field"),
        ("/healthz?x=%E2%80%AE", "/x", "unknown-field"),
    ],
)
def test_a_parameter_that_is_not_understood_is_refused_never_ignored(
    running: Service, target: str, pointer: str, code: str
) -> None:
    (error,) = _problem(running.get(target), 422, code)
    assert error["pointer"] == pointer


def test_thousands_of_parameters_are_refused_quickly(running: Service) -> None:
    began = time.monotonic()
    answer = running.get("/v1/clinics?" + "&".join(f"a{n}" for n in range(7_000)))
    assert len(_problem(answer, 422, "unknown-field")) == 20
    assert time.monotonic() - began < 2


def test_a_head_that_is_too_large_is_refused_however_it_is_large(running: Service) -> None:
    for headers in ({"X-Long": "x" * 17_000}, {f"X-{n}": "x" for n in range(200)}):
        _problem(running.get("/healthz", headers), 431, "headers-too-large")
    whole = running.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 2_000_000)
    assert whole == b"" or whole.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    "request_line",
    [b"nonsense\r\n\r\n", b"GET /healthz HTP/1.1\r\n\r\n", b"GET  /healthz HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"],
)
def test_what_is_no_request_at_all_gets_a_problem_document_too(running: Service, request_line: bytes) -> None:
    head, _, body = running.raw(request_line, b"\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["errors"][0]["code"] == "malformed"


def test_two_lengths_or_a_length_and_chunks_are_no_request(running: Service) -> None:
    for framing in (b"2\r\nContent-Length: 3", b"-1", b"0x2", b"2\r\nTransfer-Encoding: x"):
        assert running.raw(_START + b"Content-Length: " + framing + b"\r\n\r\n{}").startswith(b"HTTP/1.1 400")


def test_no_header_about_the_caller_changes_an_answer(running: Service) -> None:
    body = json.dumps(FLOW_RATE).encode()
    plain = running.ask(Ask(_FLOW, body))
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-Host": "evil.example"}, {"X-Tenant-Id": "b"}):
        assert running.ask(Ask(_FLOW, body, headers=JSON | headers)).body == plain.body
    method = running.ask(Ask(_FLOW, body, headers=JSON | {"X-HTTP-Method-Override": "DELETE"}))
    assert method.body == plain.body


# Senders that are slow or never end


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("impatient"), PUMPCALC_BODY_SECONDS="0.5") as found:
        yield found


_START = b"POST /v1/calculations/flow-rate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_HUNDRED = _START + b"Content-Length: 100\r\n\r\n"


def test_a_body_that_stops_half_way_is_answered_in_time_and_the_connection_ends(impatient: Service) -> None:
    began = time.monotonic()
    answer = impatient.raw(_HUNDRED, b'{"drug": ', seconds=10)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"too-slow"' in answer
    assert time.monotonic() - began < 5
    assert impatient.post(_FLOW, FLOW_RATE).status == 200


def test_many_slow_senders_hold_nobody_up(impatient: Service) -> None:
    slow = [socket.create_connection(("127.0.0.1", impatient.port), timeout=10) for _ in range(60)]
    for connection in slow:
        connection.sendall(_HUNDRED + b"{")
    try:
        assert impatient.post(_FLOW, FLOW_RATE).seconds < 1
        for connection in slow:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")
    finally:
        for connection in slow:
            connection.close()


def test_a_body_without_end_is_cut_off_and_the_memory_stays(impatient: Service) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    start = _START + b"Transfer-Encoding: chunked\r\n\r\n"
    before = impatient.resident()
    answer = impatient.raw(start, *[chunk] * 2_000)  # 125 MiB, if it were let in
    assert answer == b"" or answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 408"))
    assert impatient.resident() - before < 20 * 1024 * 1024
    assert impatient.post(_FLOW, FLOW_RATE).status == 200


def test_a_head_that_drips_is_not_waited_for_for_ever(running: Service) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Drip: ")
        while time.monotonic() - began < 15:
            connection.settimeout(0.5)
            try:
                connection.sendall(b"x")
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 5 < time.monotonic() - began < 14


def test_a_sender_that_asks_first_is_told_before_it_sends(running: Service) -> None:
    answer = running.raw(_START + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


# Text


@pytest.mark.parametrize(
    "name",
    [
        "a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\u200bb", "a\u200eb", "a\u2066b", "a\ufeffb",
        "a\ue000b", "a\U000e0001b", " a", "a ", "\u3000a", "a\tb", "e" + "\u0301" * 6, "x" * 101, "\u0958" * 60, "",
    ],
)  # fmt: skip
def test_a_name_holds_nothing_hidden_nothing_stacked_and_nothing_endless(running: Service, name: str) -> None:
    (error,) = _problem(running.post("/v1/clinics", CLINIC | {"name": name}), 422, "name")
    assert error["pointer"] == "/name"


def test_a_name_is_kept_composed_whichever_way_it_was_written(running: Service) -> None:
    names = {
        running.post("/v1/clinics", CLINIC | {"name": name}).json()["name"] for name in ("Caf\u00e9", "Cafe\u0301")
    }
    assert names == {"Caf\u00e9"}
    for name in (
        "<script>alert(1)</script>",
        "=1+1",
        "%s%n{0}",
        "Robert'); DROP TABLE patient;--",
        "${jndi:x}",
        "\u533b",
    ):
        assert running.post("/v1/clinics", CLINIC | {"name": name}).json()["name"] == name


@pytest.mark.parametrize(
    "address",
    ["a@localhost",
     "a@x..org", "a@.x.org", "a@x.org.", "a@-x.org", "a.@x.org", ".a@x.org", "a..b@x.org", "a@x.o", "@x.org",
     "a b@x.org", "a@x.org,b@x.org", "a@b@x.org", "a@[127.0.0.1]", "a@127.0.0.1", "\u0430@x.org", "a@x.org\n",
     "a@x.org\x00",
     "x" * 65 + "@x.org", "a@" + "x" * 64 + ".org", "a@" + "x." * 200 + "org", "a" * 60_000 + "@x.org", "." * 60_000],
)  # fmt: skip
def test_an_address_is_one_plain_mailbox_at_a_public_domain(running: Service, address: str) -> None:
    answer = running.post("/v1/clinics", CLINIC | {"reminder_email": address})
    (error,) = _problem(answer, 422, "email")
    assert error["pointer"] == "/reminder_email"
    assert answer.seconds < 1


def test_what_may_be_about_a_person_is_not_shown_back(running: Service) -> None:
    at = f"/v1/clinics/{running.clinic}"
    for target, body in (
        (f"{at}/patients", {"reference": "Jane Canary"}),
        (f"{at}/pumps", {"patient_id": running.patient, "model": "synchromed-ii-20", "reference": "Jane Canary"}),
        ("/v1/clinics", CLINIC | {"name": "Jane\nCanary"}),
        ("/v1/clinics", CLINIC | {"reminder_email": "Jane Canary <x>"}),
    ):
        answer = running.post(target, body)
        assert answer.status == 422
        assert b"Canary" not in answer.body


# Batches


def _batch(running: Service, name: str, requests: list[Any]) -> Answer:
    return running.post(f"/v1/calculations/{name}/batch", {"requests": requests})


def _alone(running: Service, name: str, request: Any) -> dict[str, Any]:
    answer = running.post(f"/v1/calculations/{name}", request)
    if answer.status == 200:
        record: dict[str, Any] = answer.json()
        return record
    errors = answer.json()["errors"]
    return {"outcome": "refused", "problem": errors[0]} | ({"problems": errors} if len(errors) > 1 else {})


def test_a_batch_is_its_requests_asked_one_by_one_and_a_bad_one_changes_nothing_for_the_others(
    running: Service,
) -> None:
    good, other = FLOW_RATE, FLOW_RATE | {"daily_dose": "3 mg/day"}
    bad: list[Any] = [
        {},
        {"x" * 200: "y"},
        [],
        None,
        "x",
        7,
        FLOW_RATE | {"drug": "MS"},
        FLOW_RATE | {"daily_dose": 10},
    ]
    asked = [good, *bad, other, good]
    items = _batch(running, "flow-rate", asked).json()["items"]
    assert items == [_alone(running, "flow-rate", request) for request in asked]
    without = _batch(running, "flow-rate", [good, other, good]).json()["items"]
    assert without == [items[0], items[-2], items[-1]]


@pytest.mark.parametrize("name", CALCULATORS)
def test_every_calculator_takes_batches(running: Service, name: str) -> None:
    items = _batch(running, name, [{}, {}]).json()["items"]
    assert items == [_alone(running, name, {})] * 2


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ([], "wrong-type", ""),
        ({}, "missing", "/requests"),
        ({"requests": {}}, "wrong-type", "/requests"),
        ({"requests": []}, "wrong-type", "/requests"),
        ({"requests": "x" * 1_001}, "wrong-type", "/requests"),
        ({"requests": [1] * 1_001}, "wrong-type", "/requests"),
        ({"requests": [FLOW_RATE], "request": 1}, "unknown-field", "/request"),
        ({"requests": [FLOW_RATE], "\u202e": 1}, "unknown-field", ""),
    ],
)
def test_what_is_no_batch_is_refused_whole(running: Service, body: Any, code: str, pointer: str) -> None:
    (error,) = _problem(running.post(f"{_FLOW}/batch", body), 422, code)
    assert error["pointer"] == pointer


def test_a_batch_holds_a_thousand_requests(running: Service) -> None:
    answer = _batch(running, "flow-rate", [FLOW_RATE] * 1_000)
    assert answer.status == 200
    assert len(answer.json()["items"]) == 1_000


def test_a_batch_may_be_a_mebibyte_and_not_a_byte_more(running: Service) -> None:
    body = json.dumps({"requests": [FLOW_RATE] * 300}).encode()
    assert running.ask(Ask(f"{_FLOW}/batch", body.ljust(1024 * 1024))).status == 200
    _problem(running.ask(Ask(f"{_FLOW}/batch", body.ljust(1024 * 1024 + 1))), 413, "too-large")


# Orders and logs


def test_what_a_calculator_marks_as_hard_an_order_refuses(running: Service) -> None:
    for change in ({"fill_volume": "20.01 mL"}, {"daily_dose": "19.200000001 mcg/day"}):
        before = running.digest()
        answer = running.post(running.refills, refill(**change))
        (error,) = _problem(answer, 422, "hard-limit")
        assert error["pointer"] == f"/{next(iter(change))}"
        assert running.digest() == before


def test_the_log_holds_one_object_a_line_and_nothing_that_anybody_sent(running: Service) -> None:
    canaries = [f"canary{n}7F3K" for n in range(40)]
    for number, canary in enumerate(canaries):
        asks = [
            Ask(f"/v1/clinics/{canary}", method="GET", headers={"X-API-Key": canary}),
            Ask(f"/v1/clinics?{canary}={canary}", method="GET", headers={"User-Agent": canary}),
            Ask(_FLOW, json.dumps({canary: canary, "drug": f"{canary}\n{{}}"}).encode()),
            Ask(running.refills, json.dumps(refill(daily_dose=f"1 {canary}")).encode()),
        ]
        running.ask(asks[number % len(asks)])
    running.raw(b"canary7F3K\r\n\r\n")
    log = running.log()
    assert b"canary" not in log
    assert b"Traceback" not in log
    lines = [json.loads(line) for line in log.splitlines()]
    assert len(lines) > 40
    assert {frozenset(line) for line in lines} == {frozenset({"time", "level", "logger", "event"})}


def test_every_answer_says_that_it_is_nothing_else(running: Service) -> None:
    for target in ("/healthz", "/nowhere", "/docs", "/openapi.json", f"/v1/clinics/{running.clinic}"):
        assert running.get(target).headers["x-content-type-options"] == "nosniff"


def test_the_store_of_this_folder_is_the_only_place_with_a_name_in_it(running: Service) -> None:
    files = {path.name for path in Path(running.folder).iterdir()}
    assert files <= {"pumpcalc.db", "pumpcalc.db-wal", "pumpcalc.db-shm", "log.txt"}


def test_the_document_has_every_refusal_that_a_route_can_give(running: Service) -> None:
    for operations in running.get("/openapi.json").json()["paths"].values():
        for operation in operations.values():
            wanted = {"422", "431"} | ({"400", "408", "413", "415"} if "requestBody" in operation else set())
            assert wanted <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                assert status.startswith("2") or set(answer["content"]) == {"application/problem+json"}
