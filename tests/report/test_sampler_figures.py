"""Figures of the sampler: what they draw is what the posterior holds, and the page shows it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from matplotlib import pyplot
from PIL import Image
from scipy.stats import rankdata

from meta import provenance
from meta.checks.worst_quantities import worst_quantities
from meta.config import Gate
from meta.inference.store import write_netcdf
from meta.inference.top_parameters import SAMPLED_COPIES
from meta.report.calibration import Calibrations, Status
from meta.report.pages import render_report
from meta.report.sampler.figures import _rank, labels_of
from meta.report.sampler.files import SHARPNESS, write_sampler_figures
from meta.report.sampler.section import load_sampler_figures, sampler_section
from meta.report.sampler.thinned_posterior import thinned_posterior
from meta.report.sampler.view import view_sampler
from meta.settings_file import load_settings
from tests.report.made_up_checks import with_checks
from tests.report.made_up_posterior import (
    DIVERGED,
    DRAWS,
    HOSTILE,
    ROOT,
    WORST_UNIT,
    made_up_tree,
    write_made_up_fit,
)

if TYPE_CHECKING:
    from tests.report.conftest import Base

FIGURES = ("rank", "trace", "ess", "energy", "pair", "prior_posterior")
NONE = Status("rates", "none", "not calibrated")


class Drawn(NamedTuple):
    """A run's folder with a made-up fit and its figures."""

    run: Path
    tree: xr.DataTree

    @property
    def fit(self) -> Path:
        return self.run / "data/processed/fits/rates"

    @property
    def folder(self) -> Path:
        return self.run / "reports/figures/rates"

    @property
    def record(self) -> dict:
        return json.loads((self.folder / "figures.json").read_text())

    def table(self, figure: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{figure}.csv")

    def values(self, name: str) -> np.ndarray:
        """Draws (chain, draw) of a quantity by its name."""
        variable, _, at = name.removesuffix("]").partition("[")
        *study, stage = at.split(", ")
        found = self.tree["posterior"][variable].sel(stage=stage)
        return (found.sel(study=", ".join(study)) if study else found).to_numpy()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    run = tmp_path_factory.mktemp("sampler")
    found = Drawn(run, write_made_up_fit(run / "data/processed/fits/rates/posterior.nc"))
    write_sampler_figures(found.fit / "posterior.nc", Gate(), found.folder)
    return found


def test_the_worst_quantities_are_found_by_name(drawn: Drawn) -> None:
    quantities = drawn.record["quantities"]
    assert quantities[0]["name"] == "tau[goal_failure]"
    assert [(q["name"], q["level"]) for q in quantities][-1] == (WORST_UNIT, "unit")
    assert {"correlation[0]"}.isdisjoint({q["name"] for q in quantities})
    for each in (quantities[0], quantities[-1]):
        values = drawn.values(each["name"])
        assert each["ess_bulk"] == pytest.approx(float(az.ess(values)), rel=1e-4)
        assert each["r_hat"] == pytest.approx(float(az.rhat(values)), rel=1e-4)


def test_the_largest_r_hat_is_shown_whatever_its_size() -> None:
    posterior = made_up_tree()["posterior"].to_dataset()
    posterior["alpha"][0, :, 0] += 3
    (only,) = worst_quantities(posterior, top_shown=1).table["name"][:1]
    assert only == "alpha[capability_transfer]"


def test_what_a_top_level_parameter_is_sampled_as_is_no_unit() -> None:
    """However badly it mixes: beside the parameter itself it is a straight line."""
    posterior = made_up_tree()["posterior"].to_dataset()
    worst = posterior["alpha"] * 0
    worst[{"chain": 0}] += 9
    worst = worst + 1e-3 * posterior["alpha"]
    names = [*SAMPLED_COPIES, "shift_type_total"]
    found = worst_quantities(posterior.assign(dict.fromkeys(names, worst)))
    (unit,) = found.table.loc[found.table["level"] == "unit", "name"]
    assert unit == WORST_UNIT
    (of_unit,) = worst_quantities(posterior.assign(study_raw=worst)).table["name"].iloc[-1:]
    assert of_unit.startswith("study_raw[")


def test_a_trace_has_the_draws_and_every_divergence(drawn: Drawn) -> None:
    table = drawn.table("trace")
    marked = table[table["diverging"] == 1]
    assert set(zip(marked["chain"], marked["draw"], strict=True)) == DIVERGED
    # The pairs are drawn from the same draws.
    for name in drawn.record["pair"]:
        own = drawn.values(name)[table["chain"], table["draw"]]
        np.testing.assert_allclose(table[name], own, rtol=1e-3)
    assert (drawn.record["divergences"], drawn.record["marked"]) == (2, 2)
    assert drawn.record["pair"][0] == "tau[goal_failure]"
    assert drawn.record["pair"][-1] == WORST_UNIT
    # Red is drawn where, and only where, something diverged.
    red, green, blue = np.moveaxis(pixels(drawn.folder / "pair.png").astype(int), 2, 0)
    assert ((red > 140) & (green < 60) & (blue < 80)).sum() > 20


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_ranks_are_those_of_scipy(drawn: Drawn) -> None:
    table, step = drawn.table("rank"), drawn.record["ranked_step"]
    for name in ("tau[goal_failure]", WORST_UNIT):
        kept = drawn.values(name)[:, ::step]
        ranks = rankdata(kept).reshape(kept.shape) / kept.size
        for chain, own in table.groupby("chain"):
            share = (ranks[chain][:, None] <= own["rank"].to_numpy()).mean(axis=0)
            # Ends of the scale: half a rank and the rounding of the table.
            np.testing.assert_allclose(
                own[name], share - own["rank"], atol=1.5 / kept.shape[1], rtol=0
            )


def test_energy_is_that_of_the_chains(drawn: Drawn) -> None:
    energy = drawn.tree["sample_stats"]["energy"].to_numpy()
    known = (np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1)
    table = drawn.table("energy")
    points = table[table["series"].str.startswith("E-BFMI")]
    assert points["y"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(points["x"], known, rtol=0.02)
    assert points["x"].idxmin() == points.index[2]
    assert drawn.record["e_bfmi"]["low"] < 0.3 < drawn.record["e_bfmi"]["high"]
    curve = table[table["series"] == "marginal energy"]
    assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(1, abs=0.03)


def test_effective_size_grows_to_that_of_all_draws(drawn: Drawn) -> None:
    table = drawn.table("ess").set_index(["kind", "draws"])
    worst = drawn.record["quantities"][0]
    for kind in ("ess_bulk", "ess_tail"):
        own = table.loc[kind, worst["name"]]
        assert own.index.max() == 4 * DRAWS
        assert own.iloc[-1] == pytest.approx(worst[kind], rel=1e-3)


def test_prior_and_posterior_are_those_of_each_parameter(drawn: Drawn) -> None:
    table = drawn.table("prior_posterior")
    names = [f"{n}[{s}]" for n in ("alpha", "tau") for s in ("capability_transfer", "goal_failure")]
    assert set(names) == set(drawn.record["beliefs"])
    assert set(table) == {"group", *names, *(f"density of {name}" for name in names)}
    for name, (group, part) in product(names, table.groupby("group")):
        curve = part[[name, f"density of {name}"]].dropna().set_axis(["x", "density"], axis=1)
        whole = np.trapezoid(curve["density"], curve["x"])
        mean = np.trapezoid(curve["density"] * curve["x"], curve["x"]) / whole
        known = {"alpha": 0.0, "tau": {"prior": 0.8, "posterior": 1.0}[group]}[
            name[: name.index("[")]
        ]
        assert (whole, mean) == (pytest.approx(1, abs=0.05), pytest.approx(known, abs=0.15))


def test_the_same_fit_gives_the_same_bytes_and_few(drawn: Drawn, tmp_path: Path) -> None:
    write_sampler_figures(drawn.fit / "posterior.nc", Gate(), tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {f"{figure}.{kind}" for figure in FIGURES for kind in ("png", "csv")} - {
        "pair.csv",
    } | {"figures.json", "posterior_thinned.nc", "specification.yaml"}  # fmt: skip
    for name, content in made.items():
        assert content == (drawn.folder / name).read_bytes(), name
    images = {name: content for name, content in made.items() if name.endswith(".png")}
    assert sum(map(len, images.values())) < 160e3
    for each in drawn.record["figures"]:
        image = Image.open(io.BytesIO(images[f"{each['name']}.png"]))
        wanted = (SHARPNESS * each["width"], SHARPNESS * each["height"])
        assert image.size == pytest.approx(wanted, abs=1)
        assert image.info.keys() <= {"dpi"}


def test_the_specification_is_that_of_the_fit(drawn: Drawn) -> None:
    task = load_settings(ROOT).task("rates")
    content = yaml.safe_load((drawn.folder / "specification.yaml").read_text())
    assert content["spec"] == task.spec.model_dump(mode="json")
    assert set(content["priors"]) == set(task.spec.parameters)
    assert (content["seed"], content["spec_hash"]) == (task.seed, task.spec_hash)


def test_names_are_broken_and_cut_but_not_read_as_anything() -> None:
    short, pair, long = labels_of(
        ["tau[goal_failure]", "c[goal_failure~capability_transfer]", f"a[{HOSTILE}]"]
    ).texts
    assert short == "tau\n[goal_failure]"
    assert pair == "c\n[goal_failure~capability_\ntransfer]"
    lines = long.split("\n")
    assert len(lines) <= 5 and max(map(len, lines)) <= 26 and long.endswith("…")
    assert lines[1].startswith("[$\\frac{a}{$<b")


def imputed_tree() -> xr.DataTree:
    """Three sets of two chains each, with data of their own; the chains of set 2 disagree."""
    tree = made_up_tree(chains=6)
    sets = ("chain", [1, 1, 2, 2, 3, 3])
    posterior = tree["posterior"].to_dataset()
    posterior["alpha"][:, :, 0] += np.repeat([-9.0, 0.0, 9.0], 2)[:, None]
    posterior["tau"][2, :, 0] += 1.5
    posterior["alpha"].attrs = {}
    stats = tree["sample_stats"].to_dataset()
    # One draw in four is stored, the statistics of all are: draw 399 is, and draw 37 is not.
    groups = {
        "/posterior": posterior.isel(draw=slice(3, None, 4)).assign_coords(imputation=sets),
        "/sample_stats": stats.assign_coords(imputation=sets),
        "/prior": tree["prior"].to_dataset(),
    }
    return xr.DataTree.from_dict(groups)


def test_of_imputed_code_sets_the_one_that_agrees_least_is_shown() -> None:
    view = view_sampler(imputed_tree(), Gate())
    assert (view.worst.imputed_set, view.worst.sets, view.chains) == (2, 3, [2, 3])
    # Sets that differ, as they may, are no sign of chains that do.
    table = view.worst.table.set_index("name")
    assert table["r_hat"].idxmax() == "tau[capability_transfer]"
    assert table.loc["alpha[capability_transfer]", "r_hat"] < 1.1
    assert view.least_ess == pytest.approx(400 / 3)
    # Two diverged; one of them is of a chain that is drawn, at a draw that is stored.
    assert (view.divergences, view.marked) == (2, 1)
    marks = view.thinned["sample_stats"]["diverging"]
    assert [int(x) for x in np.argwhere(marks.to_numpy())[0]] == [1, marks.sizes["draw"] - 1]
    assert (view.energy_set, view.energy_chains) == (2, [2, 3])
    assert view.e_bfmi["set"].tolist() == [1, 1, 2, 2, 3, 3]
    # The prior stands beside what is reported: the draws of all sets.
    shown = view.beliefs["posterior"][f"q{view.believed.index('alpha[capability_transfer]'):02}"]
    assert shown.sizes["chain"] == 6


def test_a_rank_p_of_one_is_no_p() -> None:
    # Between chains that disagree (R-hat above 1.1), ArviZ's p of ranks is 1 where a rank is even.
    view = view_sampler(imputed_tree(), Gate())
    apart = view.names.index("tau[capability_transfer]")
    assert view.worst.table["r_hat"].iloc[apart] > 1.1
    ranks = view.ranked.azstats.compute_ranks(dim=("chain", "draw"), relative=True)
    known = ranks.azstats.mchain_uniformity_test(dim=("chain", "draw"))[0]
    known = [float(known[name]) for name in view.ranked.data_vars]
    assert max(known) > 0.999
    assert view.rank_p == pytest.approx([p if p < 0.999 else np.nan for p in known], nan_ok=True)
    drawn = _rank(view).figure
    said = [text.get_text() for ax in drawn.axes for text in ax.texts]
    assert said == [f"p = {p:.2f} (α = 0.01)" if p < 0.999 else "no p" for p in known]
    pyplot.close("all")


def test_words_say_what_was_found(drawn: Drawn) -> None:
    stored = load_sampler_figures("rates", drawn.folder.parent, drawn.fit)
    section = sampler_section(stored, NONE, calibrated=False)
    alt = {Path(each.source).stem: each.alt for each in section.figures}
    assert set(alt) == set(FIGURES)
    for name in ("rank", "trace", "ess"):
        assert "tau[goal_failure]" in alt[name] and WORST_UNIT in alt[name]
    assert "2 transitions diverged; each is marked." in alt["trace"]
    assert "2 transitions diverged; each is marked." in alt["pair"]
    low, high = (drawn.record["e_bfmi"][end] for end in ("low", "high"))
    assert f"{low:.2f} to {high:.2f}, threshold 0.3" in alt["energy"]
    assert all("Good: " in f.reading for f in section.figures if "prior" not in f.source)
    assert section.quantities[0]["name"] == "tau[goal_failure]"
    assert "No p" not in section.figures[0].reading
    first = {**stored.record["quantities"][0], "rank_p": None}
    silent = {**stored.record, "quantities": [first, *stored.record["quantities"][1:]]}
    section = sampler_section(replace(stored, record=silent), NONE, False)
    assert "No p" in section.figures[0].reading
    quiet = replace(stored, record={**stored.record, "divergences": 0, "marked": 0})
    assert "No transition diverged." in sampler_section(quiet, NONE, False).said[0]


def test_the_snippet_opens_the_draws(drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load_sampler_figures("rates", drawn.folder.parent, drawn.fit)
    lines = sampler_section(stored, NONE, calibrated=False).snippet
    assert len(lines) == 3
    monkeypatch.chdir(drawn.folder)
    names: dict = {}
    exec("\n".join(lines[:2]), names)
    wanted = lines[2].partition("[")[2].rpartition("]")[0].replace('"', "").split(", ")
    assert set(wanted) <= set(names["fit"]["posterior"].data_vars)
    assert hasattr(az, lines[2].partition("(")[0].removeprefix("az."))


def test_the_thinned_posterior_is_the_posterior_at_some_draws(drawn: Drawn) -> None:
    path = drawn.folder / "posterior_thinned.nc"
    kept = az.from_netcdf(path)["posterior"].to_dataset()
    whole = drawn.tree["posterior"].to_dataset()
    assert set(kept.data_vars) == {"alpha", "tau", "correlation"}
    assert kept.sizes["chain"] * kept.sizes["draw"] == drawn.record["thinned"]
    assert drawn.record["thinned"] == pytest.approx(1000, abs=whole.sizes["chain"])
    steps = np.diff(kept["draw"].to_numpy())
    assert steps.max() - steps.min() <= 1
    for name in kept.data_vars:
        there = whole[name].sel(draw=kept["draw"])
        # Half a step of 65,000 of the range, and the rounding of offsets in single precision.
        off = float(np.abs(kept[name] - there).max()) / float(there.max() - there.min())
        assert off < 1e-5, name
        assert kept[name].dtype.kind == "f"


def test_what_is_not_finite_is_missing_and_what_never_varies_is_kept(tmp_path: Path) -> None:
    shape = ("chain", "draw")
    alpha, tau = np.linspace(-3, 8, 40).reshape(2, 20), np.full((2, 20), 0.7)
    alpha[1, 3], alpha[0, 4] = np.nan, np.inf
    posterior = xr.Dataset({"alpha": (shape, alpha), "tau": (shape, tau)})
    write_netcdf(
        thinned_posterior(xr.DataTree.from_dict({"/posterior": posterior})), tmp_path / "p.nc"
    )
    read = az.from_netcdf(tmp_path / "p.nc")["posterior"]
    alpha[0, 4] = np.nan
    np.testing.assert_allclose(read["alpha"], alpha, atol=11 / 65_000)
    np.testing.assert_allclose(read["tau"], 0.7, rtol=1e-6)


class Links(HTMLParser):
    """Images and links of a part of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.images: list[dict] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"])


def part(site: Path) -> str:
    page = (site / "diagnostics.html").read_text()
    start = page.index('id="sampler-rates"')
    return page[start : page.index("</details>", start)]


def test_the_page_shows_what_is_there(drawn: Drawn, full: Base, tmp_path: Path) -> None:
    run = with_checks(full.load())
    digest = run.primary.record["spec_hash"]
    measured = {"replicates": 500, "required": 500, "spec_hash": digest,
                "uniformity": [{"quantity": "tau", "inside": True}]}  # fmt: skip
    run = replace(
        run,
        fits=tuple(
            replace(fit, sampler=load_sampler_figures(fit.name, drawn.folder.parent, drawn.fit))
            for fit in run.fits
        ),
        calibration=Calibrations({"rates": measured}, figures={"rates": "<svg/>"}),
    )
    site = drawn.folder.parents[1]
    render_report(run, site)
    shown = Links(part(site))
    assert [Path(each["src"]).stem for each in shown.images] == [*FIGURES, "calibration"]
    for each in shown.images:
        assert each["loading"] == "lazy" and len(each["alt"]) > 60
        assert int(each["width"]) < 600
    # The name of a study is text, whole, and nothing else.
    assert HOSTILE in next(e["alt"] for e in shown.images if "trace" in e["src"])
    assert "b" in shown.tags and shown.tags <= {
        "summary", "p", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "code",
        "figure", "img", "figcaption", "b", "a", "span", "pre",
    }  # fmt: skip
    assert "onload" not in [name for each in shown.images for name in each]
    inside = [link.partition("#")[0] for link in [*shown.links, *(e["src"] for e in shown.images)]]
    assert [link for link in inside if not (site / unquote(link)).is_file()] == []
    # The page must not lead out of its folder, which may be copied elsewhere.
    assert [link for link in inside if link.startswith("..")] == []
    assert {"figures/rates/specification.yaml", "figures/rates/calibration.json"} <= set(inside)
    assert "Calibration: complete" in part(site)
    # A model without figures has no such part.
    assert 'id="sampler-composition"' not in (site / "diagnostics.html").read_text()
    assert load_sampler_figures("rates", drawn.folder.parent, tmp_path).size == ""


def test_drawing_neither_refits_nor_waits_for_the_pages() -> None:
    def modules(step: str) -> set[str]:
        start = provenance._imports(provenance._function("meta.steps", step))
        return provenance._closure(start)[0]

    figures = modules("sampler_figures")
    assert "meta.report.sampler.figures" in figures
    assert not figures & {"meta.report.environment", "meta.report.pages"}
    for step in ("fit", "codes", "imputed_set", "diagnose", "check_fit"):
        assert not {name for name in modules(step) if name.startswith("meta.report")}
