"""The shipped table of claims, and copies of it with other values."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

CLAIMS = Path(__file__).parents[2] / "data" / "raw" / "claims.csv"


@pytest.fixture(scope="session")
def claims() -> pd.DataFrame:
    return pd.read_csv(CLAIMS)


@pytest.fixture(scope="session")
def altered(claims: pd.DataFrame) -> Callable[[Mapping[str, float]], pd.DataFrame]:
    """The claims with other values for some ids, each of which must be there."""

    def make(values: Mapping[str, float]) -> pd.DataFrame:
        ids = claims["claim_id"]
        assert set(values) <= set(ids)
        replaced = ids.map(values)
        return claims.assign(value=replaced.where(ids.isin(list(values)), claims["value"]))

    return make
