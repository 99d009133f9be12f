"""Stored chains with harm: what the report reads of each, and its rows for the files beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from meta.report.estimates import Estimate, index_estimates

#: Columns that the table of a chain has beside those of pooled results.
OWN = ("harm_model", "k_cases", "judged_share")


@dataclass(frozen=True)
class ChainResults:
    """One chain: rates of a model joined to the harm of another.

    Attributes
    ----------
    rates, harm
        Names of the two models.
    record
        Content of `chain.json`: the priors of what no data tell.
    pooled
        Content of `pooled.csv`: harm as it enters the product, and the product.
    correlation
        Content of `correlation.csv`: the product under each correlation.
    diagnostics
        Content of `diagnostics.csv`, every cell as text.
    estimates
        The numbers by `outcome/group/estimand`; they say where they have no data.
    """

    rates: str
    harm: str
    record: dict[str, Any]
    pooled: pd.DataFrame
    correlation: pd.DataFrame
    diagnostics: pd.DataFrame
    estimates: dict[str, Estimate]

    def estimate(self, outcome: str, group: str, estimand: str) -> Estimate | None:
        """Return one number, or None where the chain does not have it."""
        return self.estimates.get(f"{outcome}/{group}/{estimand}")

    def row(self, outcome: str, group: str, estimand: str) -> dict[str, Any]:
        """Return the row of one number; empty where the chain does not have it."""
        chosen = self.pooled[
            self.pooled["outcome"].eq(outcome)
            & self.pooled["group"].eq(group)
            & self.pooled["estimand"].eq(estimand)
        ]
        return {str(k): v for k, v in chosen.iloc[0].items()} if len(chosen) else {}


def load_chain(folder: Path) -> ChainResults:
    """Read the results of one chain, as `meta chain` writes them."""
    record = json.loads((folder / "chain.json").read_text(encoding="utf-8"))
    pooled = pd.read_csv(folder / "pooled.csv")
    return ChainResults(
        rates=str(record["rates"]),
        harm=str(record["harm"]),
        record=record,
        pooled=pooled,
        correlation=pd.read_csv(folder / "correlation.csv", dtype={"correlation": str}),
        diagnostics=pd.read_csv(folder / "diagnostics.csv", dtype=str, keep_default_na=False),
        estimates={
            f"{e.outcome}/{e.group}/{e.estimand}": e for e in index_estimates([pooled]).values()
        },
    )


def pooled_rows(chains: Sequence[ChainResults]) -> list[pd.DataFrame]:
    """Rows of all chains in the columns of pooled results."""
    return [chain.pooled.drop(columns=list(OWN)) for chain in chains]


def chain_rows(chains: Sequence[ChainResults]) -> pd.DataFrame:
    """Rows of all chains with what only chains have."""
    return pd.concat([chain.pooled for chain in chains], ignore_index=True)


def chain_correlations(chains: Sequence[ChainResults]) -> pd.DataFrame:
    """The product of all chains under each correlation."""
    return pd.concat([chain.correlation for chain in chains], ignore_index=True)
