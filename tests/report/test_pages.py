"""The page: what it shows, and that it shows nothing else."""

import csv
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from meta.report.check_tables import CheckTables
from meta.report.limits import limits_of
from meta.report.pages import render_page, render_report
from meta.report.sections import forest_columns, forest_section
from meta.report.verdict import checks_of, failed_checks, fit_status, stamp, stamp_of
from meta.report.wording import COMPOSITION, NO_DATA, STAMP, STAMP_BOTH, STAMP_DATA


class Page(HTMLParser):
    """Collects keyed numbers, attributes and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.numbers: list[tuple[str, dict[str, str]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.text = ""
        self._stat: str | None = None
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if "id" in given:
            self.ids.append(given["id"])
        if "data-key" in given:
            self.numbers.append((given["data-key"], {}))
        if "data-stat" in given:
            self._stat = given["data-stat"]

    def handle_data(self, data):
        self.text += data
        if self._stat:
            self.numbers[-1][1][self._stat] = data
            self._stat = None


def pooled(folder):
    with (folder / "pooled.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {"/".join(r[k] for k in ("model", "outcome", "group", "estimand")): r for r in rows}


def agrees(shown: str, value: float) -> bool:
    """Whether a shown number is the value rounded to the digits shown."""
    bare = shown.strip("<>%")
    decimals = len(bare.partition(".")[2])
    scale = 100 if shown.endswith("%") else 1
    if shown[0] in "<>":
        near = scale * value if shown[0] == "<" else 100 - scale * value
        return 0 < near < 10.0**-decimals
    return math.isclose(float(bare), scale * value, abs_tol=0.5 * 10.0**-decimals + 1e-9)


def test_every_shown_number_is_a_pooled_row(full, tmp_path):
    render_report(full.load(), tmp_path / "out")
    rows = pooled(tmp_path / "out")
    numbers = Page((tmp_path / "out" / "index.html").read_text()).numbers
    assert len(numbers) > 80
    for key, shown in numbers:
        row = rows[key]
        low, high = shown["interval"].split(" to ")
        assert agrees(shown["median"], float(row["median"])), key
        assert agrees(low, float(row["ci_low"])), key
        assert agrees(high, float(row["ci_high"])), key


def test_headline_shows_typical_mean_and_new_for_the_whole_chain(full):
    keys = {key for key, _ in Page(render_page(full.load())).numbers}
    for outcome in ("capability_transfer", "goal_failure", "capable_goal_failure"):
        for estimand in ("rate_typical", "rate_mean", "rate_new"):
            assert f"rates/{outcome}/all/{estimand}" in keys
            assert f"by_failure_type/{outcome}/failure_type=specification_gaming/{estimand}" in keys


def test_no_stamp_when_every_check_passed(full):
    page = render_page(full.load())
    assert STAMP not in page
    assert "all gates passed" in page


def test_stamp_names_the_failed_check(full):
    full.checks("rates_binomial", passed=False, value="1.25")
    page = Page(render_page(full.load()))
    assert STAMP == "not converged: do not cite"
    assert STAMP in page.text
    assert "all gates passed" not in page.text
    stamp = re.search(r'id="verdict">.*?</div>', render_page(full.load()), re.DOTALL).group()
    for text in ("rates_binomial", "r_hat", "1.25", "&lt; 1.01"):
        assert text in stamp
    assert "divergences" not in stamp


def predictive_gate(run, model, passed):
    """The run with a check of one model against its counts."""
    gate = {"model": model, "check": "posterior_predictive_largest", "value": "0.001",
            "threshold": "0.01", "passed": str(passed), "worst": "", "meaning": "m"}  # fmt: skip
    empty = pd.DataFrame()
    gates = pd.DataFrame([gate])
    tables = CheckTables(gates, empty, empty, empty, empty, empty, empty, empty, empty, {})

    def with_gate(fit):
        rows = pd.concat([fit.diagnostics, gates], ignore_index=True)
        return replace(fit, checks=tables, diagnostics=rows)

    return replace(run, fits=tuple(with_gate(f) if f.name == model else f for f in run.fits))


def test_the_stamp_says_what_failed(full):
    """A model that converged but does not fit the counts must not be called not converged."""
    assert stamp_of(failed_checks(predictive_gate(full.load(), "rates", passed=True))) == ""
    page = render_page(predictive_gate(full.load(), "rates", passed=False))
    assert STAMP_DATA in page
    assert "not converged" not in page
    full.checks("by_failure_type", passed=False)
    run = predictive_gate(full.load(), "rates", passed=False)
    page = render_page(run)
    assert STAMP_BOTH in re.search(r'id="verdict">.*?</div>', page, re.DOTALL).group()
    assert stamp(run, {"rates"}) == STAMP_DATA
    assert stamp(run, {"by_failure_type"}) == STAMP


@pytest.mark.parametrize(
    ("check", "said"),
    [("prior_predictive_largest_rate", "prior and data disagree"),
     ("posterior_predictive_largest_rate", "The fitted model hardly gives such data")],
)  # fmt: skip
def test_a_warning_blames_what_it_is_of(full, tmp_path, check, said):
    run = predictive_gate(full.load(), "rates", passed=True)
    warning = pd.DataFrame(
        [{"model": "rates", "check": check, "value": "0.001", "passed": "False", "meaning": "m"}]
    )
    fits = tuple(
        replace(f, checks=replace(f.checks, warnings=warning)) if f.checks else f for f in run.fits
    )
    render_report(replace(run, fits=fits), tmp_path)
    page = (tmp_path / "diagnostics.html").read_text()
    both = ("prior and data disagree", "The fitted model hardly gives such data")
    assert [text for text in both if text in page] == [said]


@pytest.mark.parametrize(
    ("check", "own", "whole"),
    [
        ("loo_pit", "sampler gates passed; fit to the data: warned",
         "gates passed; fit to the data: warned"),
        ("posterior_predictive_largest_rate", "sampler gates passed; fit to the data: warned",
         "gates passed; fit to the data: warned"),
        ("prior_predictive_largest_rate", "3 gates passed; prior against the data: warned",
         "gates passed; prior against the data: warned"),
    ],
)  # fmt: skip
def test_no_badge_beside_a_warning_can_be_read_as_a_fit(full, tmp_path, check, own, whole):
    run = predictive_gate(full.load(), "rates", passed=True)
    warning = pd.DataFrame(
        [{"model": "rates", "check": check, "value": "", "passed": "False", "meaning": "m"}]
    )
    fits = tuple(
        replace(f, checks=replace(f.checks, warnings=warning)) if f.checks else f for f in run.fits
    )
    for warned, name in ((False, "without"), (True, "with")):
        shown = replace(run, fits=fits) if warned else run
        render_report(shown, tmp_path / name)
        index = (tmp_path / name / "index.html").read_text()
        page = (tmp_path / name / "diagnostics.html").read_text()
        badge = re.search(r'<span class="badge[^"]*">([^<]*)</span>', index).group(1)
        assert badge == (whole if warned else "all gates passed")
        said = own if warned else "3 gates passed"
        style = "warned" if warned else "pass"
        for text in (index, page):
            assert f'<span class="{style}">{said}</span>' in text
    assert fit_status(fits[0], [replace(c, passed=False) for c in checks_of(fits[0])]).text == (
        f"3 of 3 gates failed{own.partition(' passed')[2]}"
    )


def test_figures_of_the_failed_model_carry_the_stamp(full):
    full.checks("by_failure_type", passed=False)
    figures = re.findall(r"<svg.*?</svg>", render_page(full.load()), re.DOTALL)
    stamped = {re.search(r"(fig-[a-z-]*)-title", f).group(1) for f in figures if STAMP in f}
    assert stamped == {"fig-types", "fig-models"}


@pytest.mark.parametrize("value", ["", "nan"])
def test_a_missing_statistic_is_a_failed_check(full, value):
    full.checks("rates", passed=True, value=value)
    assert STAMP in render_page(full.load())


@pytest.mark.parametrize("damage", ["diagnostics", "checks", "passed", "pooled"])
def test_nothing_passes_in_silence(full, damage):
    folder = full.fits[0]
    record = json.loads((folder / "fit.json").read_text())
    if damage == "diagnostics":
        path = folder / "diagnostics.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
        record["checks"] = {}
    elif damage == "checks":
        record["checks"]["e_bfmi"] = {"value": 0.1, "threshold": 0.3, "passed": False}
    elif damage == "passed":
        record["passed"] = False
    else:
        path = folder / "pooled.csv"
        path.write_text(path.read_text().replace("denominator,True", "denominator,False", 1))
    (folder / "fit.json").write_text(json.dumps(record))
    assert STAMP in render_page(full.load())


def test_page_requests_nothing(full):
    source = render_page(full.load())
    page = Page(source)
    assert not [a for a in page.attributes if a[0] in {"script", "img", "iframe", "object", "base"}]
    for tag, name, value in page.attributes:
        if name in {"src", "href", "xlink:href", "srcset", "data", "poster", "action"}:
            outside = re.match(r"(https?:)?//", value)
            assert not outside or (tag, name) == ("a", "href"), (tag, name, value)
    assert not re.search(r"@import|url\((?!#)", source)


def test_identifiers_are_unique_and_references_hold(full):
    page = Page(render_page(full.load()))
    assert len(page.ids) == len(set(page.ids))
    for _, name, value in page.attributes:
        if name in {"href", "xlink:href"} and value.startswith("#"):
            assert value[1:] in page.ids
        if name == "aria-labelledby":
            assert set(value.split()) <= set(page.ids)


def test_hostile_text_stays_text(full):
    title = '"><script>alert(1)</script><img src=x onerror=alert(2)> $x_{1}$ & more'
    full.titles[full.studies[0]] = title
    full.flow["boxes"][0]["label"] = "<script>flow</script>"
    source = render_page(full.load())
    page = Page(source)
    assert "<script" not in source
    assert not [a for a in page.attributes if a[0] == "img" or a[1].startswith("on")]
    assert ("a", "title", title) in page.attributes
    assert title in page.text  # tooltip of the forest plot
    full.flow["boxes"][0]["label"] = "Records identified"


def test_links_to_sources_are_web_addresses_only(full):
    source = render_page(full.load())
    assert 'href="https://example.org/a?b=1&amp;c=2"' in source
    assert 'href="arXiv' not in source
    assert 'href="https://arxiv.org/abs/2105.14111"' in source
    hrefs = [v for _, name, v in Page(source).attributes if name == "href"]
    pages = {"index.html", "methods.html", "codebook.html"}
    kinds = {"csv", "json", "bib", "md"}
    for href in hrefs:
        assert (
            href.startswith(("https://", "#", "figures/index/"))
            or href.partition(".")[2] in kinds
            or href == "data:,"
            or href.partition("#")[0] in pages
        ), href


def test_every_study_of_a_forest_plot_links_to_its_source(full):
    source = render_page(full.load())
    figures = re.findall(r'<svg[^>]*aria-labelledby="fig-forest.*?</svg>', source, re.DOTALL)
    assert figures
    for figure in figures:
        labels = re.findall(r'<g id="fig-forest[a-z-]*-row-[0-9]+">', figure)
        assert labels
        assert len(re.findall(r'<a href="https://[^"]+" rel="noopener', figure)) == len(labels)


def test_corrected_cells_are_shown(full):
    assert "Corrected cells" not in render_page(full.load())
    record = dict.fromkeys(
        ("row_key", "column", "from_value", "reason", "date", "by", "source"), ""
    )
    record |= {"table": "arms", "to_value": "<b>12</b>", "from_value": "21", "column": "n_harm"}
    page = render_page(replace(full.load(), corrections=(record,)))
    assert "Corrected cells" in page
    assert "&lt;b&gt;12&lt;/b&gt;" in page


def test_composition_is_labelled_wherever_it_stands(full):
    source = render_page(full.load())
    section = re.search(r'<section id="composition">.*?</section>', source, re.DOTALL).group()
    assert section.count(COMPOSITION) >= 3
    outside = source.replace(section, "")
    assert 'data-key="composition/' in section
    assert 'data-key="composition/' not in outside
    for name in ("diagnostics", "provenance"):
        part = re.search(rf'<section id="{name}">.*?</section>', source, re.DOTALL).group()
        assert f"composition ({COMPOSITION})" in part


def test_an_outcome_with_heterogeneity_alone_stands_in_its_table_only(full):
    path = full.fits[0] / "pooled.csv"
    row = full.pooled_row("rates", True, "goal_failure", "all", "stage_correlation", "denominator")
    row[2] = "stages"
    path.write_text(path.read_text() + ",".join(map(str, row)) + "\n")
    source = render_page(full.load())
    assert source.count("rates/stages/all/stage_correlation") == 1
    assert ">Stages<" not in source  # no empty block in a figure


def section_of(source, name):
    return re.search(rf'<section id="{name}">.*?</section>', source, re.DOTALL).group()


def test_numbers_without_data_are_marked_wherever_they_stand(full):
    assert NO_DATA not in render_page(full.load())
    group = "failure_type=specification_gaming"
    full.edit("by_failure_type", group, "capability_transfer", k_rows=0, k_studies=0, n_trials=0)
    full.edit("rates_binomial", "all", "capability_transfer", k_rows=0)
    source = render_page(full.load())
    figures = {
        re.search(r"(fig-[a-z0-9-]*)-title", f).group(1): f
        for f in re.findall(r"<svg.*?</svg>", source, re.DOTALL)
    }
    for name, strips in (("fig-types", 3), ("fig-models", 2)):
        drawing = figures[name].partition("</desc>")
        assert drawing[0].count(NO_DATA) == strips  # said to those who cannot see it
        assert NO_DATA in drawing[2]
        assert "stroke-dasharray" in drawing[2]
    assert NO_DATA not in figures["fig-chain"]
    assert "stroke-dasharray" not in figures["fig-chain"]
    cells = re.findall(r'<td [^>]*data-key="([^"]*)">(.*?)</td>', source, re.DOTALL)
    marked = {key for key, cell in cells if NO_DATA in cell}
    bare = (
        f"by_failure_type/capability_transfer/{group}/",
        "rates_binomial/capability_transfer/all/",
    )
    assert marked == {key for key, _ in cells if key.startswith(bare)}
    assert len(marked) > 8


def test_the_headline_says_where_it_has_no_data(full):
    full.edit("rates", "all", "goal_failure", k_rows=0)
    text = Page(section_of(render_page(full.load()), "chain")).text
    assert text.count(f"; {NO_DATA})") == 3


def test_a_conditional_rate_of_products_alone_is_marked(full):
    group = "failure_type=specification_gaming"
    full.edit("by_failure_type", group, "goal_failure", k_direct=0)
    full.edit("by_failure_type", group, "capable_goal_failure", k_direct=6)
    full.edit("rates", "all", "goal_failure", k_direct=2)
    cells = re.findall(
        r'<td [^>]*data-key="([^"]*)">(.*?)</td>', render_page(full.load()), re.DOTALL
    )
    marked = {key for key, cell in cells if NO_DATA in cell}
    bare = f"by_failure_type/goal_failure/{group}/"
    assert marked == {key for key, _ in cells if key.startswith(bare)}
    assert marked


def test_the_headline_leads_with_the_product_and_says_how_little_sees_the_rest(full):
    full.edit("rates", "all", "goal_failure", k_direct=2)
    path = full.folder / "fits/rates/fit.json"
    record = json.loads(path.read_text())
    record["rows"]["goal_failure"]["k_rows_through_capability"] = 13
    path.write_text(json.dumps(record))
    section = section_of(render_page(full.load()), "chain")
    text = " ".join(Page(section).text.split())
    assert "50% of the arms (9 of 18) see only the product" in text
    assert "2 of the 6 studies observe failure given capability itself" in text
    assert "(13 of 20 arms see only the product)" in text
    record["rows"]["goal_failure"]["k_rows_through_capability"] = 1
    path.write_text(json.dumps(record))
    assert "(1 of 20 arms sees only the product)" in Page(render_page(full.load())).text
    answer = section_of(render_page(full.load()), "answer")
    keys = re.findall(r'data-key="rates/(\w+)/all/(rate_\w+)"', answer)
    assert keys == [("capable_goal_failure", "rate_mean"), ("capable_goal_failure", "rate_new")]
    assert "arms (9 of 18)" in Page(answer).text
    record["spec"]["assumed_capable"] = True
    path.write_text(json.dumps(record))
    for name in ("answer", "chain"):
        assert "arms (9 of 18)" not in Page(section_of(render_page(full.load()), name)).text
    table = section[section.index("<table") :]
    assert table.index("Capable and goal fails") < table.index("Goal fails, given capability")


def test_two_populations_are_shown_with_each_study(full):
    path = full.folder / "fits/rates/pooled.csv"
    table = pd.read_csv(path)
    row = table[table["estimand"].eq("tau") & table["outcome"].eq("goal_failure")].iloc[:1]
    parts = [row.assign(estimand=name, median=0.25) for name in ("upper_share", "gap", "phi")]
    for study, median in zip(full.studies[:2], (0.1, 0.9), strict=True):
        parts.append(
            row.assign(estimand="upper_probability", group=f"study={study}", median=median)
        )
    pd.concat([table, *parts]).to_csv(path, index=False)
    section = section_of(render_page(full.load()), "heterogeneity")
    for name in (
        "Share of studies in the upper population",
        "Distance of the populations",
        "(phi)",
    ):
        assert name in section
    shown = [section.index(f"study={study}/upper_probability") for study in full.studies[:2]]
    assert shown[1] < shown[0]  # the likeliest first


def test_the_product_comes_first_and_says_why(full):
    section = section_of(render_page(full.load()), "studies")
    places = [section.index(f'id="fig-forest-{name}-title"') for name in
              ("capable-goal-failure", "goal-failure", "capability-transfer")]  # fmt: skip
    assert places[0] == min(places)
    text = " ".join(Page(section).text.split())
    assert "50% of the arms (9 of 18) count goal failures among all trials" in text
    assert "Hollow: put together from two counts of an arm" in text
    assert "Hollow: counts among all trials, capability unobserved." in text


def test_forests_fill_two_columns(full):
    forests = forest_section(full.load())
    columns = [[forest.outcome for forest in column] for column in forest_columns(forests)]
    assert columns == [["capable_goal_failure", "capability_transfer"], ["goal_failure"]]
    assert forest_columns([]) == []


def test_composition_shows_cells_and_lists(full):
    source = section_of(render_page(full.load()), "composition")
    text = " ".join(Page(source).text.split())
    assert "cases on which all coders agree whether they count" in text
    assert "what disagreement could do" in text
    assert "All lists" in text
    for study in full.studies:
        assert f'data-key="composition/harm/source_list={study}/study_rate"' in source


def test_catalogued_cases_are_counted_in_units(full):
    inputs = full.load()
    cases = int(inputs.composition_fits[0].rows["n_units"].sum())
    shown = f"100% ({cases:,} of {cases:,}) of the catalogued cases"
    assert shown in Page(render_page(inputs)).text


def test_diagnostics_say_what_a_failure_means_and_where_the_draws_are(full):
    section = section_of(render_page(full.load()), "diagnostics")
    assert "A failing check means" in section
    for name in ("rates", "rates_binomial", "by_failure_type", "composition"):
        assert f"data/processed/fits/{name}/posterior.nc" in section


def test_provenance_shows_parameterisation_and_notes(full):
    path = full.fits[0] / "fit.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"notes": ["no agent set has two arms"]}))
    section = section_of(render_page(full.load()), "provenance")
    assert "study (capability_transfer 2 of 6 units centred" in section
    assert "<dt>Notes</dt><dd>no agent set has two arms</dd>" in section
    assert "<dt>Notes</dt><dd>none</dd>" in section


def test_every_table_scrolls_in_its_own_container(full):
    full.checks("rates", passed=False)
    source = render_page(full.load())
    boxes = re.findall(r'<div class="scroll" tabindex="0">\s*<table', source)
    assert source.count("<table") == len(boxes)


def test_no_number_is_called_the_rate(full):
    assert "the rate " not in Page(render_page(full.load())).text.lower()


def test_the_answer_comes_first_with_every_limit_beside_it(full):
    inputs = full.load()
    source = render_page(inputs)
    places = [source.index(f'<section id="{name}">') for name in ("answer", "limits", "chain")]
    assert places == sorted(places)
    answer = Page(section_of(source, "answer")).text
    assert "does not mean that a deployed system fails this often" in answer
    assert answer.index("no sample of deployments") < answer.index("%")
    for limit in limits_of(inputs):
        assert limit.lead in answer
    assert section_of(source, "answer").count("<svg") == 1


def test_limits_come_first_and_are_counted(full):
    inputs = full.load()
    source = render_page(inputs)
    assert source.index('id="limits"') < source.index('id="chain"')
    rows = inputs.primary.rows
    trials = int(rows["trials_goal_failure"].sum())
    text = Page(source).text
    assert f"{trials:,} trials, but at most 12 independent agent sets." in text
    assert "50% (9 of 18) of the pooled arms do not observe capability." in text
    assert "The largest study supplies 17% (3 of 18) of the arms, and one study" in text
    largest = int(rows.groupby("study")["trials_goal_failure"].sum().max())
    assert f"({largest:,} of {trials:,}) of them." in text
    assert "No study with a denominator measures harm." in text
    assert "of the catalogued cases have no denominator" in text


def test_a_single_model_of_goal_failure_alone(base):
    base.fit("only", ("goal_failure",), primary=True, spread=())
    source = render_page(base.load())
    assert "Capability transfer and the product: not in this evidence base." in source
    for name in ("composition", "sensitivity", "heterogeneity", "flow"):
        part = re.search(rf'<section id="{name}">.*?</section>', source, re.DOTALL).group()
        assert "not in this evidence base" in part.lower()
    assert 'data-key="only/goal_failure/all/rate_new"' in source


def test_a_base_of_cases_alone(base):
    base.fit("cases", ("harm",), frame="case_series")
    source = render_page(base.load())
    assert "Not in this evidence base." in source
    assert COMPOSITION in source


def test_a_base_without_models_is_not_a_success(base):
    base.folder.mkdir()
    assert STAMP in render_page(base.load())


def test_rendering_again_gives_the_same_bytes(full, tmp_path):
    names = ("index.html", "pooled.csv", "diagnostics.csv", "results.json", "references.bib",
             "references.json", "methods.html", "prior_implications.csv",
             "codebook.html", "summary.md")  # fmt: skip
    render_report(full.load(), tmp_path / "a")
    render_report(full.load(), tmp_path / "b")
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted([*names, "figures"])
    figures = [sorted(p for p in (tmp_path / run / "figures").rglob("*.*")) for run in "ab"]
    assert len(figures[0]) > 10
    for one, other in zip(*figures, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_results_hold_everything(full, tmp_path):
    render_report(full.load(), tmp_path / "out")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    content = {"generated", "passed", "models", "pooled", "diagnostics", "flow", "refused"}
    assert set(results) == content | {"corrections", "chains"}
    assert results["passed"] is True
    assert list(results["models"]) == ["rates", "rates_binomial", "by_failure_type", "composition"]
    table = pd.DataFrame(**results["pooled"])
    shown = pd.read_csv(tmp_path / "out/pooled.csv")
    pd.testing.assert_frame_equal(table, shown, check_dtype=False)
    assert results["generated"]["labels"] == {"composition": COMPOSITION}


def test_the_keyboard_can_skip_to_the_content_of_each_page(full, tmp_path):
    render_report(full.load(), tmp_path / "out")
    pages = sorted((tmp_path / "out").glob("*.html"))
    assert len(pages) > 2
    for path in pages:
        source = path.read_text()
        body = source[source.index("<body>") :]
        first = re.search(r"<(?:a|button|input|summary)\b[^>]*>|<\w+[^>]*\btabindex=[^>]*>", body)
        assert first[0] == '<a class="skip" href="#content">', path
        assert body.count('<main id="content" tabindex="-1">') == 1, path
        assert ".skip:focus" in source, path
