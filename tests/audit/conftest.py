"""The shipped tables, read once for all tests of the audit."""

from pathlib import Path

import pandas as pd
import pytest

from meta.audit.tables import read_tables
from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("warehouse") / "evidence.duckdb"
    build_warehouse(check(ROOT), path)
    return path


@pytest.fixture(scope="session")
def shipped(database) -> dict[str, pd.DataFrame]:
    return read_tables(database)
