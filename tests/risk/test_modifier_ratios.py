"""Ratios of the modifiers' configurations: draw by draw, either way round, or none and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.risk.modifier_ratios import (
    COLUMNS,
    RateModel,
    modifier_ratio_table,
    modifier_ratios,
    read_rate_model,
)
from tests.risk.small_basis import CLAIMS, documents
from tests.risk.small_models import LEVELS, RATES, RNG, model

DOCUMENTS = documents()


def found(of: RateModel) -> pd.DataFrame:
    table = modifier_ratios(DOCUMENTS, [of])
    assert list(table.columns) == COLUMNS
    return table[table["outcome"] == "capable_goal_failure"].set_index("modifier")


@pytest.mark.parametrize("reference", ["narrow", "mixed", "diverse"])
def test_the_ratio_is_that_of_the_two_levels_whatever_the_reference(reference: str) -> None:
    table = found(model("training_diversity", reference={"training_diversity": reference}))
    row = table.loc["diversity"]
    want = RATES["training_diversity=narrow"] / RATES["training_diversity=diverse"]
    assert row[["ci_low", "median", "ci_high"]].tolist() == pytest.approx(
        np.quantile(want, [0.025, 0.5, 0.975])
    )
    if reference == "mixed":
        assert np.isnan(row["contraction"])
    else:
        assert row["contraction"] == 0.7


def test_published_ratios_are_upper_over_lower_ends() -> None:
    table = found(model(*LEVELS, studies={"diverse": 3}))
    ratios = table["published_ratio"].to_dict()
    assert ratios == pytest.approx(
        {"specification": 4.0, "capability": 6.0, "diversity": 2.0, "alignment": 3.75}
    )
    assert table.loc["capability", ["low_risk", "high_risk"]].tolist() == [
        "below_human", "above_human",
    ]  # fmt: skip
    assert table.loc["diversity", ["k_studies_low", "k_studies_high"]].tolist() == [3, 5]
    assert table.loc["diversity", "adjusted_for"].split() == [
        "specification_quality", "capability_level", "alignment_method",
    ]  # fmt: skip


def test_a_level_without_evidence_says_so_and_has_no_number() -> None:
    table = found(model(*LEVELS, studies={"above_human": 0}))
    row = table.loc["alignment"]
    assert np.isnan(row["median"]) and row["k_studies_low"] == 0
    assert row["note"] == (
        "no study of the model has interpretability_verified: the ratio has no evidence"
    )
    assert "has above_human" in table.loc["capability", "note"]
    assert np.isnan(table.loc["capability", "ci_low"])
    assert pd.isna(table.loc["capability", "published_inside"])


@pytest.mark.parametrize(("factor", "inside"), [(1.0, True), (50.0, False), (0.02, False)])
def test_whether_the_printed_ratio_lies_inside(factor: float, inside: bool) -> None:
    base = model("training_diversity", reference={"training_diversity": "diverse"})
    narrow = "capable_goal_failure/training_diversity=narrow vs diverse/risk_ratio"
    draws = base.draws.assign(**{narrow: factor * 2.0 * RNG.lognormal(0, 0.1, 4000)})
    row = found(RateModel(base.name, base.moderators, base.pooled, draws)).loc["diversity"]
    assert row["published_inside"] is inside or row["published_inside"] == inside


def test_models_with_more_moderators_come_first_and_others_are_left_out() -> None:
    one, other = model("training_diversity"), model("capability_level", "training_diversity")
    alone = RateModel("by_training_diversity", one.moderators, one.pooled, one.draws)
    table = modifier_ratios(DOCUMENTS, [alone, other])
    diversity = table[table["modifier"] == "diversity"]
    assert diversity["model"].drop_duplicates().tolist() == ["by_profile", "by_training_diversity"]
    assert set(table["modifier"]) == {"capability", "diversity"}
    assert modifier_ratios(DOCUMENTS, []).empty


def write(folder: Path, of: RateModel) -> Path:
    folder.mkdir()
    record = {"model": of.name, "spec": {"moderators": list(of.moderators)}}
    (folder / "fit.json").write_text(json.dumps(record))
    of.pooled.to_csv(folder / "pooled.csv", index=False)
    more = of.draws.assign(chain=0, draw=range(4000), **{"harm/all/rate_mean": 0.5})
    more.to_parquet(folder / "draws.parquet")
    return folder


def test_stored_fits_give_the_same_table(tmp_path: Path) -> None:
    of = model(*LEVELS)
    folder = write(tmp_path / "by_profile", of)
    assert all(name.endswith("/risk_ratio") for name in read_rate_model(folder).draws.columns)
    claims = pd.read_csv(CLAIMS)
    table, why = modifier_ratio_table(claims, [folder])
    pd.testing.assert_frame_equal(table, modifier_ratios(DOCUMENTS, [of]))
    assert why == ""
    empty, why = modifier_ratio_table(claims.iloc[:3], [folder])
    assert empty.empty and list(empty.columns) == COLUMNS and why


def test_columns_do_not_depend_on_what_is_known() -> None:
    fields: Sequence[str] = ("alignment_method",)
    assert list(modifier_ratios(DOCUMENTS, [model(*fields)]).columns) == COLUMNS
