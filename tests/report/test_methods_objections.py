"""Objections, checks, estimands and references: nothing named is missing, nothing said twice."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta.checks.importance import LARGEST_K
from meta.config import Gate, ModelSpec, Sampler
from meta.estimands import all_estimates
from meta.models.design import build_design
from meta.provenance import RESOURCES, _closure
from meta.report.methods.catalogue import (
    UNKNOWN,
    analyses,
    catalogue,
    catches,
    constant,
    defined,
    definitions,
    gates,
    setting,
)
from meta.report.methods.citations import bibliography, cited_keys, linked, references
from meta.report.methods.objections import read_objections
from meta.report.wording import ESTIMAND_NAMES
from meta.settings_file import load_settings
from tests.models.test_hierarchy import CHAIN, table

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "src/meta/report/templates"
ENTRIES = {entry.id: entry for entry in read_objections()}
GUIDE = {"A": 3, "B": 8, "C": 4, "D": 3, "E": 3, "F": 8}


@pytest.fixture(scope="module")
def settings():
    return load_settings(ROOT).model_dump(mode="json")


def test_every_objection_has_one_entry():
    expected = {f"{part}{i}" for part, count in GUIDE.items() for i in range(1, count + 1)}
    assert expected <= set(ENTRIES)
    assert len(read_objections()) == len(ENTRIES)


@pytest.mark.parametrize("name", list(ENTRIES))
def test_where_an_objection_is_answered_is_there(name, settings):
    where = ENTRIES[name].where
    assert where.code
    assert where.test or where.page
    for path in (*where.code, *where.test):
        assert (ROOT / path).is_file(), path
    for key in where.setting:
        assert setting(key, settings) is not None, key
    for address in where.page:
        resolve(address)


def resolve(address):
    file, _, anchor = address.partition("#")
    written = "".join(path.read_text() for path in (ROOT / "src/meta/report").glob("*.py"))
    assert f'"{file}"' in written, address
    if anchor:
        templates = "".join(path.read_text() for path in TEMPLATES.glob("*.j2"))
        assert f'id="{anchor}"' in templates, address


def test_the_resolver_sees_what_is_gone(settings):
    for address in ("index.html#nowhere", "nowhere.html"):
        with pytest.raises(AssertionError):
            resolve(address)
    assert setting("models.nowhere", settings) is None


def test_every_citation_has_an_entry_and_every_entry_an_identifier():
    texts = "".join(path.read_text() for path in (ROOT / "src/meta/report/methods").glob("*.yaml"))
    entries = bibliography().entries
    assert set(cited_keys(texts)) <= set(entries)
    assert len(cited_keys(texts)) > 40
    for key, entry in entries.items():
        doi, arxiv = entry.fields.get("doi"), entry.fields.get("eprint")
        assert (doi is None) != (arxiv is None), key
        if doi:
            assert re.fullmatch(r"10\.\d{4,9}/[^\s\"<>]+", doi), key
        else:
            assert re.fullmatch(r"\d{4}\.\d{4,5}", arxiv), key
    identifiers = [e.fields.get("doi") or e.fields["eprint"] for e in entries.values()]
    assert len(set(identifiers)) == len(identifiers)
    assert {reference.key for reference in references()} == set(entries)


def test_dois_are_those_that_the_code_cites():
    """A DOI that code and references give for one method is written alike in both."""
    code = "".join(path.read_text() for path in (ROOT / "src/meta").rglob("*.py"))
    in_code = set(re.findall(r"doi:(10\.\d{4,9}/[\w.()/-]*\w)", code))
    ours = {e.fields["doi"] for e in bibliography().entries.values() if "doi" in e.fields}
    assert len(in_code & ours) >= 8
    near = {doi.lower(): doi for doi in in_code}
    assert all(near.get(doi.lower(), doi) == doi for doi in ours)


def test_an_unknown_citation_is_an_error_and_text_is_escaped():
    with pytest.raises(KeyError):
        linked("said [@nobody1900]")
    text = linked("a < b [@talts2018; @vehtari2021]")
    assert "a &lt; b" in text
    assert 'href="#ref-talts2018"' in text
    assert "Vehtari et al. 2021" in text


def test_every_threshold_of_the_gate_has_a_check_that_says_what_it_would_catch():
    for name in Gate.model_fields:
        assert catches(name) != UNKNOWN
    for name in ("chain_r_hat", "chain_ess_bulk", "chain_ess_tail", "chain_mcse_over_sd"):
        assert catches(name) != UNKNOWN
    for name in ("chains", "posterior_predictive_largest_rate", "loo_pit"):
        assert catches(name) != UNKNOWN
    assert catches("nobody_wrote_it") == UNKNOWN


def test_thresholds_of_gates_are_those_applied(full):
    run = full.load()
    (r_hat,) = [check for check in gates(run) if check.name == "r_hat"]
    assert r_hat.threshold == "< 1.01"
    stricter = run.fits[1].diagnostics.assign(threshold="1.005")
    fits = (run.fits[0], replace(run.fits[1], diagnostics=stricter))
    (r_hat,) = [check for check in gates(replace(run, fits=fits)) if check.name == "r_hat"]
    assert r_hat.threshold == "< 1.01 (rates); < 1.005 (rates_binomial)"


def test_thresholds_of_analyses_are_read_and_never_written(settings):
    assert not re.search(r"\b\d+\.\d+\b", str(catalogue()["analyses"]))
    for entry in catalogue()["analyses"]:
        if "constant" in entry:
            assert constant(entry["constant"]) is not None
        else:
            assert setting(entry["setting"], settings) is not None, entry["name"]
    shown = {check.name: check.threshold for check in analyses(settings)}
    assert shown["Power-scaling of the hyperpriors"] == "0.05"
    settings = {**settings, "sensitivity": {**settings["sensitivity"], "power_threshold": 0.07}}
    shown = {check.name: check.threshold for check in analyses(settings)}
    assert shown["Power-scaling of the hyperpriors"] == "0.07"
    assert {c.threshold for c in analyses({})} >= {"not recorded"}


def test_constants_are_those_of_the_code():
    assert constant("meta.checks.importance:LARGEST_K") == LARGEST_K
    with pytest.raises(LookupError):
        constant("meta.checks.importance:NOBODY")


def test_the_report_is_made_again_when_a_threshold_or_a_text_changes():
    known = {file for files in RESOURCES.values() for file in files}
    for entry in catalogue()["analyses"]:
        if "constant" in entry:
            module = entry["constant"].partition(":")[0]
            assert module.removeprefix("meta.").replace(".", "/") + ".py" in known
    for path in (ROOT / "src/meta/report/methods").iterdir():
        if path.suffix in {".yaml", ".bib"}:
            assert f"report/methods/{path.name}" in known
    closure = _closure(["meta.report.pages"])[0]
    assert {"meta.report.methods.catalogue", "meta.report.methods.citations"} <= set(closure)


def test_every_reported_estimand_is_defined():
    known = definitions()
    for name in ESTIMAND_NAMES:
        assert defined(name, known), name
    assert defined("share_above_0.5", known)
    assert not defined("rate_of_nothing", known)
    assert all(str(each.text) for each in known)
    assert 'href="https://doi.org/10.2307/2531734"' in "".join(str(e.text) for e in known)


def test_every_estimand_that_a_model_yields_is_defined():
    spec = ModelSpec(
        stages=CHAIN, levels=["study", "agent_set"], random_effects="two_population",
        moderators=["kind"],
    )  # fmt: skip
    rows = table()
    rows = rows.assign(kind=np.where(np.arange(len(rows)) % 2, "a", "b"))
    design = build_design(rows, spec)
    shape, rng = (1, 4), np.random.default_rng(1)
    sizes = {"stage": 2, "term": len(design.terms), "stage_pair": 1}
    sizes |= {level.name: len(level.units) for level in design.levels}
    dims = dict.fromkeys(("alpha", "tau", "omega", "icc"), ("stage",))
    dims |= {f"{lv.name}_logit": (lv.name, "stage") for lv in design.levels}
    dims |= {"beta": ("term", "stage"), "correlation": ("stage_pair",)}
    dims |= dict.fromkeys(("upper_share", "split", "gap"), ())
    made = {
        name: (("chain", "draw", *of), rng.uniform(0.2, 0.8, (*shape, *(sizes[d] for d in of))))
        for name, of in dims.items()
    }
    coords = {"stage": list(CHAIN), "stage_pair": ["goal_failure~capability_transfer"]}
    coords |= {level.name: level.units for level in design.levels}
    found = {e.estimand for e in all_estimates(xr.Dataset(made, coords), design, 1, (0.5,))}
    assert len(found) > 10
    assert [name for name in found if not defined(name, definitions())] == []


def test_the_sampler_is_described_by_fields_that_it_has():
    assert {"chains", "draws", "tune", "target_accept", "max_depth"} <= set(Sampler.model_fields)
