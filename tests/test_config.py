"""Settings: merged as the contract says, refused with every problem at once."""

from pathlib import Path

import pytest
import yaml

from meta.config import FitTask
from meta.errors import SettingsError
from meta.settings_file import load_settings, shipped_path


def base(tmp_path: Path, **content: object) -> Path:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


GOAL = {"primary": True, "stages": ["goal_failure"], "levels": ["study"]}


def test_shipped_settings_are_whole_and_explained() -> None:
    settings = load_settings(shipped_path().parents[1])
    assert settings.primary == "rates"
    assert set(settings.models) == {
        "rates", "rates_assumed_capable", "rates_binomial", "by_failure_type", "robust",
        "by_shift_type",
        "two_populations", "agent_families",
        "by_specification_quality", "by_capability_level", "by_training_diversity",
        "by_alignment_method", "by_elicitation", "by_profile", "composition", "harm_by_shift_type",
        "contrasts",
    }  # fmt: skip
    guide = (shipped_path().parent / "README.md").read_text()
    keys = {*settings.model_dump(), *settings.sampler.model_dump(), *settings.gate.model_dump()}
    keys |= set(settings.checks.model_dump()) | set(settings.chain.model_dump())
    keys |= {k for m in settings.models.values() for k in m.model_dump()}
    keys |= set(settings.priors["default"].model_dump()) | set(settings.risk.model_dump())
    keys |= {
        k for part in settings.risk.model_dump().values() if isinstance(part, dict) for k in part
    }
    assert {k for k in keys if f"`{k}`" not in guide} == set()


def test_a_directory_without_settings_takes_the_shipped_ones(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == load_settings(shipped_path().parents[1])


def test_a_partial_file_changes_what_it_names_and_a_models_block_replaces(tmp_path: Path) -> None:
    own = base(tmp_path, sampler={"draws": 50}, models={"only": GOAL})
    settings = load_settings(own)
    assert settings.sampler.draws == 50
    assert settings.sampler.chains == 4
    assert list(settings.models) == ["only"]


def test_a_prior_set_of_the_same_name_is_replaced_and_others_stay(tmp_path: Path) -> None:
    wide = {"tau": {"distribution": "half_cauchy", "beta": 0.5}}
    settings = load_settings(base(tmp_path, priors={"wide": wide}))
    assert settings.priors["wide"].tau.distribution == "half_cauchy"
    assert settings.priors["default"].tau.distribution == "half_normal"


def test_overrides_come_last(tmp_path: Path) -> None:
    own = base(tmp_path, sampler={"draws": 50})
    assert load_settings(own, {"sampler": {"draws": 70}}).sampler.draws == 70


def test_every_problem_is_named_with_the_nearest_key(tmp_path: Path) -> None:
    wrong = {**GOAL, "stage": ["x"], "likelihood": "binomal", "priors": "default"}
    own = base(tmp_path, sede=1, sampler={"drws": 1, "chains": 1}, models={"m": wrong})
    with pytest.raises(SettingsError) as caught:
        load_settings(own)
    text = str(caught.value)
    assert "sede: unknown key; did you mean seed?" in text
    assert "sampler.drws: unknown key; did you mean draws?" in text
    assert "models.m.stage: unknown key; did you mean stages?" in text
    assert "models.m.likelihood" in text
    assert "(given: 'binomal')" in text
    assert "sampler.chains" in text


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"a": {**GOAL, "primary": False}}, "exactly one model must have primary: true; found 0"),
        ({"a": GOAL, "b": GOAL}, r"found 2 \(a, b\)"),
        ({"a": {**GOAL, "priors": "defalt"}}, "did you mean default"),
        ({"a": {**GOAL, "levels": ["agent_set"]}}, "levels must hold study"),
        ({"a": {**GOAL, "stages": ["harm"]}}, "conditional on goal_failure"),
        ({"a": {**GOAL, "stages": ["goal_failure", "capability_transfer"]}}, "in the order"),
        ({"a": {**GOAL, "levels": ["study", "arm"]}}, "already has an arm level"),
        ({"a": {**GOAL, "moderators": ["year", "year"]}}, "moderators lists something twice"),
        ({"a": {**GOAL, "frame": "case_series", "levels": ["source_list"]}}, "rate model"),
    ],
)
def test_inconsistent_models_are_refused(tmp_path: Path, models: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(base(tmp_path, models=models))


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    base(tmp_path)
    path = tmp_path / "config" / "config.yaml"
    path.write_text("sampler: {draws: 20}\nsampler: {tune: 20}\n")
    with pytest.raises(SettingsError, match="the key 'sampler' is given twice"):
        load_settings(tmp_path)


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2\n", "\x00"])
def test_unreadable_yaml_is_a_message(tmp_path: Path, text: str) -> None:
    base(tmp_path)
    (tmp_path / "config" / "config.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"config\.yaml"):
        load_settings(tmp_path)


def test_the_spec_hash_follows_the_specification_and_priors_only(tmp_path: Path) -> None:
    plain = load_settings(tmp_path).task("rates").spec_hash
    sampler = load_settings(tmp_path, {"sampler": {"draws": 99}, "seed": 4}).task("rates").spec_hash
    priors = load_settings(tmp_path, {"priors": {"default": {}}}).task("rates").spec_hash
    other = {"default": {"icc": {"distribution": "beta", "alpha": 1, "beta": 9}}}
    changed = load_settings(tmp_path, {"priors": other}).task("rates").spec_hash
    assert plain == sampler == priors
    assert changed != plain


def test_the_spec_hash_survives_the_way_to_a_job_and_back(tmp_path: Path) -> None:
    """A fit's record is written by a job, which was given its task as JSON."""
    settings = load_settings(tmp_path)
    for model in settings.models:
        task = settings.task(model)
        assert FitTask.model_validate_json(task.model_dump_json()).spec_hash == task.spec_hash, (
            model
        )


def test_shapes_of_moderators_come_from_the_dictionary_or_the_specification(tmp_path: Path) -> None:
    fields = ["shift_type", "alignment_method", "failure_type", "year", "added_column"]
    spec = {**GOAL, "moderators": fields, "moderator_effects": {"year": "within_between"}}
    own = base(tmp_path, models={"only": spec}, exceedance=[0.25])
    settings = load_settings(own)
    only = settings.models["only"]
    assert [only.effect(f) for f in fields] == [
        "monotonic", "categories", "categories", "within_between", None,
    ]  # fmt: skip
    assert only.effect("added_column", numeric=True) == "linear"
    # What is reported of the draws refits nothing.
    assert "exceedance" not in settings.task("only").model_dump()
    hashes = set()
    for effect in ("monotonic", "categories", "linear"):
        changed = {**spec, "moderator_effects": {"shift_type": effect}}
        hashes.add(load_settings(base(tmp_path, models={"only": changed})).task("only").spec_hash)
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"models": {"only": {**GOAL, "moderators": ["failure_type"],
                              "moderator_effects": {"failure_type": "linear"}}}},
         "failure_type cannot be linear, which needs a number or an ordinal field"),
        ({"exceedance": [0.1, 0.1]}, "exceedance lists a rate twice"),
        ({"exceedance": [1.5]}, "exceedance.0"),
        ({"priors": {"default": {"simplex": {"concentrations": 1}}}}, "did you mean concentration"),
    ],
)  # fmt: skip
def test_wrong_moderators_and_rates_are_refused(
    content: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(base(tmp_path, **content))


def test_a_model_to_refit_must_exist(tmp_path: Path) -> None:
    own = base(tmp_path, models={"only": GOAL}, checks={"refit_models": ["onyl"]})
    with pytest.raises(SettingsError, match=r"no model is named 'onyl'; did you mean only\?"):
        load_settings(own)
    own = base(tmp_path, models={"only": GOAL}, checks={"tail_probabilty": 0.01})
    with pytest.raises(SettingsError, match="did you mean tail_probability"):
        load_settings(own)


@pytest.mark.parametrize(
    ("risk", "message"),
    [
        ({"new_studys": {}}, "did you mean new_studies"),
        ({"new_studies": {"trails": 5}}, "did you mean trials"),
        ({"notoriety_study": {"writen_up": 0.5}}, "did you mean written_up"),
        ({"new_cases": {"cases": 3, "lists": 4}}, "4 lists cannot share 3 cases"),
        ({"percentiles": [0.01, 0.9]}, "percentiles"),
    ],
)
def test_wrong_settings_of_the_risk_are_named(tmp_path: Path, risk: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(base(tmp_path, risk=risk))


def test_measurements_that_are_partly_stated_take_the_rest_from_the_defaults(
    tmp_path: Path,
) -> None:
    new = load_settings(base(tmp_path, risk={"new_studies": {"studies": 20}})).risk.new_studies
    assert (new.studies, new.arms, new.trials) == (20, 4, 300)


def test_a_model_called_like_a_page_is_refused_with_all_else_that_is_wrong(tmp_path: Path) -> None:
    own = base(tmp_path, models={"index": GOAL, "coverage": {**GOAL, "primary": False}}, seed="x")
    with pytest.raises(SettingsError) as refused:
        load_settings(own)
    said = str(refused.value).splitlines()
    assert [line for line in said if "models.index: reports/figures/index/ is kept" in line]
    assert [line for line in said if "models.coverage: calibration/coverage/ is kept" in line]
    assert any("seed" in line for line in said)
    assert all(line.startswith("config/config.yaml: ") for line in said)
