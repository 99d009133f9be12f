"""Imputed code sets: each from a parameter draw of its own, stored without loss."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from meta.evidence.imputations import imputation_schema, imputation_table, stored_imputations
from meta.evidence.responses import field_responses
from meta.imputation import FieldFit, _imputations, _probability_tables
from meta.models.latent_codes import patterns_of
from tests.evidence.coding_base import base

ROWS = [(f"U{i}", c, ("none", "minor", "severe")[i % 3]) for i in range(9) for c in "ab"]


def fit_with(draws: np.ndarray) -> FieldFit:
    """A posterior whose draw d gives every pattern the probabilities `draws[d]`."""
    responses = field_responses(base(ROWS), "harm")
    assert responses is not None
    patterns = patterns_of(responses)
    probabilities = np.repeat(draws[:, None], len(patterns.items), axis=1)
    none = np.empty(0)
    return FieldFit(responses, patterns, none, none, probabilities, [], 0.0)


def test_each_set_is_drawn_from_a_parameter_draw_of_its_own() -> None:
    """Draws are sure of one class, then of the next: a set shows the draw it came from."""
    sets = _imputations(fit_with(np.eye(3)[np.arange(100) // 34]), 12, seed=1)
    expected = np.linspace(0, 99, 12).round().astype(int) // 34
    assert len(set(expected)) == 3
    assert (sets == expected).all()


def test_one_draw_of_parameters_does_not_fix_the_codes() -> None:
    sets = _imputations(fit_with(np.full((10, 3), 1 / 3)), 200, seed=1)
    share = np.bincount(sets.ravel(), minlength=3) / sets.size
    np.testing.assert_allclose(share, 1 / 3, atol=4 * np.sqrt(2 / 9 / sets.size))


def test_stored_sets_are_read_back_field_by_field(tmp_path) -> None:
    path = tmp_path / "imputations.parquet"
    fields = {"harm": ["none", "severe"], "goal_failure": ["yes", "no", "partial"], "x": ["yes"]}
    rng = np.random.default_rng(2)
    units = pa.array([f"U{i}" for i in range(50)])
    codes = {f: rng.integers(len(c), size=(50, 3)).astype(np.int8) for f, c in fields.items()}
    with pq.ParquetWriter(path, imputation_schema(3)) as writer:
        for field, classes in fields.items():
            writer.write_table(imputation_table(field, classes, units, codes[field]))
    sets = list(stored_imputations(path, ["goal_failure", "harm"]))
    assert len(sets) == 3
    for number, table in enumerate(sets):
        assert set(table["field"]) == {"goal_failure", "harm"}
        for field in ("goal_failure", "harm"):
            rows = table[table["field"] == field]
            assert rows["unit_id"].tolist() == units.to_pylist()
            expected = np.array(fields[field])[codes[field][:, number]]
            assert rows["code"].tolist() == expected.tolist()


def test_probabilities_are_those_of_each_units_pattern(monkeypatch) -> None:
    monkeypatch.setattr("meta.imputation.UNITS_AT_ONCE", 4)
    fit = fit_with(np.array([[0.7, 0.2, 0.1], [0.5, 0.2, 0.3]]))
    other = np.arange(9.0).reshape(3, 3)
    table = pa.concat_tables(_probability_tables(fit, other)).to_pandas()
    wide = table.pivot(index="unit_id", columns="code", values="probability")  # noqa: PD010
    assert list(wide.index) == [f"U{i}" for i in range(9)]
    expected = pd.Series({"none": 0.6, "minor": 0.2, "severe": 0.2})
    assert np.allclose(wide[expected.index], expected)
    by_unit = table.set_index("unit_id").loc["U4", "probability_alternative"].tolist()
    assert by_unit == other[fit.patterns.member[fit.responses.units["item"][4]]].tolist()
