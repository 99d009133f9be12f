"""The step of sensitivity: both tables of every profile, and claims that name none."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from meta.estimands.harm_chain import WHOLE
from meta.risk.basis import write_basis
from meta.risk.input_sensitivity import (
    BETWEEN,
    PREDICTIVE,
    SENSITIVITY_COLUMNS,
    UNCERTAINTY,
)
from meta.risk.profile_risk import risk_table, shipped_profiles
from meta.risk.shipped_sensitivity import shipped_sensitivity
from meta.risk_settings import RiskSettings
from tests.risk.small_basis import CLAIMS, documents, small_basis

FEW = [("shift_type", "significant"), ("domain_later", "ai_assistants")]
SETTINGS = RiskSettings(resamples=20)


@pytest.fixture(scope="module")
def few():
    """Two of the shipped profiles: the others are analysed in the same way."""
    every = shipped_profiles(documents())
    return {key: every[key] for key in FEW}


@pytest.fixture(scope="module")
def made(tmp_path_factory, few):
    """Tables that the command writes for a stored basis."""
    from meta.risk_steps import risk_sensitivity

    folder = tmp_path_factory.mktemp("run")
    write_basis(small_basis(1500), folder / "basis")
    files = folder / "a.csv", folder / "b.csv"
    options = ["--tables", folder, "--basis", folder / "basis", "--seed", 3, "--ci-prob", 0.95,
               "--settings", SETTINGS.model_dump_json(), "--sensitivity", files[0],
               "--information", files[1]]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meta.risk.shipped_sensitivity.shipped_profiles", lambda _: few)
        patch.setattr("meta.claims.audit.read_claims", lambda _: pd.read_csv(CLAIMS))
        result = CliRunner().invoke(risk_sensitivity, [str(each) for each in options])
    assert result.exit_code == 0, result.output
    return [pd.read_csv(file) for file in files]


def test_the_tables_are_of_the_risks_of_the_table_of_risks(made, few):
    sensitivity, information = made
    assert list(sensitivity.columns) == SENSITIVITY_COLUMNS
    assert set(zip(sensitivity["kind"], sensitivity["profile"], strict=True)) == set(FEW)
    risks = risk_table(few, documents(), small_basis(1500), 3, 0.95)
    keys = ["kind", "profile", "outcome", "estimand"]
    both = sensitivity.merge(risks[risks["mode"].eq("evidence")], on=keys)
    assert len(both) == len(sensitivity)
    # Published with five significant digits.
    assert both["risk"].to_numpy() == pytest.approx(both["value"].to_numpy(), rel=5e-5)
    named = information.groupby("candidate")["basis"].unique().map(list)
    assert named["notoriety"] == ["judgement"]
    assert named["by_stage:shift_type=moderate"] == ["evidence"]
    drives = sensitivity.groupby("input")["basis"].unique().map(list)
    assert drives["2026-2027"] == ["judgement"] and drives["goal_failure"] == ["evidence"]
    assert set(information["kind"]) == {"all", "shift_type", "domain_later"}


def test_both_parts_of_the_variance_of_a_new_study_add_up(made):
    parts = made[0][made[0]["view"].eq(PREDICTIVE)]
    assert len(parts) == 2 * 2 * len(FEW)
    for scale in ("logit", "probability"):
        shares = parts.set_index(["input", "profile", "outcome"])[f"first_order_{scale}"]
        assert (shares[UNCERTAINTY] + shares[BETWEEN]).to_numpy() == pytest.approx(1)
    # What a new study is beside the mean explains about what varies between studies.
    table = made[0].set_index(["profile", "outcome", "estimand", "input"])["first_order_logit"]
    for profile in ("significant", "ai_assistants"):
        at = (profile, WHOLE, "rate_new")
        assert table[*at, "new_study"] == pytest.approx(table[*at, BETWEEN], abs=0.08)


def test_a_new_study_is_an_input_of_its_own_risk_alone(made):
    new = made[0][made[0]["input"].eq("new_study")]
    assert set(new["estimand"]) == {"rate_new"}
    period = made[0][made[0]["input"].eq("2026-2027")]
    assert set(period["kind"]) == {"domain_later"}
    assert np.all(period["unit"].eq("log odds ratio"))
    assert np.all(period["input_low"] < period["input_high"])


def test_claims_of_another_document_leave_both_tables_empty_and_say_why():
    claims = pd.read_csv(CLAIMS).iloc[:3]
    one, other, why = shipped_sensitivity(claims, small_basis(50), SETTINGS, 1, 0.95)
    assert one.empty
    assert other.empty
    assert list(one.columns) == SENSITIVITY_COLUMNS
    assert why
