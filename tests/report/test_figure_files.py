"""Files of the figures: one SVG and one table each, with the numbers of the results."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from meta.report.figure_files import PageFigures
from meta.report.flow_figure import flow_figure
from meta.report.odds_figure import OddsBlock, OddsLine, odds_plot
from meta.report.pages import render_report
from meta.report.risk_page.figures import RatioLine, ratio_plot
from meta.report.risk_page.results import load_risk
from meta.report.sensitivity import Sensitivity
from meta.report.site import FIGURES
from meta.report.svg import NOTHING, drawing
from tests.report.conftest import FLOW, TYPES, Base
from tests.report.made_up_checks import with_checks
from tests.report.made_up_risk import risk_basis, stored, stored_drivers

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script> & #010203 \"'"


def near(numbers: list[float]) -> object:
    """Equal but for the digits that files leave out."""
    return pytest.approx(numbers, rel=5e-5)


def sensitivity() -> Sensitivity:
    """Publication weights, small studies and priors of the primary model."""
    row = {"outcome": "goal_failure", "group": "all", "estimand": "rate_mean", "median": 0.3,
           "ci_low": 0.2, "ci_high": 0.4, "k_studies": 5, "k_rows": 9}  # fmt: skip
    row["ess"] = 900.0
    weights = [{**row, "publication_weight": w, "median": 0.2 + w / 8, "reliable": w > 0.2,
                "method": "weights", "pareto_k": 0.1} for w in (1.0, 0.5, 0.1)]  # fmt: skip
    points = [{"outcome": "goal_failure", "study": f"s{n}", "trials": n, "rate": 1 / n}
              for n in (10, 40, 160)]  # fmt: skip
    line = {"outcome": "goal_failure", "k_studies": 3, "k_rows": 3, "n_small": 10,
            "rate_large": 0.01, "rate_small": 0.1, "difference": 0.09, "ci_low": 0.0,
            "ci_high": 0.2}  # fmt: skip
    return Sensitivity(
        "rates",
        {
            "prior_table": pd.DataFrame([{**row, "priors": "main", "tau_prior": "half-normal"}]),
            "zero_events": pd.DataFrame(weights),
            "small_study_points": pd.DataFrame(points),
            "small_study": pd.DataFrame([line]),
        },
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with figures of every page, and a file of an earlier run."""
    folder = tmp_path_factory.mktemp("figures")
    base = Base(folder / "base")
    chain = ("capability_transfer", "goal_failure")
    base.fit("rates", chain, primary=True, spread=("tau", "icc"))
    base.fit("by_failure_type", chain, groups=[f"failure_type={t}" for t in TYPES])
    base.fit("composition", ("harm",), frame="case_series")
    base.flow = FLOW
    made = folder / "site"
    stale = made / "figures/index/of-an-earlier-run.svg"
    stale.parent.mkdir(parents=True)
    stale.write_text("<svg/>")
    risk = load_risk(*stored(made, risk_basis()), stored_drivers(made))
    render_report(replace(with_checks(base.load()), sensitivity=(sensitivity(),), risk=risk), made)
    return made


def figures_of(page: Path) -> list[str]:
    """Names of the SVG elements of a page; the two forms of the flow are one figure."""
    found = re.findall(r'<svg[^>]*aria-labelledby="fig-([\w-]+)-title ', page.read_text())
    return list(dict.fromkeys(re.sub(r"^flow-(narrow|wide)$", "flow", name) for name in found))


@pytest.mark.parametrize("page", FIGURES)
def test_every_figure_of_a_page_is_a_file_with_its_data(site: Path, page: str) -> None:
    names = figures_of(site / page)
    assert names
    folder = site / "figures" / page.removesuffix(".html")
    files = {path.name for path in folder.iterdir()}
    assert files == {f"{name}.{kind}" for name in names for kind in ("svg", "csv")}
    text = (site / page).read_text()
    for file in files:
        assert text.count(f'href="figures/{folder.name}/{file}"') == 1
    for name in names:
        assert len(pd.read_csv(folder / f"{name}.csv"))


def test_no_page_has_a_figure_without_files(site: Path) -> None:
    for page in site.glob("*.html"):
        assert page.name in FIGURES or "<svg" not in page.read_text(), page.name
    assert sorted(path.name for path in (site / "figures").iterdir()) == sorted(
        page.removesuffix(".html") for page in FIGURES
    )


def test_files_open_by_themselves(site: Path) -> None:
    paths = list((site / "figures").rglob("*.svg"))
    assert len(paths) > 20
    for path in paths:
        text = path.read_text()
        assert "var(--" not in text
        assert "currentColor" not in text
        root = ET.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert root.find(f"{SVG}title").text
        assert root.find(f"{SVG}desc").text
        ground = root.find(f"{SVG}rect")
        assert (ground.get("fill"), ground.get("width")) == (
            "#ffffff", root.get("viewBox").split()[2],
        )  # fmt: skip
        # Nothing is drawn in a colour that only stood for another.
        assert not re.findall(r"#0[1-4]0[2-5]0[3-6]", text)


@pytest.mark.parametrize("name", ["chain", "types", "models", "composition-0"])
def test_numbers_of_intervals_are_the_pooled_rows(site: Path, name: str) -> None:
    data = pd.read_csv(site / f"figures/index/{name}.csv")
    pooled = pd.read_csv(site / "pooled.csv")
    keys = ["model", "outcome", "group", "estimand"]
    both = data.merge(pooled, on=keys, suffixes=("", "_pooled"), validate="one_to_one")
    assert len(both) == len(data)
    for column in ("median", "ci_low", "ci_high", "k_rows"):
        assert both[column].equals(both[f"{column}_pooled"]), column
    shown = (site / "index.html").read_text().partition(f'id="fig-{name}-desc">')[2]
    for label in data["label"]:
        assert label in shown.partition("</desc>")[0]


def test_a_forest_has_every_count_and_rate(site: Path) -> None:
    rows = pd.read_parquet(site.parent / "base/analysis/rates.parquet")
    pooled = pd.read_csv(site / "pooled.csv")
    data = pd.read_csv(site / "figures/index/forest-goal-failure.csv")
    by = data.groupby("mark")
    arms, sums = by.get_group("arm"), by.get_group("sum")
    for column in ("events", "trials"):
        counted = rows.groupby("study")[f"{column}_goal_failure"].sum()
        assert arms.groupby("study")[column].sum().eq(counted).all()
        assert sums.set_index("study")[column].eq(counted).all()
    assert sorted(arms["trials"]) == sorted(rows["trials_goal_failure"])
    shrunken = by.get_group("shrunken").set_index("group")["median"]
    mine = pooled.query("model == 'rates' and outcome == 'goal_failure'").set_index("group")
    assert shrunken.eq(mine.query("estimand == 'study_rate'")["median"]).all()
    assert set(by.get_group("pooled")["estimand"]) == {"rate_mean", "rate_new"}


def test_other_figures_have_the_rows_of_their_tables(site: Path) -> None:
    folder = site / "figures"
    weights = pd.read_csv(folder / "sensitivity/weights-rates.csv")
    assert weights["median"].tolist() == near(sensitivity()["zero_events"]["median"].tolist())
    points = pd.read_csv(folder / "sensitivity/size-rates.csv")
    assert points["rate"].tolist() == near(sensitivity()["small_study_points"]["rate"].tolist())
    risk = pd.read_csv(site / "risk.csv")
    shifts = pd.read_csv(folder / "risk/shifts.csv")
    own = risk[risk["kind"].eq("shift_type") & risk["estimand"].eq("rate_mean")
               & risk["outcome"].eq("harmful_misgeneralization")]  # fmt: skip
    mine = shifts[shifts["label"].eq("average")]
    assert mine["median"].tolist() == near(own["value"].tolist())
    assert mine["ci_high"].tolist() == near(own["high"].tolist())
    dots = pd.read_csv(folder / "methods/prior-0.csv")
    assert dots.groupby("quantity").size().eq(20).all()
    flow = pd.read_csv(folder / "index/flow.csv")
    assert flow["n"].tolist() == [box["n"] for box in FLOW["boxes"]]


def test_ratios_are_those_given() -> None:
    blocks = [("Shift", "far over near", [RatioLine("alone", 1.25, 0.5, 3.125)], "no study")]
    data = ratio_plot("fig-r", "Ratios", blocks, "").data
    assert data[["median", "ci_low", "ci_high"]].iloc[0].tolist() == [1.25, 0.5, 3.125]
    assert data["remark"].iloc[1] == "no study"


def test_odds_are_not_cut_in_the_table(full) -> None:
    estimate = replace(next(iter(full.load().estimates.values())), low=1e-9, high=1e9)
    drawn = odds_plot("fig-o", "Odds", [OddsBlock("b", (OddsLine("l", estimate, "study"),))], "")
    assert drawn.data[["ci_low", "ci_high"]].iloc[0].tolist() == [1e-9, 1e9]


def test_text_of_a_figure_is_text() -> None:
    figure = Figure()
    figure.text(0.1, 0.1, HOSTILE, gid="row")
    data = pd.DataFrame({"label": [HOSTILE]})
    drawn = drawing(figure, "fig-x", HOSTILE, HOSTILE, data, {"row": HOSTILE})
    root = ET.fromstring(drawn.alone)
    assert not list(root.iter(f"{SVG}script"))
    texts = [each.text for tag in ("text", "title", "desc") for each in root.iter(SVG + tag)]
    assert texts.count(HOSTILE) == 4
    wide = {"boxes": [{"id": "a", "label": HOSTILE, "n": 3, "parts": [{"label": "p", "n": 2}]}]}
    flow = flow_figure(wide)
    assert not list(ET.fromstring(flow.alone).iter(f"{SVG}script"))
    assert flow.data["n"].tolist() == [3, 2]
    assert flow.data["part"].tolist()[1] == "p"


def test_a_page_names_each_figure_once_and_only_where_a_rule_has_its_folder() -> None:
    one, other = (drawing(Figure(), "fig-a", "A", "a", pd.DataFrame()) for _ in range(2))
    shown = PageFigures("index.html")
    assert "figures/index/a.svg" in shown.show(one)
    shown.show(one)
    with pytest.raises(ValueError, match="two figures are called fig-a"):
        shown.show(other)
    with pytest.raises(ValueError, match="name the page"):
        PageFigures("audit.html").show(one)
    with pytest.raises(ValueError, match="no name"):
        shown.show(replace(one, name="../b"))
    assert shown.show(NOTHING) == ""


def test_a_folder_of_figures_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    folder = tmp_path / "figures/index"
    folder.mkdir(parents=True)
    (folder / "old.svg").write_text("old")
    shown = PageFigures("index.html")
    drawn = drawing(Figure(), "fig-a", "A", "a", pd.DataFrame())
    shown.show(replace(drawn, data=None))  # cannot be written
    with pytest.raises(AttributeError):
        shown.write(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["old.svg"]
    assert [path.name for path in folder.parent.iterdir()] == ["index"]
    shown.shown["a"] = drawn
    shown.write(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.svg"]
