"""The evidence page as written: what rows contribute, where they stand, text that stays text."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from meta.evidence.checking import check
from meta.evidence.disagreements import disagreement_table
from meta.evidence.warehouse import build_warehouse
from meta.report import scripts
from meta.report.evidence_page.codings import differences
from meta.report.evidence_page.contribution import Influence
from meta.report.evidence_page.page import evidence_csv
from meta.report.evidence_page.tables import load_evidence
from meta.report.inputs import Fit
from meta.report.pages import render_report
from tests.evidence.small_base import STUDY, arm
from tests.report.evidence_base import CASES, STUDIES, evidence_run, unpacked

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "</style></script><!--",
    "{{ 7 * 7 }} {% raw %} ${7*7}", "\u202eright to left\u202c \u200f", "x" * 5000, "🐟👩‍👩‍👧 é",
    "&lt;b&gt; &amp;", "\\u003c \\", "' onmouseover='alert(3)",
)  # fmt: skip


class Tags(HTMLParser):
    """Counts the elements of a page, and keeps the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("shipped") / "evidence.duckdb"
    build_warehouse(check(ROOT), path)
    return load_evidence(path)


def rows_of(run) -> dict[str, dict[str, str]]:
    text = evidence_csv(run, run.evidence)
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text))}


def data_of(page: str) -> dict:
    found = re.search(r'<script type="text/plain" id="evidence-data">(.*?)</script>', page)
    assert found is not None
    return unpacked(found[1])


def rendered(run, folder: Path) -> str:
    render_report(run, folder)
    return (folder / "evidence.html").read_text()


def test_each_row_has_what_its_study_contributes(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    rows = rows_of(run)
    pooled = run.primary.pooled.set_index(["outcome", "group", "estimand"])
    for name, study in (("A1", "smith_2024"), ("A4", "jones_2022"), ("jones_2022", "jones_2022")):
        number = pooled.loc[("capable_goal_failure", f"study={study}", "study_rate")]
        shown = [float(rows[name][f"study_rate_{part}"]) for part in ("median", "low", "high")]
        assert shown == pytest.approx(number[["median", "ci_low", "ci_high"]].tolist(), rel=1e-5)
        moved = run.primary.checks.studies.set_index("study").loc[study, "largest_shift_sd"]
        assert float(rows[name]["influence_sd"]) == pytest.approx(moved)
    assert [rows[name]["models"] for name in ("A1", "A3", "A4", "K1")] == ["rates", "rates", "", ""]
    # A study has the models that read any arm of it: in the file and in the filter.
    arms = run.evidence.frames["arms"]
    pooled = set(arms.loc[arms["arm_id"].isin(["A1", "A2", "A3"]), "study_id"])
    studies = {name: row["models"] for name, row in rows.items() if row["kind"] == "study"}
    assert studies == {name: "rates" if name in pooled else "" for name in studies}
    shown = [row for row in data_of(rendered(run, tmp_path))["rows"] if row["kind"] == "study"]
    assert [row["facets"]["used"] for row in shown] == [
        ["rates"] if row["study"] in pooled else ["(none)"] for row in shown
    ]  # fmt: skip
    # A case has no rate, whatever its study has.
    assert rows["K1"]["study_rate_median"] == rows["K1"]["influence_sd"] == ""


def test_rows_of_imputed_codes_and_cases_name_their_models(tmp_path: Path) -> None:
    """An arm that any code set has; a coded case that a composition's filter keeps."""
    run = evidence_run(tmp_path)
    primary = run.primary
    sets = pd.DataFrame({"row_id": ["A1", "A4", "A1"], "imputation": [1, 1, 2]})
    moderated = replace(primary, name="by_shift", imputed=sets)
    kinds = run.evidence.frames["cases"]["evidence_kind"]
    kind = str(kinds.iloc[0])

    def composition(*values: str) -> Fit:
        spec = {"frame": "case_series", "stages": ["harm"], "likelihood": "binomial",
                "levels": ["source_list"], "filter": {"evidence_kind": list(values)}}  # fmt: skip
        return replace(primary, name="kinds", record={"frame": "case_series", "spec": spec})

    fits = (*run.fits, moderated, composition(kind))
    rows = rows_of(replace(run, fits=fits))
    assert [rows[name]["models"] for name in ("A1", "A3", "A4")] == [
        "rates by_shift", "rates", "by_shift",
    ]  # fmt: skip
    case = run.evidence.frames["cases"]["case_id"].iloc[0]
    assert rows[case]["models"] == "", "nobody has coded it"
    frames = dict(run.evidence.frames)
    coding = frames["codings"].iloc[:1].assign(unit_id=case)
    frames["codings"] = pd.concat([frames["codings"], coding], ignore_index=True)
    frames["cases"] = frames["cases"].assign(study_id="jones_2022")
    coded = replace(run, evidence=replace(run.evidence, frames=frames))
    listed = rows_of(replace(coded, fits=fits))
    assert listed[case]["models"] == "kinds"
    # By its arms and by the case.
    assert listed["jones_2022"]["models"].split()[-2:] == ["by_shift", "kinds"]
    other = next(k for k in ("design_only", "observed_behaviour") if k != kind)
    bare = rows_of(replace(coded, fits=(*run.fits, composition(other))))
    assert bare[case]["models"] == ""


def test_a_row_is_found_where_it_is_said_to_stand(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    for name, row in rows_of(run).items():
        line = (tmp_path / row["file"]).read_text().splitlines()[int(row["line"]) - 1]
        assert line.startswith(f"{name},")


def test_coders_differ_where_the_list_of_disagreements_says(shipped) -> None:
    tables = {name: frame.replace("", pd.NA) for name, frame in shipped.frames.items()}
    nothing = pd.DataFrame({"unit_id": [], "field": [], "code": [], "probability": []})
    listed = disagreement_table(tables, nothing, {}).groupby("unit_id").size()
    counts = differences(shipped.frames["codings"])
    differing = counts.loc[counts["differing"] > 0, "differing"]
    assert differing.sort_index().to_dict() == listed.sort_index().to_dict()
    assert (counts["differing"] <= counts["compared"]).all()


def test_an_adjudicated_code_is_no_difference(tmp_path: Path) -> None:
    codings = [
        {"unit_id": "A1", "coder": coder, "codebook_version": "1", "shift_type": code}
        for coder, code in (("a", "none"), ("b", "none"), ("adjudicated", "extreme"))
    ]
    coders = [{"coder": name, "kind": "human"} for name in ("a", "b", "adjudicated")]
    run = evidence_run(tmp_path, codings=codings, coders=coders)
    row = rows_of(run)["A1"]
    assert (row["compared"], row["differing"]) == ("1", "0")
    assert row["adjudicated:shift_type"] == "extreme"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_data(tmp_path: Path, text: str) -> None:
    fields = ["arm_label", "goal_failure_definition", "overlap", "locator", "printed_figure",
              "derivation", "note", "other_counts"]  # fmt: skip
    # Names of conditions and the like may hold no invisible character.
    fields += ["environment", "condition", "agent"] if text.isascii() else []
    coded = [{"unit_id": "A1", "coder": "a", "codebook_version": "1", "shift_type": "none",
              "rationale": text}]  # fmt: skip
    case = {
        **CASES[0],
        **dict.fromkeys(("title", "description", "intended_goal", "found_in"), text),
    }
    run = evidence_run(
        tmp_path, pooled=["A1"],
        studies=[{**STUDY, "title": text, "authors": text}, {**STUDY, "study_id": "other_2024"}],
        arms=[arm("A1", **dict.fromkeys(fields, text))], cases=[case], codings=coded,
        coders=[{"coder": "a", "kind": "human", "note": text}],
    )  # fmt: skip
    page = rendered(run, tmp_path / "out")
    data = data_of(page)
    by_name = {row["address"]: row for row in data["rows"]}
    # Everything comes back as it was written, and nothing of it is markup on the way.
    for name, count in (("A1", len(fields)), ("smith_2024", 2), ("K1", 4)):
        assert by_name[name]["fields"].count(text) == count
    assert by_name["A1"]["codings"][0][2] == text
    tags = Tags(page).found
    assert (tags["script"], tags["style"]) == (3, 1)
    assert not {"img", "b"} & set(tags)
    assert not [name for name in Tags(page).attributes if name.startswith("on")]
    assert "<bdi>49" not in page


def test_the_policy_allows_the_scripts_of_the_page_and_nothing_else(tmp_path: Path) -> None:
    page = rendered(evidence_run(tmp_path), tmp_path / "out")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    bodies = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in bodies]
    assert len(bodies) == 2
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"


def test_vendored_files_are_those_on_record() -> None:
    recorded = scripts.vendored_files()
    there = {path.name for path in scripts.STATIC.iterdir()}
    assert set(recorded) == {name for name in there if ".min." in name}
    for name, entry in recorded.items():
        content = (scripts.STATIC / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert entry["version"] in content[:200].decode()
        licence = re.search(r"\((\S+)\)", entry["licence"])[1]
        assert "Permission is hereby granted" in (scripts.STATIC / licence).read_text()


def test_a_vendored_file_that_differs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dataTables.min.js").write_text("alert(1)")
    scripts.vendored_files()
    monkeypatch.setattr(scripts, "STATIC", tmp_path)
    with pytest.raises(ValueError, match="not the file that"):
        scripts.vendored("dataTables.min.js")
    (tmp_path / "own.js").write_text("'</SCRIPT>'")
    with pytest.raises(ValueError, match="would end"):
        scripts.script("own.js")


def test_every_row_links_to_its_source_or_says_that_there_is_none(tmp_path: Path) -> None:
    bare = {**STUDIES[1], "url_or_id": "a leaflet, no address"}
    case = {**CASES[0], "case_id": "K2", "title": "Told at a dinner", "source_url": ""}
    run = evidence_run(tmp_path, studies=[STUDIES[0], bare], cases=[CASES[0], case])
    page = rendered(run, tmp_path / "out")
    # Rows of jones_2022 (A3, A4 and its own) and the second case have no address.
    without = {"A3", "A4", "jones_2022", "K2"}
    data = data_of(page)
    assert {row["address"] for row in data["rows"] if not row["links"]} == without
    rows = re.findall(r'<tr id="([^"]*)">(.*?)</tr>', page)
    assert {name for name, _ in rows} == {row["address"] for row in data["rows"]}
    for name, cells in rows:
        assert ("no address of a source" in cells) == (name in without)
        assert ('<a href="https://' in cells) == (name not in without)
    assert data["no_link"] == "no address of a source"


def test_rows_of_two_kinds_with_one_name_have_two_addresses(tmp_path: Path) -> None:
    name = "smith_2024"
    studies = [{**STUDY, "study_id": name}, {**STUDY, "study_id": "other_2024"}]
    run = evidence_run(
        tmp_path, pooled=[name], studies=studies, arms=[arm(name, study_id=name)],
        codings=[], coders=[],
    )  # fmt: skip
    assert run.row_address(name) == f"evidence.html#{name}"
    assert run.row_address(name, "study") == f"evidence.html#study%3A{name}"
    assert run.row_address("other_2024", "study") == "evidence.html#other_2024"
    assert run.row_address("nobody") == ""
    page = rendered(run, tmp_path / "out")
    ids = re.findall(r'<tr id="([^"]*)"', page)
    assert ids == [name, f"study:{name}", "other_2024", "K1"]
    assert data_of(page)["studies"][name]["address"] == f"study:{name}"


def test_other_pages_lead_to_the_row(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    render_report(run, tmp_path / "out")
    index = (tmp_path / "out" / "index.html").read_text()
    assert 'href="evidence.html#smith_2024" aria-label="evidence of Smith 2024"' in index
    checks = (tmp_path / "out" / "diagnostics.html").read_text()
    assert '<a href="evidence.html#jones_2022">Jones 2022</a>' in checks


def test_a_base_beyond_the_page_is_whole_in_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meta.report.evidence_page.page.MOST_ROWS", 5)
    monkeypatch.setattr("meta.report.evidence_page.page.MOST_PLAIN", 2)
    run = evidence_run(tmp_path)
    page = rendered(run, tmp_path / "out")
    assert [row["address"] for row in data_of(page)["rows"]] == [
        "A1",
        "A2",
        "A3",
        "A4",
        "smith_2024",
    ]
    assert re.findall(r'<tr id="([^"]*)"', page) == ["A1", "A2"]
    assert "The page holds the first 5 of 7 rows" in page
    assert "The first 2 of 5 rows stand here" in page
    assert len(rows_of(run)) == 7


def test_without_a_rate_model_the_rows_are_there(tmp_path: Path) -> None:
    run = replace(evidence_run(tmp_path), fits=(), estimates={})
    page = rendered(run, tmp_path / "out")
    assert all(row["cells"][5] == ["", ""] for row in data_of(page)["rows"])
    assert data_of(page)["studies"]["smith_2024"]["said"] == []


def test_an_influence_says_what_moves_and_that_an_arm_has_its_studys() -> None:
    moved = Influence(1.68, "Capability transfers, average over studies", 0.2)
    assert moved.remark("study") == "Capability transfers, average over studies"
    assert moved.remark("arm") == "its study; Capability transfers, average over studies"
    assert moved.sentence.endswith("Of one arm alone, `meta preview --remove ARM` shows it.")
