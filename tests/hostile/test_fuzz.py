"""The whole OpenAPI document, asked by schemathesis: every promise of the document holds for generated requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import fuzz

pytestmark = pytest.mark.xdist_group("fuzz")

_LONG_RUN_ONLY = "/(?!flow-rate)[^/]+/what-if$"
"""Every what-if has the one reader: here that of flow-rate is asked, in the long run of fuzz.py all."""


@pytest.mark.timeout(400)
def test_no_generated_request_finds_a_fault_or_an_answer_that_the_document_does_not_have(tmp_path: Path) -> None:
    found = fuzz(tmp_path, 3, "examples,coverage,fuzzing", without=_LONG_RUN_ONLY)
    assert found.failures == [], (tmp_path / "fuzz.txt").read_text(encoding="utf-8")[-8_000:]
    assert found.errors == []
    assert found.complete
    assert found.cases > 1_000
