"""The calculator of the page in JavaScript: the figures of `meta risk`, its flags, its address.

Node runs the functions that the page carries. Where it is not installed the tests are skipped, and
fail where `REQUIRE_BROWSER` says that a missing program is a fault.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from meta.report.estimates import percent
from meta.report.scripts import STATIC
from meta.risk.basis import Basis
from meta.risk.calculator import calculator_content, packed
from meta.risk.profile_risk import risk_table
from meta.risk.settings import Profile, legal_values
from tests.risk.small_basis import documents, small_basis, with_counts

DOCUMENTS = documents()
SEED, CI_PROB = 17, 0.95
#: Figures agree to this much: the page has the same draws as 32-bit floats.
TOLERANCE = 1e-6

PROFILES = {
    "one": Profile(("significant", "significant")),
    "pair": Profile(("extreme", "moderate"), 0.7),
    "none": Profile(("none", "none"), capability="above_human"),
    "none in a pair": Profile(("none", "extreme"), 1.0),
    "gap": Profile(("moderate", "moderate"), 0.35, "human_level", "mixed"),
    "ends": Profile(("superficial", "superficial"), 0.0, "below_human", "diverse", "none"),
    "unknown levels": Profile(
        ("moderate", "moderate"), 0.3, "human_level", "narrow", "interpretability_verified"
    ),
    "period": Profile(("significant", "extreme"), 0.75, "above_human", period="post-2030"),
    "one remedy": Profile(
        ("extreme", "extreme"), interventions=("diverse_adversarial_training",)
    ),
    "everything": Profile(
        ("superficial", "extreme"), 0.4, "above_human", "narrow", "behavioral_cloning",
        "2028-2030",
        ("warning_or_prohibition", "decorrelated_training_data", "interpretability_verification",
         "ai_control_protocols", "anomaly_monitoring", "clarified_specification"),
    ),
}  # fmt: skip


def made_up(count: int = 600) -> Basis:
    """Draws of three code sets with means of their own, and a level that no study has."""
    basis = small_basis(count=count, seed=3)
    shifted = basis.rate_x.copy()
    shifted[count // 3 :] *= 0.5
    shifted[2 * count // 3 :] += 0.1
    basis = replace(basis, rate_x=shifted)
    basis = with_counts(basis, "shift_type", "extreme", 0.2)
    basis = with_counts(basis, "capability_level", "below_human", 0.4, of="k_capability")
    return with_counts(basis, "shift_type", "superficial", 0.1, harm=True)


def run(script: str, *inputs: Any) -> Any:
    """Evaluate a JavaScript expression of `R`, the functions, and `data`, the inputs."""
    node = shutil.which("node")
    if node is None:
        reason = "no Node is installed (Debian: apt-get install nodejs): the calculator is not run"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    text = (
        f"const R = require({json.dumps(str(STATIC / 'risk_calculator.js'))});"
        'const data = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        f"console.log(JSON.stringify((() => {{ {script} }})()));"
    )
    done = subprocess.run(
        [node, "-e", text], input=json.dumps(inputs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_state(profile: Profile) -> dict[str, Any]:
    """A profile as the page keeps it."""
    return {
        "shift": list(profile.shift),
        "specification": profile.specification,
        **{name: getattr(profile, name) or "" for name in
           ("capability", "diversity", "alignment", "period")},
        "interventions": list(profile.interventions),
    }  # fmt: skip


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return calculator_content(made_up(), DOCUMENTS, SEED, CI_PROB)


@pytest.fixture(scope="module")
def answers(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the page says of every profile."""
    script = """
      const content = R.unpacked(data[0]);
      return data[1].map((profile) => {
        const evidence = R.evidence(content, profile);
        evidence.rows.forEach((row) => { delete row.sorted; });
        const published = R.published(content, profile);
        const flags = [...published.flags, ...evidence.flags];
        return { published, evidence, said: R.flagSentences(content, flags) };
      });
    """
    found = run(script, content, [as_state(profile) for profile in PROFILES.values()])
    return dict(zip(PROFILES, found, strict=True))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    asked = {("asked", name): profile for name, profile in PROFILES.items()}
    return risk_table(asked, DOCUMENTS, made_up(), SEED, CI_PROB)


@pytest.mark.parametrize("name", PROFILES)
def test_the_page_gives_the_figures_of_meta_risk(
    name: str, answers: dict[str, dict[str, Any]], table: pd.DataFrame
) -> None:
    rows = table[table["profile"] == name]
    want = rows[rows["mode"] == "evidence"].to_dict("records")
    got = answers[name]["evidence"]["rows"]
    assert [(g["outcome"], g["estimand"]) for g in got] == [
        (w["outcome"], w["estimand"]) for w in want
    ]
    for g, w in zip(got, want, strict=True):
        ends = ("value", "low", "high")
        assert [g[e] for e in ends] == pytest.approx([w[e] for e in ends], abs=TOLERANCE)
        assert g["basis"] == w["basis"]
    assert " ".join(answers[name]["evidence"]["flags"]) == want[0]["flags"]


def test_the_page_says_judgement_where_no_study_has_a_level(
    answers: dict[str, dict[str, Any]],
) -> None:
    def bases(name: str) -> list[str]:
        rows = answers[name]["evidence"]["rows"]
        return [row["basis"] for row in rows if row["estimand"] == "rate_mean"]

    both, judgement = "evidence and judgement", "judgement"
    assert bases("one") == ["evidence"] * 3 + [both] * 2
    assert bases("one remedy") == ["evidence", judgement, both, both, both]
    assert bases("ends") == [judgement, "evidence", both, judgement, both]
    assert bases("unknown levels") == [judgement] * 3 + [both] * 2
    assert bases("pair") == ["evidence", both, both, both, both]


@pytest.mark.parametrize("name", PROFILES)
def test_the_page_gives_the_published_figures(
    name: str, answers: dict[str, dict[str, Any]], table: pd.DataFrame
) -> None:
    (want,) = table[(table["profile"] == name) & (table["mode"] == "published")].to_dict("records")
    got = answers[name]["published"]
    for end in ("value", "low", "high"):
        if np.isnan(want[end]):
            assert got[end] is None
        else:
            assert got[end] == pytest.approx(want[end], rel=1e-12)
    assert " ".join(got["flags"]) == want["flags"]


def test_the_page_shows_the_printed_figures_of_one_shift_type_alone(
    content: dict[str, Any],
) -> None:
    script = "return data[1].map((profile) => R.printedFigures(data[0], profile));"
    got = dict(zip(PROFILES, run(script, content, [*map(as_state, PROFILES.values())]),
                   strict=True))  # fmt: skip
    one = got.pop("one")
    whole = one["harmful_misgeneralization"]
    assert (whole["value"], whole["claims"]) == (0.218, ["C035"])
    assert one["capability_transfer"]["value"] == one["goal_failure"]["value"] == 0.55
    harm = one["harm"]
    assert (harm["value"], harm["low"], harm["high"]) == (None, 0.5, 0.7)
    assert "capable_goal_failure" not in one
    assert not any(got.values())
    assert run("return R.span(data[0]).value;", harm) == "50% to 70%"


def test_the_profiles_meet_every_kind_of_flag(answers: dict[str, dict[str, Any]]) -> None:
    from meta.risk.flags import flag_sentences

    flags = {
        flag
        for answer in answers.values()
        for part in ("published", "evidence")
        for flag in answer[part]["flags"]
    }
    assert {flag.partition(":")[0] for flag in flags} == {
        "exceeds_one", "shift_not_printed", "in_a_gap", "outside_configurations",
        "no_printed_figure", "no_evidence", "extrapolates", "few_contrasts", "no_capability",
        "no_cases",
    }  # fmt: skip
    for answer in answers.values():
        own = [flag for part in ("published", "evidence") for flag in answer[part]["flags"]]
        assert answer["said"] == flag_sentences(own)


def test_what_is_behind_a_setting_is_told(answers: dict[str, dict[str, Any]]) -> None:
    support = answers["pair"]["evidence"]["support"]
    assert [(s["setting"], s["level"], s["studies"], s["lists"]) for s in support] == [
        ("shift", "extreme", 0.2, 2.0), ("shift", "moderate", 3.0, 2.0),
        ("specification", "medium", 3.0, None),
    ]  # fmt: skip
    effects = answers["everything"]["evidence"]["effects"]
    assert [e["name"] for e in effects] == ["2028-2030", *PROFILES["everything"].interventions]


def test_the_direction_of_an_intervention_is_that_of_its_arms(content: dict[str, Any]) -> None:
    basis = made_up()
    columns = {effect["name"]: effect for effect in content["effects"]}
    for name, draws in basis.interventions.items():
        want = "raises" if np.median(draws) > 0 else "lowers"
        assert columns[name]["direction"] == want
    assert not any(e["direction"] for e in content["effects"] if e["judged"])


def test_draws_are_packed_in_three_bytes(content: dict[str, Any]) -> None:
    bytes_ = np.frombuffer(base64.b64decode(content["draws"]), np.uint8).astype(float)
    steps = (bytes_.reshape(-1, 3) @ [1, 256, 65536]).reshape(-1, content["count"])
    low, step = np.array(content["scales"]).T[..., None]
    columns = dict(zip(content["columns"], low + step * steps, strict=True))
    basis = made_up()
    for name, draws in (
        ("location.2", basis.chain.harm.location[:, 0]),
        ("rates.11.1", basis.chain.rates.slope[:, 11, 1]),
        ("rho", basis.chain.correlation),
    ):
        assert columns[name] == pytest.approx(draws, abs=1e-7 * np.ptp(draws)), name
    assert len(content["means"]["rates"]) == 3
    rows = np.array(content["means"]["rates"])[content["sets"]]
    assert rows == pytest.approx(basis.rate_x)


def test_a_column_that_does_not_vary_is_its_value() -> None:
    found = packed({"still": np.full(4, 0.3), "moving": np.array([0.0, 1.0, 0.5, 0.25])})
    assert found["scales"][0] == [0.3, 0.0]
    assert not any(base64.b64decode(found["draws"])[: 3 * 4])


def test_draws_that_are_no_finite_numbers_are_named() -> None:
    columns = {"r": np.array([0.1, np.nan]), "rho": np.zeros(2), "tau.0": np.array([1, np.inf])}
    with pytest.raises(ValueError, match=r"not finite: r, tau\.0$"):
        packed(columns)


@pytest.mark.parametrize("name", PROFILES)
def test_the_state_is_in_the_address(name: str, content: dict[str, Any]) -> None:
    state = as_state(PROFILES[name])
    script = """
      const fragment = R.toFragment(data[1]);
      return [fragment, R.fromFragment(data[0], fragment), R.command(data[1])];
    """
    fragment, read, _ = run(script, content, state)
    assert read["unknown"] == []
    assert read["profile"] == {**state, "shift": list(dict.fromkeys(state["shift"]))}
    assert fragment.startswith("shift=") and "%" not in fragment


def test_what_the_address_says_wrongly_is_left_out_and_named(content: dict[str, Any]) -> None:
    fragment = (
        "shift=big,extreme,moderate,none&specification=1.2&capability=x&mitigations=luck,"
        "ai_control_protocols,ai_control_protocols&colour=red&period=2026-2027"
    )
    read = run("return R.fromFragment(data[0], data[1]);", content, fragment)
    assert read["unknown"] == [
        "shift big", "specification 1.2", "capability x", "mitigations luck", "colour",
    ]  # fmt: skip
    assert read["profile"]["shift"] == ["extreme", "moderate"]
    assert read["profile"]["interventions"] == ["ai_control_protocols"]
    assert read["profile"]["period"] == "2026-2027"
    for text in ("", "specification=", "specification=abc", "shift=", "=&&", "%E0%A4%A"):
        again = run("return R.fromFragment(data[0], data[1]);", content, text)
        assert again["profile"]["specification"] is None and again["profile"]["shift"] == []


def test_the_command_that_is_shown_is_one(content: dict[str, Any]) -> None:
    from click.testing import CliRunner

    from meta.cli import main

    words = run("return R.command(data[1]);", content, as_state(PROFILES["everything"])).split()
    assert words[:2] == ["meta", "risk"]
    # Without a run here it gets as far as looking for one: its options and values are known.
    found = CliRunner().invoke(main, [*words[1:], "--directory", "."])
    assert found.exit_code in (0, 1) and "No such option" not in found.output


@pytest.mark.parametrize("decimals", [0, 1])
def test_shares_are_written_as_on_the_other_pages(decimals: int) -> None:
    shares = [0.0, 1e-6, 0.0004, 0.0006, 0.004, 0.049, 0.5, 0.9994, 0.9996, 0.996, 1.0, 1.384]
    got = run("return data[0].map((x) => R.percent(x, data[1]));", shares, decimals)
    assert got == [percent(share, decimals) for share in shares]


def test_every_legal_value_has_what_the_page_asks_for(content: dict[str, Any]) -> None:
    legal = legal_values(DOCUMENTS)
    assert content["legal"] == legal
    for name in ("shift", "capability", "diversity", "alignment"):
        assert set(legal[name]) <= set(content["support"][name])
        assert set(legal[name]) == set(content["printed"][name])
    effects = {effect["name"] for effect in content["effects"]}
    assert effects == {*legal["period"], *legal["interventions"]}
    assert len(content["scores"]) == 101
    levels = {level for score in content["scores"] for level, _ in score["levels"]}
    assert levels <= set(content["support"]["specification"])


def test_the_script_stays_inside_its_element() -> None:
    from meta.report.scripts import script

    assert "RiskCalculator" in script("risk_calculator.js")
    assert "innerHTML" not in Path(STATIC / "risk_calculator.js").read_text()
