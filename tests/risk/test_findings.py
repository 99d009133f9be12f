"""Findings against every point of the independent audit of the published tables."""

import math
import re

import pytest

from meta.errors import MissingRowsError
from meta.finding import COLUMNS, findings_table
from meta.risk.findings import table_findings


def findings(claims, **options):
    return findings_table(table_findings(claims, **options))


@pytest.fixture(scope="module")
def found(claims):
    return findings(claims).set_index("finding")


def _numbers(row) -> dict[str, list[str]]:
    return {
        name: values.split()
        for name, values in (part.split("=") for part in row["numbers"].split("; "))
    }


#: Each point of the audit: the finding, the number of it, and the audit's figures with its digits.
AUDIT = [
    # Base probabilities.
    ("harm_outside_band", "implied_harm", [0.353, 0.549, 0.721, 0.821], 3),
    ("harm_outside_band", "stated_low", [0.051, 0.091, 0.151, 0.169], 3),
    ("harm_outside_band", "stated_high", [0.071, 0.127, 0.212, 0.236], 3),
    ("harm_outside_band", "outside", ["superficial", "significant", "extreme"], None),
    ("harm_rises", "least", [0.35], 2),
    ("harm_rises", "most", [0.82], 2),
    ("pooled_harm_outside_band", "pooled_harm", [0.45], 2),
    ("pooled_harm_outside_band", "would_give", [0.046, 0.082, 0.136, 0.152], 3),
    ("heading_omits_harm", "without_harm", [0.102, 0.182, 0.303, 0.338], 3),
    ("capability_word_reversed", "capability", [0.85, 0.65, 0.55, 0.45], 2),
    ("last_rise_is_harm", "product_before", [0.303], 3),
    ("last_rise_is_harm", "product_last", [0.338], 3),
    ("last_rise_is_harm", "harm_fixed", [0.243], 3),
    # The pooled row.
    ("pooled_row_unweighted", "means", [0.8667, 0.7567, 0.4533], 4),
    ("pooled_row_unweighted", "catalogue", [0.87, 0.73, 0.41], 2),
    ("pooled_rows_without_counts", "rows", [3], 0),
    ("pooled_above_base_rates", "row_products", [0.507, 0.260, 0.177], 3),
    ("pooled_above_base_rates", "pooled_product", [0.298], 3),
    ("pooled_above_base_rates", "mean_of_products", [0.315], 3),
    ("pooled_above_base_rates", "highest_base", [0.277], 3),
    ("rate_from_a_catalogue", "by_selection", [1], 0),
    # Modifiers and ranges.
    ("modifiers_exceed_one", "modifiers", [0.07, 12.6], 2),
    ("modifiers_exceed_one", "risk", [0.0025, 3.49], 3),
    ("risk_ranges_without_rule", "low_multiplier", [0.28, 0.30, 0.46, 0.47], 2),
    ("risk_ranges_without_rule", "high_multiplier", [2.78, 2.20, 1.93, 1.84], 2),
    ("risk_ranges_narrower", "used", [0.28, 2.78], 2),
    ("risk_ranges_narrower", "modifiers", [0.07, 12.6], 2),
    ("headline_ranges_disagree", "summary", [0.036, 0.277], 3),
    ("headline_ranges_disagree", "overview", [0.01, 0.5], 2),
    ("headline_ranges_disagree", "info_box", [0.2, 0.6], 2),
    ("headline_ranges_disagree", "table", [0.218], 3),
    ("over_by_one_point", "largest", [0.51], 2),
    # Domains and timeline.
    ("domains_not_reproduced", "implied_low", [0.018, 0.08, 0.08, 0.15, 0.33], 2),
    ("domains_not_reproduced", "implied_high", [0.07, 0.26, 0.26, 0.44, 0.55], 2),
    ("domains_not_reproduced", "reproduced", [0], 0),
    ("projection_against_timeline", "ratio_low", [1.39, 1.67], 2),
    ("projection_against_timeline", "ratio_high", [1.14, 1.33], 2),
    ("projection_against_timeline", "projected_low", [0.045, 0.18, 0.12, 0.27, 0.375], 3),
    ("projection_against_timeline", "projected_high", [0.18, 0.42, 0.33, 0.525, 0.675], 3),
    ("timeline_exceeds_one", "post-2030", [0.83, 1.39], 2),
    # The chart.
    ("examples_in_other_quadrants", "cross_cultural", ["moderate", "superficial"], None),
    ("examples_in_other_quadrants", "evaluation_to_deployment", ["extreme", "significant"], None),
    ("example_on_a_line", "cooperative_to_competitive", ["significant", "extreme"], None),
    ("scenario_against_code_book", "short_to_long_term", ["significant", "extreme"], None),
    ("empty_quadrant", "empty", ["moderate"], None),
    (
        "empty_quadrant", "superficial",
        ["simulation_to_real", "language_style", "cross_cultural", "weather"], None,
    ),
    ("points_not_in_table", "equal", [0], 0),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "number", "expected", "digits"), AUDIT)
def test_every_point_of_the_audit_is_found(found, finding, number, expected, digits):
    written = _numbers(found.loc[finding])[number]
    if digits is None:
        assert written == expected
    else:
        # Half a unit of the audit's last digit.
        half = 0.5001 * 10.0**-digits
        assert [float(value) for value in written] == pytest.approx(expected, abs=half)


def test_nothing_else_is_found_but_the_gaps(found):
    assert set(found.index) - {finding for finding, *_ in AUDIT} == {"specification_gaps"}


EVEN = {"C029": 0.102 * 0.6, "C032": 0.182 * 0.6, "C035": 0.3025 * 0.6, "C038": 0.3375 * 0.6}
RISKS = {"C011": 0.036, "C012": 0.072, "C013": 0.1, "C014": 0.2, "C015": 0.218, "C016": 0.436,
         "C017": 0.277, "C018": 0.554}  # fmt: skip

#: What has to be printed instead for a finding to go away.
REPAIRS = {
    "harm_outside_band": EVEN,
    "harm_rises": EVEN,
    "pooled_harm_outside_band": {"C068": 0.6},
    "heading_omits_harm": {"C029": 0.102, "C032": 0.182, "C035": 0.303, "C038": 0.338},
    "capability_word_reversed": {"C027": 0.15, "C030": 0.35, "C033": 0.45, "C036": 0.55},
    "last_rise_is_harm": {"C038": 0.243},
    "pooled_row_unweighted": {"C067": 0.73, "C068": 0.41},
    "pooled_above_base_rates": {"C038": 0.35},
    "rate_from_a_catalogue": {"C061": 1.0},
    "modifiers_exceed_one": {"C022": 0.5},
    "risk_ranges_without_rule": RISKS,
    "risk_ranges_narrower": {"C012": 0.5},
    "headline_ranges_disagree": {"C003": 0.036, "C004": 0.277, "C005": 0.036, "C006": 0.277},
    "over_by_one_point": {"C018": 0.53},
    "specification_gaps": {"C079": 0.4, "C075": 0.8},
    "domains_not_reproduced": {
        "C089": 0.018, "C090": 0.07, "C096": 0.08, "C097": 0.262, "C103": 0.08, "C104": 0.262,
        "C110": 0.15, "C111": 0.436, "C117": 0.327, "C118": 0.554,
    },
    "projection_against_timeline": {
        "C091": 0.045, "C092": 0.18, "C098": 0.18, "C099": 0.42, "C106": 0.33,
        "C112": 0.27, "C113": 0.525, "C119": 0.375, "C120": 0.675,
    },
    "timeline_exceeds_one": {"C126": 3.5},
    "examples_in_other_quadrants": {"C045": 0.6, "C055": 0.7},
    "example_on_a_line": {"C049": 0.4},
    "scenario_against_code_book": {"C051": 0.3},
    "empty_quadrant": {"C045": 0.6},
    "points_not_in_table": {"C041": 0.85, "C042": 0.12},
}  # fmt: skip


@pytest.mark.parametrize("finding", REPAIRS)
def test_a_finding_goes_away_with_its_claim(found, altered, finding):
    assert finding in found.index
    named = set(found.loc[finding, "rows"].split("; "))
    assert named & set(REPAIRS[finding])
    assert finding not in set(findings(altered(REPAIRS[finding]))["finding"])


def test_every_finding_has_a_repair(found):
    """But for counts that are not there, which no other value mends; see below."""
    assert set(found.index) - set(REPAIRS) == {"pooled_rows_without_counts"}


def test_a_score_off_its_level_is_a_finding(altered, found):
    assert "score_off_its_level" not in found.index
    row = findings(altered({"C109": 0.4})).set_index("finding").loc["score_off_its_level"]
    assert row["rows"] == "C109; C078; C079"
    assert row["printed"] == "C109=0.4; C078=0.0; C079=0.3"
    assert row["sentence"] == "AI assistants has 0.4 beside low, which is 0.0 to 0.3."


def test_rows_with_counts_are_no_finding(claims):
    import pandas as pd

    sources = ["langosco_2022", "krakovna_2020", "shah_2022"]
    like = claims[claims["claim_id"] == "C069"].iloc[0]
    counts = pd.DataFrame(
        {**like.to_dict(), "claim_id": f"N{k}", "subject": name, "statistic": "point"}
        for k, name in enumerate(sources)
    )
    some = findings(pd.concat([claims, counts.iloc[:1]])).set_index("finding")
    assert _numbers(some.loc["pooled_rows_without_counts"])["without_counts"] == sources[1:]
    every = findings(pd.concat([claims, counts]))
    assert "pooled_rows_without_counts" not in set(every["finding"])


def test_findings_name_claims_and_sections_of_the_table(claims, found):
    for _, row in found.iterrows():
        ids = row["rows"].split("; ")
        assert ids
        assert set(ids) <= set(claims["claim_id"])
        assert [part.split("=")[0] for part in row["printed"].split("; ")] == ids
        assert row["places"] in set(claims["section"])
        assert row["documents"] in set(claims["document"])
        assert not row["sentence"][0].islower()
        assert row["sentence"].endswith(".")
        assert "nan" not in row["sentence"]


def test_part_of_the_claims_gives_part_of_the_findings(claims, found):
    with pytest.raises(MissingRowsError):
        findings(claims.drop(index=30))
    for claim in ("C004", "C022", "C029", "C045", "C060", "C069", "C076", "C097", "C116", "C126"):
        some = findings(claims[claims["claim_id"] != claim], partial=True)
        assert set(some["finding"]) <= set(found.index)
        assert not some["sentence"].str.contains("nan").any()
        assert not some["numbers"].str.contains(r"\bnan\b").any()


def test_claims_of_other_documents_alone_give_no_findings(claims):
    empty = findings(claims.assign(document="x.txt"))
    assert empty.empty
    assert list(empty) == COLUMNS


def test_rounding_alone_is_no_finding(altered):
    """A harm factor of 0.6 everywhere, printed to a tenth of a percent, differs by rounding."""
    rounded = {claim: round(value, 3) for claim, value in EVEN.items()}
    assert not math.isclose(rounded["C029"] / 0.102, rounded["C038"] / 0.3375)
    assert not {"harm_rises", "harm_outside_band"} & set(findings(altered(rounded))["finding"])


#: Sums of the audit as they are written out, by finding: terms and result, worked by hand.
SUMS = {
    "harm_outside_band": "Type 1: 3.6% / (85% x 12%) = 35.3%, and "
    "85% x 12% x 50% to 70% = 5.1% to 7.1%",
    "harm_rises": "Type 4: 27.7% / (45% x 75%) = 82.1%",
    "pooled_harm_outside_band": "Type 2: 65% x 28% x 45% = 8.2%",
    "heading_omits_harm": "Type 3: 55% x 55% = 30.3%, 21.8% is printed",
    "last_rise_is_harm": "Type 4: 45% x 75% x 72.1% = 24.3%",
    "pooled_row_unweighted": "goal: (89% + 73% + 65%) / 3 = 75.7%, 76% is printed",
    "pooled_above_base_rates": "Langosco 2022: 95% x 89% x 60% = 50.7%",
    "modifiers_exceed_one": "2.0 x 3.0 x 1.4 x 1.5 = 12.6",
    "risk_ranges_without_rule": "Type 2: 3% / 10.0% = 0.30, 22% / 10.0% = 2.20",
    "domains_not_reproduced": "autonomous agents: 21.8% x 1.5 = 32.7%, 25% is printed, and "
    "27.7% x 2.0 = 55.4%, 45% is printed",
    "projection_against_timeline": "AI assistants: 18% x 1.5 = 27.0%, 25% is printed, and "
    "35% x 1.5 = 52.5%, 40% is printed",
    "timeline_exceeds_one": "post-2030: 27.7% x 5.0 = 139%",
}


@pytest.mark.parametrize("finding", SUMS)
def test_sums_are_written_out(found, finding):
    assert SUMS[finding] in found.loc[finding, "sums"].split("; ")


@pytest.mark.parametrize("finding", SUMS)
def test_written_sums_are_right(found, finding):
    """Each equation is computed anew from its own text, to the digits that it is written with."""
    equations = [
        side
        for line in found.loc[finding, "sums"].split("; ")
        for side in line.rpartition(": ")[2].replace(", and ", ", ").split(", ")
        if " = " in side and " to " not in side
    ]
    assert equations
    for equation in equations:
        terms, _, result = equation.partition(" = ")
        code = re.sub(r"([\d.]+)%", r"(\1 / 100)", terms).replace(" x ", " * ")
        value = eval(code, {"__builtins__": {}})
        digits = len(result.rstrip("%").partition(".")[2])
        scale = 100 if result.endswith("%") else 1
        # Terms are rounded as written: one unit of the last digit, not half of one.
        assert scale * value == pytest.approx(float(result.rstrip("%")), abs=1.01 * 10**-digits)
