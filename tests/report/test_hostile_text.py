"""Text that outsiders wrote is text on every page: it makes no element, attribute or template."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from meta.claims.audit import audit
from meta.evidence.warehouse import build_warehouse
from meta.report.agreement import load_codes
from meta.report.evidence_page.tables import load_evidence
from meta.report.pages import render_report
from meta.report.sensitivity import Sensitivity
from tests.claims.tables import claims, comparisons, estimates, sums
from tests.evidence.small_base import STUDY, arm, checked
from tests.report.evidence_base import unpacked
from tests.report.test_changes_section import document

if TYPE_CHECKING:
    from pathlib import Path

#: All in one cell: pages are rendered once for them all.
HOSTILE = " ".join(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</style></title></textarea></svg><b>bold</b>",
        "<!-- <![CDATA[ ]]> --",
        "{{ 7*7 }}{% include 'index.html.j2' %}{# gone #}",
        "\u202egnp.exe\u202c \u200fשלום\u200e",
        "&lt;b&gt; &amp; &#60;i&#62;",
        "\U0001f600 \U0001f469\u200d\U0001f52c",
    ]
)
LONG = "word " * 1000


class Skeleton(HTMLParser):
    """Elements and attribute names of a page in order, its code, its data, and all of its text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.code: list[str] = []
        self.data: list[str] = []
        self.text: list[str] = []
        self._in = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.text += [value for _, value in attrs if value]
        self._in = "data" if ("id", "evidence-data") in attrs else tag

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", ()))
        self._in = ""

    def handle_data(self, data):
        kinds = {"style": self.code, "script": self.code, "data": self.data}
        kinds.get(self._in, self.text).append(data)


def codes(folder: Path, text: str):
    """Results of the codes, with text in what a coder and a source wrote."""
    folder.mkdir()
    agreed = {
        "field": "harm", "kind": "case", "unclear": "missing", "scale": "ordinal", "coders": 2,
        "units": 30, "clusters": 28, "raw": 0.9, "raw_low": 0.8, "raw_high": 0.97, "alpha": 0.9,
        "alpha_low": 0.8, "alpha_high": 0.95, "ac": 0.95, "ac_low": 0.9, "ac_high": 0.99,
        "adjudicated": 0, "adjudicated_with": "",
    }  # fmt: skip
    pd.DataFrame([agreed]).to_csv(folder / "agreement.csv", index=False)
    dispute = {
        "unit_id": "A1", "kind": "arm", "study": "s_2020", "title": f"title {text}",
        "field": "harm", "models": "composition", "steps": 3.0, "settled": "", "priority": 0.4,
        "codes": [{"coder": c, "code": v, "confidence": "low", "rationale": f"rationale {text}"}
                  for c, v in (("a", "none"), ("b", "severe"))],
        "probabilities": [["none", 0.6], ["severe", 0.4]],
    }  # fmt: skip
    rows = [dispute, {**dispute, "unit_id": "K1", "kind": "case", "source": f"found in {text}"}]
    listed = {"coders": {"a": "machine_assisted", "b": "human"}, "rows": rows}
    (folder / "disagreements.json").write_text(json.dumps(listed))
    entry = {"units": 30, "items": 28, "unsure_units": 4,
             "sensitivity": {"likeliest_code_changes": 1}}  # fmt: skip
    (folder / "codes.json").write_text(json.dumps({"fields": {"harm": entry}}))
    check = {"model": "codes_harm", "check": "r_hat", "value": 1.002, "threshold": 1.01,
             "passed": True, "worst": f"worst {text}", "meaning": "chains agree"}  # fmt: skip
    pd.DataFrame([check]).to_csv(folder / "diagnostics.csv", index=False)
    return load_codes(folder)


def warehouse(folder: Path, text: str):
    """A base that passes the check, with text in every kind of free field."""
    case = {"case_id": "K1", "title": f"case {text}", "failure_type": "goal_misgeneralization",
            "description": f"description {text}", "intended_goal": f"intended {text}",
            "learned_proxy": f"learned {text}", "classification_note": f"noted {text}",
            "system_kind": "agent", "domain": "games", "environment": "CoinRun",
            "list_membership": "list"}  # fmt: skip
    evidence = checked(
        folder,
        studies=[{**STUDY, "title": f"study {text}"}],
        arms=[{**arm(), "arm_label": f"labelled {text}", "note": f"remark {text}",
               "locator": f"located {text}"}],
        cases=[case],
        codings=[{"unit_id": "K1", "coder": "coder_a", "confidence": "low", "harm": "none",
                  "rationale": f"argued {text}"}],
    )  # fmt: skip
    assert [str(p) for p in evidence.errors] == []
    build_warehouse(evidence, folder / "evidence.duckdb")
    return load_evidence(folder / "evidence.duckdb")


def prior_table(text: str) -> Sensitivity:
    number = {"outcome": "goal_failure", "group": f"environment=group {text}",
              "estimand": "rate_mean", "mean": 0.31, "sd": 0.05, "median": 0.3, "ci_low": 0.2,
              "ci_high": 0.4, "mcse_mean": 0.001, "k_studies": 5, "k_rows": 9,
              "passed": True}  # fmt: skip
    table = pd.DataFrame([{**number, "priors": "main", "tau_prior": "half-normal(1)"}])
    return Sensitivity("rates", {"prior_table": table})


def hostile_run(full, folder: Path, text: str):
    """A run with text in every place that holds what an outsider wrote."""
    full.titles[full.studies[0]] = f"title {text}"
    full.flow = {"boxes": [
        {"id": "found", "label": f"label {text}", "n": 9, "unit": "records"},
        {"id": "out", "label": "Excluded", "n": 4, "unit": "records", "of": "found",
         "reason": f"reason {text}"},
    ]}  # fmt: skip
    record = json.loads((full.fits[0] / "fit.json").read_text())
    (full.fits[0] / "fit.json").write_text(json.dumps({**record, "notes": [f"note {text}"]}))
    pooled = pd.read_csv(full.fits[0] / "pooled.csv")
    family = pooled[pooled["group"].eq("all")].assign(group=f"environment=group {text}")
    pd.concat([pooled, family]).to_csv(full.fits[0] / "pooled.csv", index=False)
    keys = ("table", "row_key", "column", "from_value", "to_value", "reason", "date", "by",
            "source")  # fmt: skip
    changed = document()
    changed["rows"]["arms"]["changed"] = {"B": {"note": ["", f"cell {text}"]}}
    printed = claims({key: f"{key} {text}" for key in ("document", "section", "subject")})
    said = sums(C001=False).assign(sentence=f"Sentence {text}")
    run = full.load()
    studies = run.studies.assign(
        url_or_id=[f"https://example.org/{text}", *run.studies["url_or_id"][1:]]
    )
    return replace(
        run,
        studies=studies,
        refused={"other": f"refused {text}"},
        corrections=(dict.fromkeys(keys, f"corrected {text}"),),
        changes=changed,
        codes=codes(folder, text),
        evidence=warehouse(folder / "evidence", text),
        sensitivity=(prior_table(text),),
        claims=audit(printed, said, estimates(), comparisons()),
    )


@pytest.fixture
def rendered(full, tmp_path):
    """Pages of the run with a given text, by name."""

    def render(text: str) -> dict[str, Skeleton]:
        full.fits[0].joinpath("pooled.csv").write_text(original)
        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        render_report(hostile_run(full, folder.with_suffix(".codes"), text), folder)
        return {path.name: Skeleton(path.read_text()) for path in folder.glob("*.html")}

    original = (full.fits[0] / "pooled.csv").read_text()
    return render


#: Places and the page that shows them.
SHOWN = {
    "index.html": ("title", "label", "reason", "note", "group", "corrected", "refused"),
    "disagreements.html": ("title", "rationale"),
    "evidence.html": ("study", "case"),
    "claims.html": ("section", "Sentence"),
}


@pytest.mark.parametrize("text", [HOSTILE, LONG], ids=["hostile", "long"])
def test_what_outsiders_wrote_is_text(rendered, text) -> None:
    """A page has the very elements, attributes and styles that harmless text gives it.

    And the text can be read: escaped once, neither dropped nor evaluated.
    """
    harmless, pages = rendered(re.sub(r"\S", "x", text)), rendered(text)
    assert pages.keys() == harmless.keys() >= SHOWN.keys()
    for name, page in pages.items():
        assert page.elements == harmless[name].elements, name
        assert page.code == harmless[name].code, name
        for data in page.data:
            held = json.dumps(unpacked(data), ensure_ascii=False)
            for place in ("study", "case", "labelled", "remark", "learned", "argued"):
                assert json.dumps(f"{place} {text.strip()}", ensure_ascii=False)[1:-1] in held
    assert pages["evidence.html"].data
    for name, places in SHOWN.items():
        whole = re.sub(r"\s+", " ", " ".join(pages[name].text))
        lost = [place for place in places if f"{place} {text.strip()}" not in whole]
        assert not lost, (name, lost)
