"""Basis of the evidence mode: kept whole, thinned evenly, refused where broken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.config import ModelSpec
from meta.models.design import Design, build_design
from meta.risk.basis import ARRAYS, DRAWS, PRIOR, RECORD, Basis, read_basis, thinned, write_basis
from meta.risk.evidence import evidence_risk
from meta.risk.fitted_basis import intervention_effects, settings_behind
from meta.risk.settings import Profile
from meta.stored import NoResultsError
from tests.risk.small_basis import documents, small_basis


def flat(basis: Basis) -> dict[str, np.ndarray]:
    """Every array of a basis by name."""
    found = {f"intervention {n}": v for n, v in basis.interventions.items()}
    parts = (("", basis.chain, basis.rate_x, basis.harm_x), ("prior ", *basis.prior))
    for start, chain, rate_x, harm_x in parts:
        found |= {f"{start}rate_x": rate_x, f"{start}harm_x": harm_x}
        found[f"{start}correlation"] = chain.correlation
        for part in ("rates", "harm"):
            found |= {f"{start}{part} {n}": getattr(getattr(chain, part), n) for n in ARRAYS}
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    basis = small_basis(count=30)
    write_basis(basis, tmp_path / "risk")
    read = read_basis(tmp_path / "risk")
    want, got = flat(basis), flat(read)
    assert want.keys() == got.keys()
    for name, values in want.items():
        assert got[name].shape == values.shape, name
        assert got[name].tolist() == values.tolist(), name
    for field in fields(Basis):
        if field.name in ("rates", "harm", "intervention_studies", "models"):
            assert getattr(read, field.name) == getattr(basis, field.name)
    assert sorted(p.name for p in (tmp_path / "risk").iterdir()) == sorted([DRAWS, PRIOR, RECORD])


def test_judgements_and_the_correlation_within_arms_are_kept_draw_by_draw(tmp_path: Path) -> None:
    from dataclasses import replace

    basis, rng = small_basis(count=40), np.random.default_rng(1)
    rates = replace(basis.chain.rates, icc=rng.beta(1, 3, (40, 2)))
    notoriety = rng.normal(1, 0.75, 40)
    # A number stands for every draw.
    chain = replace(basis.chain, rates=rates, notoriety=notoriety, transport=0.5)
    write_basis(replace(basis, chain=chain), tmp_path)
    read = read_basis(tmp_path)
    assert read.chain.rates.icc.tolist() == rates.icc.tolist()
    assert read.chain.harm.icc is None
    assert read.prior[0].rates.icc is None
    assert read.chain.notoriety.tolist() == notoriety.tolist()
    assert read.chain.transport.tolist() == [0.5] * 40
    few = thinned(read, 4).chain
    assert few.notoriety.tolist() == notoriety[[0, 13, 26, 39]].tolist()
    assert few.rates.icc.tolist() == rates.icc[[0, 13, 26, 39]].tolist()


def test_a_basis_without_interventions_or_slopes_is_read(tmp_path: Path) -> None:
    from dataclasses import replace

    bare = replace(small_basis(count=5), interventions={}, intervention_studies={})
    write_basis(bare, tmp_path)
    assert read_basis(tmp_path).interventions == {}


@pytest.mark.parametrize("name", [DRAWS, PRIOR, RECORD])
@pytest.mark.parametrize("harm", ["absent", "cut short", "empty"])
def test_a_broken_basis_says_what_to_do(tmp_path: Path, name: str, harm: str) -> None:
    write_basis(small_basis(count=5), tmp_path)
    file = tmp_path / name
    if harm == "absent":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:60] if harm == "cut short" else b"")
    with pytest.raises(NoResultsError, match="run `snakemake --cores 8`") as error:
        read_basis(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "lost", ["rates", "models", "intervention_studies", DRAWS, PRIOR, "a column"]
)
def test_a_record_that_lacks_something_is_refused(tmp_path: Path, lost: str) -> None:
    write_basis(small_basis(count=5), tmp_path)
    if lost == "a column":
        table = pd.read_parquet(tmp_path / DRAWS)
        table.drop(columns="correlation[0]").to_parquet(tmp_path / DRAWS)
    else:
        record = json.loads((tmp_path / RECORD).read_text())
        del record[lost]
        (tmp_path / RECORD).write_text(json.dumps(record))
    with pytest.raises(NoResultsError, match="not a whole result of a run"):
        read_basis(tmp_path)


def test_thinning_keeps_joint_draws_evenly_and_all_of_few() -> None:
    basis = small_basis(count=900)
    kept = thinned(basis, 100)
    rows = np.linspace(0, 899, 100).round().astype(int)
    whole, few = flat(basis), flat(kept)
    for name, values in few.items():
        assert values.tolist() == whole[name][rows].tolist(), name
    assert np.diff(rows).max() - np.diff(rows).min() <= 1
    for name, values in flat(thinned(basis)).items():
        assert values.tolist() == whole[name].tolist()
    risk = evidence_risk(Profile(("none", "none")), kept, documents(), 1)
    assert {len(draws) for draws in risk.draws.values()} == {100}


def contrasts(count: int, **studies: list[float]) -> pd.DataFrame:
    """Draws of a model of contrasts: log odds ratio of each study, and spread 0.5."""
    rng = np.random.default_rng(0)
    table = {"goal_failure/all/tau_delta": np.full(count, 0.5)}
    for name, effects in studies.items():
        start = f"goal_failure/intervention={name}"
        for i, effect in enumerate(effects):
            table[f"{start}|study=s{i}/study_log_odds_ratio"] = rng.normal(effect, 0.1, count)
        if len(effects) >= 3:
            table[f"{start}/log_odds_ratio_new"] = rng.normal(-9, 0.2, count)
    return pd.DataFrame(table)


@pytest.mark.parametrize("k", [1, 2])
def test_effects_of_few_studies_are_their_mean_and_a_wider_spread(k: int) -> None:
    table = contrasts(20_000, warned=[-1.0, -2.0][:k])
    effects, studies = intervention_effects(table, 20_000, np.random.default_rng(1))
    assert studies == {"warned": k}
    found = effects["warned"]
    assert found.mean() == pytest.approx([-1.0, -1.5][k - 1], abs=0.02)
    # 0.1 within each study, and of a new study 0.5 sqrt(1 + 1/k) about their mean.
    want = np.sqrt(0.01 / k + 0.25 * (1 + 1 / k))
    assert found.std() == pytest.approx(want, rel=0.03)


def test_effects_of_enough_studies_are_the_models_own_prediction() -> None:
    table = contrasts(500, warned=[-1.0] * 3, other=[0.5])
    effects, studies = intervention_effects(table, 500, np.random.default_rng(1))
    assert studies == {"other": 1, "warned": 3}
    name = "goal_failure/intervention=warned/log_odds_ratio_new"
    assert sorted(effects["warned"]) == sorted(table[name])
    # In another order than the chain's: nothing of two fits goes together.
    assert effects["warned"].tolist() != table[name].tolist()
    assert intervention_effects(None, 500, np.random.default_rng(1)) == ({}, {})


def test_other_numbers_of_draws_are_taken_evenly() -> None:
    table = contrasts(1000, warned=[0.0] * 3)
    table["goal_failure/intervention=warned/log_odds_ratio_new"] = np.arange(1000.0)
    effects, _ = intervention_effects(table, 250, np.random.default_rng(1))
    assert sorted(effects["warned"]) == np.linspace(0, 999, 250).round().tolist()


def two_shift_types(
    kinds: Sequence[str] = ("goal_misgeneralization",) * 6, moderators: Sequence[str] = ()
) -> Design:
    """Two studies that count both stages at one level, three that count goal failure at another."""
    both, alone = ["a", "a", "b"], ["c", "d", "e"]
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(6)], "study": [*both, *alone],
            "agent_set": [f"r{i}" for i in range(6)], "failure_type": list(kinds),
            "sampling_frame": "denominator", "shift_type": ["extreme"] * 3 + ["moderate"] * 3,
            "conditioning": ["given_capability"] * 3 + ["all_trials"] * 3,
            "events_capability_transfer": pd.array([8, 9, 7, None, None, None], dtype="Int64"),
            "trials_capability_transfer": pd.array([9, 9, 9, None, None, None], dtype="Int64"),
            "events_goal_failure": pd.array([1, 2, 3, 4, 5, 6], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 7, 9, 9, 9], dtype="Int64"),
        }
    )  # fmt: skip
    spec = ModelSpec(
        stages=["capability_transfer", "goal_failure"], levels=["study", "agent_set"],
        moderators=["shift_type", *moderators],
    )  # fmt: skip
    return build_design(rows, spec)


def test_studies_of_capability_and_of_goal_failure_are_counted_apart() -> None:
    design = two_shift_types()
    (setting,) = settings_behind([design, design], design, stage=1, capability=0)
    at = {level: i for i, level in enumerate(setting.levels)}
    counts = [setting.k_studies, setting.k_rows, setting.k_capability]
    assert [c[at["extreme"]] for c in counts] == [2, 3, 2]
    assert [c[at["moderate"]] for c in counts] == [3, 3, 0]
    (bare,) = settings_behind([design], design, stage=1)
    assert bare.k_capability == ()


def test_studies_of_the_rarer_kind_of_failure_are_counted_at_each_level() -> None:
    """Averaged over code sets; not counted where there is one kind, or the model has the kind."""
    gaming, learned = "specification_gaming", "goal_misgeneralization"
    designs = [
        two_shift_types([gaming, gaming, learned, gaming, gaming, learned]),
        two_shift_types([gaming, gaming, gaming, learned, learned, learned]),
    ]
    (setting,) = settings_behind(designs, designs[0], stage=1, capability=0)
    found = dict(zip(setting.levels, setting.k_other_kind, strict=True))
    # Of a and b one is of the other kind in one set and none in the second; of c, d and e the same.
    assert (found["extreme"], found["moderate"], found["none"]) == (0.5, 0.5, 0)
    one = two_shift_types()
    assert settings_behind([one], one, stage=1, capability=0)[0].k_other_kind == ()
    adjusted = two_shift_types([gaming, gaming, learned, gaming, gaming, learned], ["failure_type"])
    for each in settings_behind([adjusted], adjusted, stage=1, capability=0):
        assert each.k_other_kind == ()
