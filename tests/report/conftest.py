"""A small synthetic evidence base, written as the files the report reads."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.checks.sampler import CHECK_COLUMNS
from meta.priors import PriorSet
from meta.report.inputs import ReportInputs, load_inputs
from meta.report.run_files import RunFiles

COLUMNS = [
    *("model", "primary", "outcome", "group", "estimand", "mean", "sd", "median", "ci_low"),
    *("ci_high", "ci_prob", "mcse_mean", "ess_bulk", "ess_tail", "r_hat", "k_studies", "k_rows"),
    *("n_trials", "frame", "passed"),
]
RATES = ("rate_typical", "rate_mean", "rate_new", "rate_new_arm")
TYPES = ("specification_gaming", "goal_misgeneralization")
CENTRE = {
    "capability_transfer": 0.85,
    "goal_failure": 0.42,
    "capable_goal_failure": 0.33,
    "harm": 0.07,
}


class Base:
    """Writer of a base: choose the models, then write and load it."""

    def __init__(self, folder: Path, n_studies: int = 6, seed: int = 1) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(seed)
        self.titles: dict[str, str] = {}
        self.studies = [f"author{i:02d}_{2019 + i % 8}" for i in range(n_studies)]
        self.fits: list[Path] = []
        self.analysis: list[Path] = []
        self.chains: list[Path] = []
        self.flow: dict = {"boxes": []}

    def pooled_row(self, model, primary, outcome, group, estimand, frame, centre=None):
        rate = estimand.startswith("rate") or estimand == "study_rate"
        middle = centre or (CENTRE[outcome] if rate else 1.4)
        wide = 0.35 if "new" in estimand else 0.12
        low, high = middle - wide * middle, middle + wide * ((1 - middle) if rate else middle)
        values = [middle + 0.001, 0.08, middle, low, high, 0.95, 0.0013, 1900.0, 1500.0, 1.002]
        return [model, primary, outcome, group, estimand, *values, 6, 20, 4000, frame, True]

    def pooled_rows(self, model, stages, primary, frame, groups, spread):
        outcomes = [*stages]
        if {"capability_transfer", "goal_failure"} <= set(stages):
            outcomes.append("capable_goal_failure")
        rows = []
        for outcome in outcomes:
            for group in ("all", *groups):
                rows += [self.pooled_row(model, primary, outcome, group, e, frame) for e in RATES]
            if outcome in stages:
                rows += [self.pooled_row(model, primary, outcome, "all", e, frame) for e in spread]
            top = "study" if frame == "denominator" else "source_list"
            rows += [
                self.pooled_row(
                    model, primary, outcome, f"{top}={s}", "study_rate", frame,
                    float(self.rng.uniform(0.02, 0.97)),
                )
                for s in self.studies
            ]  # fmt: skip
        return rows

    def edit(self, model, group, outcome, **values):
        """Change cells of the pooled rows of one group and outcome."""
        path = self.folder / "fits" / model / "pooled.csv"
        table = pd.read_csv(path)
        rows = table["group"].eq(group) & table["outcome"].eq(outcome)
        assert rows.any()
        for name, value in values.items():
            table.loc[rows, name] = value
        table.to_csv(path, index=False)
        return self

    def fit(self, model, stages, primary=False, frame="denominator", groups=(), spread=("tau",)):
        """Write one fit with its analysis rows."""
        rows = self.pooled_rows(model, stages, primary, frame, groups, spread)
        folder = self.folder / "fits" / model
        folder.mkdir(parents=True)
        pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "pooled.csv", index=False)
        self.checks(model)
        record = fit_record(model, stages, primary, frame)
        (folder / "fit.json").write_text(json.dumps(record))
        self.fits.append(folder)
        self.rows(model, stages, frame)
        return self

    def checks(self, model, passed=True, value="1.002"):
        """Write the diagnostics of a model."""
        rows = [
            [model, "r_hat", value, 1.01, "<", passed, "tau[goal_failure]", "chains agree"],
            [model, "divergences", 0, 0, "<=", True, "", "the sampler met no cliff"],
        ]
        path = self.folder / "fits" / model / "diagnostics.csv"
        pd.DataFrame(rows, columns=CHECK_COLUMNS).to_csv(path, index=False)

    def rows(self, model, stages, frame):
        """Write the analysis rows: three arms a study, every second study without capability."""
        made = []
        for i, study in enumerate(self.studies):
            for arm in range(3):
                n = int(self.rng.integers(10, 500))
                seen = i % 2 == 0
                row = {
                    "row_id": f"{study}-{arm}",
                    "study": study,
                    "agent_set": f"{study}:{arm // 2}",
                    "failure_type": TYPES[i % 2],
                    "sampling_frame": frame,
                    "conditioning": "given_capability" if seen else "all_trials",
                }
                at_risk = n - n // 10 if seen else n
                counts = {
                    "capability_transfer": (at_risk, n) if seen else (None, None),
                    "goal_failure": (int(self.rng.integers(0, at_risk + 1)), at_risk),
                    "harm": (n // 20, n) if frame == "case_series" else (None, None),
                }
                for stage, (events, trials) in counts.items():
                    known = stage in stages
                    row[f"events_{stage}"] = events if known else None
                    row[f"trials_{stage}"] = trials if known else None
                    if known and frame == "case_series":
                        row |= {"n_units": n + 3, f"unresolved_{stage}": arm}
                made.append(row)
        table = pd.DataFrame(made)
        for name in table.columns:
            if name.startswith(("events_", "trials_")):
                table[name] = table[name].astype("Int64")
        path = self.folder / "analysis" / f"{model}.parquet"
        path.parent.mkdir(exist_ok=True)
        table.to_parquet(path)
        self.analysis.append(path)

    def load(self) -> ReportInputs:
        """Write what remains and read everything back."""
        flow = self.folder / "flow.json"
        flow.write_text(json.dumps(self.flow))
        studies = self.folder / "studies.parquet"
        pd.DataFrame(
            {
                "study_id": self.studies,
                "title": [self.titles.get(s, f"Title of {s}") for s in self.studies],
                "year": [int(s.split("_")[1][:4]) for s in self.studies],
                "url_or_id": ["https://example.org/a?b=1&c=2", "arXiv:2105.14111"]
                * (len(self.studies) // 2),
            }
        ).to_parquet(studies)
        return load_inputs(RunFiles(self.fits, self.analysis, flow, studies, chains=self.chains))


def fit_record(model, stages, primary, frame):
    """Record of a fit whose checks passed."""
    return {
        "model": model,
        "primary": primary,
        "frame": frame,
        "spec": {"stages": list(stages), "likelihood": "beta_binomial", "filter": {}},
        "prior_set": PriorSet().model_dump(mode="json"),
        "spec_hash": "5bec" * 4,
        "data_hash": "da7a" * 4,
        "seed": 20261121,
        "sampler": {"chains": 4, "draws": 1000, "tune": 1000},
        "versions": {"pymc": "6.4.0"},
        "parameterisation": {"study": dict.fromkeys(stages, "2 of 6 units centred")},
        "times": {"sample": 12.3456},
        "provenance": {"commit": "c0ffee", "dirty": False, "python": "3.13.1"},
        "rows": {s: {"k_studies": 6, "k_rows": 20, "n_trials": 4000} for s in stages},
        "notes": [],
        "checks": {"r_hat": {"value": 1.002, "threshold": 1.01, "passed": True}},
        "passed": True,
    }


FLOW = {
    "boxes": [
        {"id": "found", "label": "Records identified", "n": 900, "unit": "records"},
        {"id": "no_count", "label": "Excluded", "n": 400, "unit": "records", "of": "found",
         "reason": "no denominator stated"},
        {"id": "arms", "label": "Arms with counts", "n": 466, "unit": "arms", "of": "found",
         "reason": None},
        {"id": "role", "label": "Kept out by role", "n": 300, "unit": "arms", "of": "arms",
         "reason": "control, ablation, total or subset"},
        {"id": "pooled", "label": "Pooled", "n": 118, "unit": "arms", "of": "arms", "reason": ""},
    ]
}  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """A base with nothing in it yet."""
    return Base(tmp_path / "base")


@pytest.fixture
def full(base: Base) -> Base:
    """A base with the four shipped models."""
    chain = ("capability_transfer", "goal_failure")
    spread = ("tau", "omega", "icc", "median_odds_ratio")
    base.fit("rates", chain, primary=True, spread=spread)
    base.fit("rates_binomial", chain, spread=(*spread, "kappa"))
    base.fit("by_failure_type", chain, groups=[f"failure_type={t}" for t in TYPES])
    base.fit(
        "composition", ("harm",), frame="case_series", groups=[f"failure_type={t}" for t in TYPES]
    )
    base.flow = FLOW
    return base
