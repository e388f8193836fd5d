"""What if, over HTTP: the answer of the command, both sides whole, and nothing kept."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_fiction import FLOW_RATE, is_problem
from asking import fill
from test_service_over_http import ASKED

from api.problems import MOST_ERRORS
from pumpcalc import CALCULATORS, Calculation, calculate, verify
from pumpcalc.library import load
from pumpcalc.what_if import course, what_if


def _ask(client: httpx.Client, name: str, request: Any, change: Any) -> httpx.Response:
    return client.post(f"/v1/calculations/{name}/what-if", json={"request": request, "change": change})


def _answered(client: httpx.Client, name: str, request: Any, change: Any) -> dict[str, Any]:
    answer = _ask(client, name, request, change)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("name", CALCULATORS)
def test_every_calculator_is_asked_twice_and_the_same_change_changes_nothing(client: httpx.Client, name: str) -> None:
    request = ASKED[name]
    field = next(iter(request))
    found = _answered(client, name, request, {field: request[field]})
    assert found["before"] == found["after"] == calculate(name, request).model_dump(mode="json")
    assert found["is_changed"] is False
    assert found["differences"] == found["newly_hit"] == found["not_hit_now"] == []
    verify(found["after"])


def test_both_sides_the_differences_both_dates_and_both_curves_are_those_of_the_command(client: httpx.Client) -> None:
    change = {"daily_dose": "12 mg/day", "closed_weekdays": ["saturday"]}
    found = _answered(client, "refill-schedule", fill(), change)
    run = what_if("refill-schedule", fill(), change, load())
    assert isinstance(run.before, Calculation)
    assert isinstance(run.after, Calculation)
    assert found["before"] == run.before.model_dump(mode="json")
    assert found["after"] == run.after.model_dump(mode="json")
    assert {row["answer"]: (row["before"], row["after"]) for row in found["differences"]} == run.answers
    assert found["refill_by"] == {"before": "2026-02-10", "after": "2026-02-04"}
    assert [tuple(row.values()) for row in found["left_in_reservoir"]] == [
        (point.day, point.before, point.after) for point in course(run)
    ]
    assert found["left_in_reservoir"][0] == {"day": 0, "before": "20 mL", "after": "20 mL"}
    assert found["is_changed"] is True


def test_a_limit_that_the_change_hits_is_said_and_so_is_one_that_it_does_not_hit_any_more(
    client: httpx.Client,
) -> None:
    asked = FLOW_RATE | {"pump": "synchromed-ii-20"}
    slow = {"daily_dose": "0.9 mg/day"}
    found = _answered(client, "flow-rate", asked, slow)
    assert [limit["name"] for limit in found["newly_hit"]] == ["minimum_flow_rate"]
    back = _answered(client, "flow-rate", asked | slow, {"daily_dose": asked["daily_dose"]})
    assert back["newly_hit"] == []
    assert back["not_hit_now"] == found["newly_hit"]
    assert found["refill_by"] is None
    assert found["left_in_reservoir"] == []


def test_a_null_leaves_a_field_out(client: httpx.Client) -> None:
    found = _answered(client, "flow-rate", FLOW_RATE | {"pump": "synchromed-ii-20"}, {"pump": None})
    assert found["after"] == calculate("flow-rate", FLOW_RATE).model_dump(mode="json")


def test_a_change_that_cannot_be_stands_refused_beside_the_answer_and_names_the_change(client: httpx.Client) -> None:
    found = _answered(client, "refill-schedule", fill(), {"low_reservoir_alarm_volume": "20 mL"})
    assert found["before"] == calculate("refill-schedule", fill()).model_dump(mode="json")
    assert found["after"]["outcome"] == "refused"
    assert found["after"]["problem"]["pointer"] == "/change/low_reservoir_alarm_volume"
    assert found["refill_by"] == {"before": "2026-02-10", "after": None}
    assert {row["after"] for row in found["left_in_reservoir"]} == {None}
    assert found["is_changed"] is True
    mended = _answered(client, "refill-schedule", fill(low_reservoir_alarm_volume="20 mL"), {"fill_volume": "30 mL"})
    assert mended["before"]["problem"]["pointer"] == "/request/low_reservoir_alarm_volume"
    assert mended["after"]["outcome"] == "answer"


def test_where_neither_is_answered_the_request_is_refused_as_it_is_alone(client: httpx.Client) -> None:
    unknown = is_problem(_ask(client, "flow-rate", FLOW_RATE | {"drug": "morfine"}, {"daily_dose": "5 mg/day"}),
                         404, "unknown-drug")  # fmt: skip
    (error,) = unknown["errors"]
    assert (error["pointer"], error["did_you_mean"]) == ("/request/drug", "morphine")
    both = _ask(client, "flow-rate", FLOW_RATE | {"drug": "morfine"}, {"drug": "baclofene"})
    errors = is_problem(both, 404, "unknown-drug")["errors"]
    assert [each["pointer"] for each in errors] == ["/request/drug", "/change/drug"]


@pytest.mark.parametrize(
    ("request_", "change", "code", "pointers"),
    [
        ({"drug": 7}, {"pump": None}, "identifier-format",
         ["/request/drug", "/request/daily_dose", "/request/concentration"]),
        (FLOW_RATE, {"daily_dose": "1,5 mg/day"}, "number-comma", ["/change/daily_dose"]),
        (FLOW_RATE, {"daily_dose": 6}, "quantity-as-text", ["/change/daily_dose"]),
        (FLOW_RATE, {"daily_dose": None}, "missing", ["/change/daily_dose"]),
        (FLOW_RATE, {"dayly_dose": "6 mg/day"}, "unknown-field", ["/change/dayly_dose"]),
        (FLOW_RATE, {"dayly_dose": None}, "unknown-field", ["/change/dayly_dose"]),
        (FLOW_RATE, {"a/b~c": None}, "unknown-field", ["/change/a~1b~0c"]),
        (FLOW_RATE, {"x" * 200: "1"}, "unknown-field", ["/change"]),
        (FLOW_RATE | {"x": "1"}, {"drug": "x y"}, "unknown-field", ["/request/x", "/change/drug"]),
        (FLOW_RATE | {"drug": "x y"}, {"drug": "morphine"}, "identifier-format", ["/request/drug"]),
        (FLOW_RATE, {"request": FLOW_RATE}, "unknown-field", ["/change/request"]),
        (FLOW_RATE, {}, "no-change", ["/change"]),
        (FLOW_RATE, [], "wrong-type", ["/change"]),
        (FLOW_RATE, None, "wrong-type", ["/change"]),
        ("x", "y", "wrong-type", ["/request", "/change"]),
        ([FLOW_RATE], {"drug": "morphine"}, "wrong-type", ["/request"]),
    ],
)  # fmt: skip
def test_a_field_that_is_not_well_formed_is_refused_at_its_place_in_the_body(
    client: httpx.Client, request_: Any, change: Any, code: str, pointers: list[str]
) -> None:
    document = is_problem(_ask(client, "flow-rate", request_, change), 422, code)
    assert sorted(error["pointer"] for error in document["errors"]) == sorted(pointers)


@pytest.mark.parametrize(
    ("body", "code", "pointers"),
    [
        ([], "wrong-type", [""]),
        ({}, "missing", ["/request", "/change"]),
        ({"request": FLOW_RATE}, "missing", ["/change"]),
        ({"change": {"drug": "morphine"}}, "missing", ["/request"]),
        ({"request": FLOW_RATE, "change": {"drug": "morphine"}, "library": "x"}, "unknown-field", ["/library"]),
        ({"request": FLOW_RATE, "changes": {"drug": "morphine"}}, "unknown-field", ["/changes", "/change"]),
    ],
)
def test_what_is_no_what_if_is_refused_whole(client: httpx.Client, body: Any, code: str, pointers: list[str]) -> None:
    document = is_problem(client.post("/v1/calculations/flow-rate/what-if", json=body), 422, code)
    assert [error["pointer"] for error in document["errors"]] == pointers


def test_a_place_inside_a_changed_list_is_named_too(client: httpx.Client) -> None:
    change = {"components": [{"drug": "morphine", "concentration": "20 mg/day"}]}
    document = is_problem(_ask(client, "refill-schedule", fill(), change), 422, "wrong-kind")
    assert [error["pointer"] for error in document["errors"]] == ["/change/components/0/concentration"]


def test_at_most_twenty_problems_are_listed(client: httpx.Client) -> None:
    change = {f"field{number}": "1" for number in range(60)}
    document = is_problem(_ask(client, "flow-rate", FLOW_RATE, change), 422, "unknown-field")
    assert len(document["errors"]) == MOST_ERRORS


def test_the_document_says_what_may_change_and_what_is_answered(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for name, found in CALCULATORS.items():
        operation = document["paths"][f"/v1/calculations/{name}/what-if"]["post"]
        assert set(operation["responses"]) == {"200", "400", "404", "408", "413", "415", "422", "431", "503"}
        body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][body]
        assert schema["required"] == ["request", "change"]
        assert schema["properties"]["request"]["$ref"].endswith(f"/{found.request.__name__}")
        change = document["components"]["schemas"][schema["properties"]["change"]["$ref"].rpartition("/")[2]]
        assert set(change["properties"]) == set(found.request.model_fields)
        assert (change.get("required"), change["additionalProperties"], change["minProperties"]) == (None, False, 1)
        assert all({"type": "null"} in field["anyOf"] for field in change["properties"].values())
