"""One running service for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile_service import Service, service


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("hostile")) as found:
        yield found
