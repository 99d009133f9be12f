"""Which model of harm joins which model of rates, and what their chain is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from meta.chain_settings import ChainTask, harm_models
from meta.config import ModelSpec
from meta.errors import SettingsError
from meta.settings_file import load_settings, shipped_path

RATES: dict[str, Any] = {"stages": ["capability_transfer", "goal_failure"]}
PRIMARY = {**RATES, "primary": True}
HARM: dict[str, Any] = {
    "frame": "case_series", "stages": ["goal_failure", "harm"], "likelihood": "binomial",
    "levels": ["source_list"], "notoriety": {"mu": 1, "sigma": 0.75},
}  # fmt: skip
BY_TYPE, BY_SHIFT = ["failure_type"], ["shift_type"]


def found(**models: dict[str, Any]) -> dict[str, str]:
    return harm_models({name: ModelSpec.model_validate(spec) for name, spec in models.items()})


def test_the_primary_joins_the_model_of_harm_with_the_fewest_moderators():
    both = {**HARM, "moderators": BY_TYPE + BY_SHIFT}
    one = {**HARM, "moderators": BY_SHIFT}
    assert found(rates=PRIMARY, both=both, one=one) == {"rates": "one"}
    assert found(rates=PRIMARY, one=one, none=HARM, both=both) == {"rates": "none"}


def test_a_moderated_model_joins_where_harm_has_every_moderator_of_it():
    models = {
        "rates": PRIMARY,
        "by_type": {**RATES, "moderators": BY_TYPE},
        "by_shift": {**RATES, "moderators": BY_SHIFT},
        "by_both": {**RATES, "moderators": BY_TYPE + BY_SHIFT},
        "by_three": {**RATES, "moderators": [*BY_TYPE, *BY_SHIFT, "elicitation"]},
        "harm": {**HARM, "moderators": BY_TYPE},
        "harm_of_both": {**HARM, "moderators": BY_SHIFT + BY_TYPE},
    }
    assert found(**models) == {
        "rates": "harm", "by_type": "harm", "by_shift": "harm_of_both", "by_both": "harm_of_both",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"random_effects": "student_t"},
        {"random_effects": "two_population"},
        {"assumed_capable": True},
        {"stages": ["goal_failure"]},
    ],
)
def test_rates_that_cannot_be_multiplied_or_are_not_normal_join_nothing(changed):
    assert found(rates={**PRIMARY, **changed}, harm=HARM) == {}
    moderated = {**RATES, "moderators": BY_TYPE, **changed}
    assert found(rates=PRIMARY, by=moderated, harm={**HARM, "moderators": BY_TYPE}) == {
        "rates": "harm"
    }


def test_other_models_join_nothing():
    contrasts = {"frame": "contrasts", "stages": ["goal_failure"], "likelihood": "binomial",
                 "levels": ["study", "arm"]}  # fmt: skip
    alike = {**RATES, "likelihood": "binomial", "levels": ["study", "arm"]}
    models = found(rates=PRIMARY, contrasts=contrasts, alike=alike, harm=HARM)
    assert models == {"rates": "harm"}, "one chain without moderators is enough"


@pytest.mark.parametrize(
    "harm",
    [{"notoriety": None}, {"random_effects": "student_t"}, None],
)
def test_without_a_model_of_harm_there_is_no_chain(harm):
    models = {"rates": PRIMARY} | ({} if harm is None else {"harm": {**HARM, **harm}})
    assert found(**models) == {}


def test_the_shipped_chains():
    settings = load_settings(shipped_path().parents[1])
    chains = settings.chains
    assert {rates: task.harm for rates, task in chains.items()} == {
        "rates": "composition",
        "by_failure_type": "composition",
        "by_shift_type": "harm_by_shift_type",
    }
    for rates, task in chains.items():
        assert task.rates == rates
        assert task.notoriety == settings.models[task.harm].notoriety
        assert task.transport == settings.chain.transport
        assert task.correlations == settings.sensitivity.correlations
        # What a rule hands to the command is the same after the way through JSON.
        assert ChainTask.model_validate_json(task.model_dump_json()) == task
    assert settings.chain.transport.mu == 0, "no direction is known"


def base(tmp_path: Path, **content: Any) -> Path:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def test_the_correlation_has_the_prior_of_the_rates(tmp_path):
    models = {
        "rates": {**PRIMARY, "priors": "loose"},
        "by": {**RATES, "moderators": BY_TYPE},
        "harm": {**HARM, "moderators": BY_TYPE, "priors": "loose"},
    }
    priors = {"loose": {"correlation": {"distribution": "lkj", "eta": 1}}}
    settings = load_settings(base(tmp_path, models=models, priors=priors, chain={"draws": 900}))
    assert {name: task.eta for name, task in settings.chains.items()} == {"rates": 1, "by": 2}
    assert {task.draws for task in settings.chains.values()} == {900}


def test_another_base_with_models_of_its_own_has_the_chains_that_they_make(tmp_path):
    mini = Path(__file__).parent / "workflow/mini"
    assert load_settings(mini).chains == {}, "its composition has no prior of notoriety"
    assert load_settings(base(tmp_path, models={"only": PRIMARY})).chains == {}
    own = {"a": PRIMARY, "b": HARM}
    assert list(load_settings(base(tmp_path, models=own)).chains) == ["a"]


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ({"transport": {"mu": 0, "sigma": 0}}, "chain.transport"),
        ({"draws": 100}, "chain.draws"),
        ({"transprt": {"mu": 0, "sigma": 1}}, "did you mean transport"),
        ({"transport": {"mu": 0, "sgma": 1}}, "did you mean sigma"),
    ],
)
def test_wrong_settings_are_named(tmp_path, chain, said):
    with pytest.raises(SettingsError, match=said):
        load_settings(base(tmp_path, chain=chain))
