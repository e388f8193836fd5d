"""Readiness, inner faults, the OpenAPI document and the page that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from api_fiction import CLINIC, FLOW_RATE, is_problem, until

from api.settings import Settings
from api.store import migrate
from pumpcalc import CALCULATORS


def test_ready_when_store_library_and_sweep_are(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert until(lambda: client.get("/readyz").status_code == 200)


def test_a_store_that_was_not_migrated_is_not_ready_and_calculators_still_answer(
    tmp_path: Path, serve: Callable[[Settings], AbstractContextManager[httpx.Client]]
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/empty.db", mail_folder=str(tmp_path / "mail"))
    with serve(settings) as client:
        document = is_problem(client.get("/readyz"), 503, "not-ready")
        assert document["detail"] == "Failing checks: store, sweep."
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/calculations/flow-rate", json=FLOW_RATE).status_code == 200
        # An inner fault says nothing about its inside.
        answer = client.get("/v1/clinics")
        is_problem(answer, 503, "store-unavailable")
        assert "table" not in answer.text
        assert "sqlite" not in answer.text.lower()


def test_an_unforeseen_fault_says_nothing_of_its_inside(
    tmp_path: Path,
    serve: Callable[[Settings], AbstractContextManager[httpx.Client]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/store.db", mail_folder=str(tmp_path / "mail"))
    migrate(settings.database_url)

    def breaks(*_: object) -> None:
        raise RuntimeError("canary-7F3K")

    monkeypatch.setattr("api.routes.clinics.house.add_clinic", breaks)
    with serve(settings) as client:
        answer = client.post("/v1/clinics", json=CLINIC)
    is_problem(answer, 500, "internal")
    assert "canary" not in answer.text
    assert "RuntimeError" not in answer.text


def test_openapi_has_a_schema_for_every_calculator_and_a_problem_for_every_error(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name, found in CALCULATORS.items():
        operation = document["paths"][f"/v1/calculations/{name}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{found.request.__name__}"}
        assert schemas[found.request.__name__]["additionalProperties"] is False
        assert set(schemas[found.request.__name__]["properties"]) == set(found.request.model_fields)
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Calculation")
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    assert answer["content"] == {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
                    }
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(schemas)
    ids = [operation["operationId"] for ops in document["paths"].values() for operation in ops.values()]
    assert len(ids) == len(set(ids))


def test_the_docs_page_refers_to_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs")
    start = client.get("/docs/start.js")
    for text in (page.text, start.text):
        assert "//" not in re.sub(r"<!DOCTYPE html>", "", text)
    assert "validatorUrl: null" in start.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(f"/{address}").status_code == 200, address
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert b"SwaggerUIBundle" in client.get("/docs/assets/swagger-ui-bundle.js").content
    assert not re.search(
        rb"(?:url\(|@import)\s*[\"']?(?:https?:)?//", client.get("/docs/assets/swagger-ui.css").content
    )
