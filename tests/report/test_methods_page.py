"""The methods page says what the settings in force say, in words, mathematics and numbers."""

import csv
import json
import re
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from meta.config import ModelSpec
from meta.priors import HalfNormal, Normal, PriorSet
from meta.report.methods.distributions import FAMILIES, draw, in_words
from meta.report.methods.implications import DRAWS, implications
from meta.report.methods.mathematics import SYMBOLS, equations, mathml
from meta.report.methods.specification import Specification
from meta.report.pages import render_report
from meta.settings_file import load_settings, shipped_path

CHAIN = ("capability_transfer", "goal_failure")


def specification(priors=None, numeric=(), **options):
    spec = ModelSpec(**{"stages": CHAIN, **options})
    return Specification(
        spec.model_dump(mode="json"),
        (priors or PriorSet()).model_dump(mode="json"),
        frozenset(numeric),
    )


def latex(**options):
    return " ".join(line.latex for line in equations(specification(**options)))


def edit(base, model, **changes):
    path = base.folder / "fits" / model / "fit.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def page(base, folder):
    render_report(base.load(), folder)
    text = (folder / "methods.html").read_text()
    with (folder / "prior_implications.csv").open() as file:
        rows = list(csv.DictReader(file))
    return text, {(r["models"], r["estimand"]): r for r in rows}


def test_a_changed_prior_changes_words_mathematics_and_numbers(base, tmp_path):
    base.fit("rates", CHAIN, primary=True)
    before, numbers = page(base, tmp_path / "before")
    narrow = PriorSet(alpha=Normal(sigma=0.25), tau=HalfNormal(sigma=0.125))
    edit(base, "rates", prior_set=narrow.model_dump(mode="json"))
    after, changed = page(base, tmp_path / "after")
    assert "normal, mean 0, sd 1.5" in before
    assert "normal, mean 0, sd 0.25" in after
    assert "half-normal, scale 0.125" in after
    assert "<mn>0.125</mn>" in after
    assert "<mn>0.125</mn>" not in before
    key = ("rates", "rate_typical")
    limit = 1 / (1 + np.exp(1.96 * np.array([1.5, 0.25])))
    for rows, expected in zip((numbers, changed), limit, strict=True):
        assert float(rows[key]["q0.025"]) == pytest.approx(expected, abs=0.02)
    dots = [re.search(r'id="fig-prior-0-desc">([^<]*)', text).group(1) for text in (before, after)]
    assert dots[0] != dots[1]


@pytest.mark.parametrize(
    ("options", "block"),
    [
        ({}, r"\text{BetaBinomial}"),
        ({"likelihood": "binomial", "levels": ["study", "arm"]}, r"e_{oi} \sim \text{Normal}"),
        ({"random_effects": "student_t"}, r"m_s \sim \text{Gamma}(\nu / 2"),
        ({"random_effects": "two_population"}, r"z_{Gs} \sim (1 - w)"),
        ({"correlation": 0.5}, r"R_{jk} = 0.5"),
        ({"correlation": "independent"}, "R = I"),
        ({"levels": ["study", "agent_set"]}, r"w_{oa} \sim"),
        ({"levels": ["study", "agent_family"]}, r"f_{of} \sim"),
        ({"moderators": ["elicitation"]}, "q_{k_i}'"),
        ({"moderators": ["capability_level"]}, r"\zeta_{oj}"),
        (
            {
                "moderators": ["capability_level"],
                "moderator_effects": {"capability_level": "linear"},
            },
            r"b_o x_i",
        ),
        ({"moderators": ["n_agents"], "numeric": ["n_agents"]}, r"x_i \beta_o"),
    ],
)
def test_each_option_has_its_building_block(options, block):
    plain = latex(likelihood="binomial")
    assert block in latex(**options)
    assert block not in plain


def test_the_product_is_written_only_where_it_is_fitted():
    product = r"\text{logit}^{-1}(\eta_{Ci}) \, \text{logit}^{-1}(\eta_{Gi})"
    assert product in latex()
    assert product not in latex(assumed_capable=True)
    assert product not in latex(stages=["goal_failure"])
    lists = {"frame": "case_series", "levels": ["source_list"], "likelihood": "binomial"}
    assert product not in latex(**lists)


def test_no_choice_of_the_settings_is_without_words():
    for field in ("likelihood", "random_effects"):
        written = set()
        for value in get_args(ModelSpec.model_fields[field].annotation):
            written.add(latex(**{field: value}))
        assert len(written) == len(get_args(ModelSpec.model_fields[field].annotation))
    for name, prior in PriorSet().model_dump().items():
        assert name in SYMBOLS
        assert prior["distribution"] in FAMILIES


def test_priors_that_a_model_does_not_have_are_not_listed():
    plain = specification(likelihood="binomial", stages=["goal_failure"])
    assert plain.parameters == ("alpha", "tau")
    rich = specification(
        random_effects="student_t", levels=["study", "agent_set"], moderators=["capability_level"]
    )
    assert set(rich.parameters) == {
        "alpha", "monotonic", "simplex", "tau", "correlation", "df", "omega", "icc",
    }  # fmt: skip


def test_every_line_becomes_mathml_with_nothing_left_over():
    every = specification(
        random_effects="two_population", levels=["study", "agent_set", "agent_family"],
        moderators=["elicitation", "capability_level"],
    )  # fmt: skip
    for line in equations(every):
        text = mathml(line.latex)
        assert text.startswith("<math")
        assert "\\" not in text
    contrasts = Specification({**every.options, "frame": "contrasts", "levels": ["study"]}, {})
    assert r"\tau_\delta" in " ".join(line.latex for line in equations(contrasts))


@pytest.mark.parametrize(
    ("prior", "exact"),
    [
        ({"distribution": "normal", "mu": 1, "sigma": 2}, stats.norm(1, 2)),
        ({"distribution": "half_normal", "sigma": 2}, stats.halfnorm(scale=2)),
        ({"distribution": "half_cauchy", "beta": 0.5}, stats.halfcauchy(scale=0.5)),
        ({"distribution": "beta", "alpha": 1, "beta": 3}, stats.beta(1, 3)),
        ({"distribution": "gamma", "alpha": 2, "beta": 0.1, "above": 2}, stats.gamma(2, 2, 10)),
        ({"distribution": "lkj", "eta": 2}, stats.beta(2, 2, loc=-1, scale=2)),
    ],
)
def test_draws_are_of_the_named_distribution(prior, exact):
    found = draw(prior, np.random.default_rng(1), 4000)
    assert stats.kstest(found, exact.cdf).pvalue > 0.001


def test_an_unknown_family_is_named_and_not_drawn():
    prior = {"distribution": "log_normal", "mu": 0}
    assert in_words(prior) == "log normal (mu 0)"
    spec = specification()
    other = Specification(spec.options, {**spec.priors, "alpha": prior})
    assert implications([("rates", other)]) == []


def test_implied_numbers_are_those_of_closed_forms():
    """Against quantiles that SciPy knows, within four Monte Carlo errors."""
    (rates,) = implications([("rates", specification(likelihood="binomial"))])
    found = {q.estimand: q.draws for q in rates.quantities}
    exact = 1 / (1 + np.exp(-stats.norm(0, 1.5).ppf(0.75)))
    assert np.mean(found["rate_typical"] < exact) == pytest.approx(0.75, abs=4 * error(0.75))
    median_odds = np.exp(np.sqrt(2) * stats.norm.ppf(0.75) * stats.halfnorm.ppf(0.9))
    share = np.mean(found["median_odds_ratio"] < median_odds)
    assert share == pytest.approx(0.9, abs=4 * error(0.9))
    # A new study's logit has the variance of the intercept plus that of its own effect.
    assert np.median(found["rate_new"]) == pytest.approx(0.5, abs=0.03)
    assert np.std(found["rate_new"]) > np.std(found["rate_mean"])


def test_categories_differ_by_the_prior_that_contrasts_imply():
    spec = specification(moderators=["elicitation"])
    effects = implications([("by", spec)])[1].quantities[0].draws
    sd = np.log(effects).std()
    assert sd == pytest.approx(0.75 * np.sqrt(2), rel=4 / np.sqrt(2 * DRAWS))


def error(probability: float) -> float:
    return float(np.sqrt(probability * (1 - probability) / DRAWS))


def test_the_page_asks_for_nothing_and_is_linked(full, tmp_path):
    text, _ = page(full, tmp_path / "out")
    assert 'href="methods.html"' in (tmp_path / "out" / "index.html").read_text()
    assert not re.search(
        r'(src|href)="(?!https://|#|[\w.]+\.(html|csv)|figures/methods/[\w-]+\.(svg|csv)"|data:,)',
        text,
    )
    assert "<script" not in text
    assert not re.search(r'<div class="math"(?! tabindex="0")', text)
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    for file in re.findall(r'href="([\w./-]+\.[a-z]+)[#"]', text):
        assert (tmp_path / "out" / file).is_file(), file
    for anchor in re.findall(r'href="#([^"]+)"', text):
        assert anchor in identifiers


def test_the_set_for_two_populations_leaves_room_for_them():
    """A distance of 6 logits, 5% against 95%, must be possible before any data."""
    priors = load_settings(shipped_path().parents[1]).priors
    beyond = {}
    for name in ("default", "two_populations"):
        spec = specification(random_effects="two_population")
        chosen = Specification(spec.options, priors[name].model_dump(mode="json"))
        (rates,) = implications([(name, chosen)])
        gap = np.log(next(q.draws for q in rates.quantities if q.estimand == "gap"))
        beyond[name] = [float(np.mean(gap > x)) for x in (4, 6)]
    assert beyond["default"][0] < 0.06
    assert beyond["two_populations"][0] > 0.2
    assert beyond["two_populations"][1] > 0.1
