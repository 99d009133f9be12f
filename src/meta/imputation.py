"""Latent codes of a whole evidence base: posterior of every field's codes, imputed code sets."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from meta.checks.sampler import (
    CHECK_COLUMNS,
    Check,
    chain_checks,
    mixing_statistics,
    quantity_checks,
)
from meta.config import CodesTask
from meta.evidence.imputations import CODE, SURE, imputation_schema, imputation_table
from meta.evidence.responses import Responses, Tables, coder_kinds, every_field
from meta.inference.log_density import compile_log_density
from meta.inference.seeds import child_seed
from meta.models.latent_codes import (
    Patterns,
    Shape,
    build_latent_codes,
    code_probabilities,
    confusion_prior,
    draw_codes,
    label_margin,
    model_data,
    patterns_of,
    unpadded,
)
from meta.plural import counted
from meta.storage import atomic, write_json

#: Fields of up to this many codes share one compiled model.
COMMON_CLASSES = 5
ALTERNATIVE_DRAWS = 500
#: Units whose probabilities are in memory at the same time.
UNITS_AT_ONCE = 100_000
PROBABILITIES = pa.schema(
    [
        ("unit_id", pa.string()),
        ("field", CODE),
        ("code", CODE),
        ("probability", pa.float64()),
        ("probability_alternative", pa.float64()),
    ]
)


@dataclass(frozen=True)
class FieldFit:
    """Posterior of one field's codes.

    Attributes
    ----------
    responses, patterns
        What was fitted.
    prevalence, confusion
        Draws, shape (D, G, K) and (D, J, K, K), chains one after the other.
    probabilities
        Probability of each code given the answers, shape (D, P, K).
    checks
        Sampler checks and whether the labels held.
    seconds
        Time of sampling.
    """

    responses: Responses
    patterns: Patterns
    prevalence: np.ndarray
    confusion: np.ndarray
    probabilities: np.ndarray
    checks: list[Check]
    seconds: float


class LatentCodes:
    """Fits fields one after the other; fields of similar size share a compiled model."""

    def __init__(self, fields: Iterable[Responses], task: CodesTask) -> None:
        self.task, self.codes, self.sampler = task, task.codes, task.sampler
        self.patterns: dict[str, Patterns] = {}
        self.largest = {"patterns": 1, "groups": 1, "coders": 1}
        for responses in fields:
            patterns = patterns_of(responses)
            self.patterns[responses.field] = patterns
            sizes = (len(patterns.items), len(responses.groups), len(responses.coders))
            for name, size in zip(self.largest, sizes, strict=True):
                self.largest[name] = max(self.largest[name], size)
        self.compiled: dict[Shape, Any] = {}

    def prior(self, responses: Responses, accuracy: float | None = None) -> np.ndarray:
        """Prior of a field's confusion matrices, shape (J, K, K)."""
        return confusion_prior(
            len(responses.classes), responses.coders, self.codes.prior, responses.ordinal,
            accuracy, responses.places,
        )  # fmt: skip

    def draws(self, responses: Responses, cores: int, accuracy: float | None = None) -> xr.DataTree:
        """Sample one field; with `accuracy`, under that prior and with few draws."""
        patterns = self.patterns[responses.field]
        classes = len(responses.classes)
        shape = Shape(classes=max(COMMON_CLASSES, classes), **self.largest)
        data = model_data(patterns, self.prior(responses, accuracy), shape)
        if shape not in self.compiled:
            self.compiled[shape] = compile_log_density(build_latent_codes(data, shape.groups))
        return nutpie.sample(
            self.compiled[shape].with_data(**data),
            draws=self.codes.draws
            if accuracy is None
            else min(self.codes.draws, ALTERNATIVE_DRAWS),
            tune=self.sampler.tune,
            chains=self.sampler.chains if accuracy is None else 2,
            cores=min(cores, self.sampler.chains),
            seed=child_seed(self.task.seed, "codes", responses.field),
            target_accept=self.sampler.target_accept,
            maxdepth=self.sampler.max_depth,
            save_warmup=False,
            progress_bar=False,
        )

    def parameters(self, responses: Responses, tree: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
        """Draws of prevalence (D, G, K) and confusion (D, J, K, K) of a field, without padding."""
        groups, coders, classes = (
            len(responses.groups), len(responses.coders), len(responses.classes),
        )  # fmt: skip

        def flat(name: str) -> np.ndarray:
            values = tree["posterior"][name].to_numpy()
            return values.reshape(-1, *values.shape[2:])

        return (
            unpadded(flat("prevalence"), (groups, classes)),
            unpadded(flat("confusion"), (coders, classes, classes)),
        )

    def fit(self, responses: Responses, cores: int) -> FieldFit:
        """Fit one field and check its chains."""
        patterns = self.patterns[responses.field]
        if len(responses.classes) == 1:
            return _single_code(responses, patterns)
        clock = time.perf_counter()
        tree = self.draws(responses, cores)
        seconds = time.perf_counter() - clock
        prevalence, confusion = self.parameters(responses, tree)
        probabilities = code_probabilities(prevalence, confusion, patterns)
        checks = _checks(responses, tree, prevalence, confusion, probabilities, self.task)
        return FieldFit(responses, patterns, prevalence, confusion, probabilities, checks, seconds)

    def alternative(self, responses: Responses, cores: int) -> np.ndarray:
        """Posterior mean probabilities (P, K) under the alternative prior accuracy."""
        patterns = self.patterns[responses.field]
        if len(responses.classes) == 1:
            return np.ones((len(patterns.items), 1))
        tree = self.draws(responses, cores, self.codes.accuracy_alternative)
        prevalence, confusion = self.parameters(responses, tree)
        return np.asarray(code_probabilities(prevalence, confusion, patterns).mean(axis=0))


def _single_code(responses: Responses, patterns: Patterns) -> FieldFit:
    """A field with one code in use: nothing to estimate, every unit has that code."""
    groups, coders = len(responses.groups), len(responses.coders)
    certain = Check("codes_in_use", 1.0, 1.0, ">=", "", "one code in use: no posterior to sample")
    return FieldFit(
        responses, patterns, np.ones((1, groups, 1)), np.ones((1, coders, 1, 1)),
        np.ones((1, len(patterns.items), 1)), [certain], 0.0,
    )  # fmt: skip


def _checks(
    responses: Responses,
    tree: xr.DataTree,
    prevalence: np.ndarray,
    confusion: np.ndarray,
    probabilities: np.ndarray,
    task: CodesTask,
) -> list[Check]:
    """Sampler checks of prevalences, confusions and code probabilities; and of the labels."""
    chains = tree["posterior"].sizes["chain"]
    names: list[str] = []
    values: list[np.ndarray] = []
    for name, draws in (
        ("prevalence", prevalence), ("confusion", confusion), ("probability", probabilities),
    ):  # fmt: skip
        flat = draws.reshape(len(draws), -1)
        # The last code of each vector follows from the others; certain ones never move.
        moving = np.flatnonzero(flat.std(axis=0) > 1e-6)
        names += [f"{name}[{i}]" for i in moving]
        values += [flat[:, i].reshape(chains, -1) for i in moving]
    margin = label_margin(confusion)
    return [
        *quantity_checks(mixing_statistics(np.stack(values)), names, task.gate),
        *chain_checks(tree["sample_stats"].to_dataset(), task.sampler, task.gate),
        Check("label_margin", margin, 0.0, ">", responses.field,
              "each code is answered most where it is true: labels have not switched"),
    ]  # fmt: skip


def impute_codes(tables: Tables, task: CodesTask, cores: int, folder: Path) -> None:
    """Fit the latent codes of every field and write what others read.

    Parameters
    ----------
    tables
        Canonical evidence tables.
    task
        Settings.
    cores
        Chains sampled at the same time.
    folder
        Receives `probabilities.parquet` (unit_id, field, code, probability,
        probability_alternative), `imputations.parquet` (see `meta.evidence.imputations`),
        `diagnostics.csv` and `codes.json`.
    """
    # Twice through the fields, so that the answers of one at a time are in memory.
    latent = LatentCodes(every_field(tables), task)
    count = task.codes.imputations
    diagnostics: list[dict[str, Any]] = []
    record: dict[str, Any] = {}
    with (
        atomic(folder / "probabilities.parquet") as likely,
        atomic(folder / "imputations.parquet") as drawn,
        pq.ParquetWriter(likely, PROBABILITIES) as probabilities,
        pq.ParquetWriter(drawn, imputation_schema(count)) as imputations,
    ):
        for number, responses in enumerate(every_field(tables), start=1):
            label = f"codes of {responses.field} ({number} of {len(latent.patterns)})"
            fit, other = _fit_aloud(latent, responses, label, cores)
            for part in _probability_tables(fit, other):
                probabilities.write_table(part)
            codes = _imputations(fit, count, task.seed)[responses.units["item"].to_numpy()]
            units = pa.array(responses.units["unit_id"])
            imputations.write_table(
                imputation_table(responses.field, responses.classes, units, codes)
            )
            diagnostics += [{"model": f"codes_{responses.field}", **c.as_row()} for c in fit.checks]
            record[responses.field] = _field_record(fit, other)
    _write_diagnostics(folder, pd.DataFrame(diagnostics))
    content = {
        "settings": task.model_dump(mode="json"),
        "coders": coder_kinds(tables),
        "fields": record,
    }
    write_json(folder / "codes.json", content)


def _fit_aloud(
    latent: LatentCodes, responses: Responses, label: str, cores: int
) -> tuple[FieldFit, np.ndarray]:
    """Fit a field under both priors, with a line when it starts and one when it ends."""
    patterns = len(latent.patterns[responses.field].items)
    units = counted(len(responses.units), "unit")
    _say(f"{label}: {units}, {counted(patterns, 'distinct pattern')} of answers")
    clock = time.perf_counter()
    fit, other = latent.fit(responses, cores), latent.alternative(responses, cores)
    failed = [check.check for check in fit.checks if not check.passed]
    outcome = f"failed {', '.join(failed)}" if failed else "checks passed"
    _say(f"{label}: done in {time.perf_counter() - clock:.0f} s, {outcome}")
    return fit, other


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _write_diagnostics(folder: Path, diagnostics: pd.DataFrame) -> None:
    with atomic(folder / "diagnostics.csv") as temporary:
        diagnostics[CHECK_COLUMNS].to_csv(temporary, index=False, lineterminator="\n")


def _probability_tables(fit: FieldFit, alternative: np.ndarray) -> Iterator[pa.Table]:
    """Probabilities of every unit's codes, some units at a time."""
    units, classes = fit.responses.units, fit.responses.classes
    pattern = fit.patterns.member[units["item"].to_numpy()]
    main = fit.probabilities.mean(axis=0)
    names = pa.array(classes, pa.string())
    for start in range(0, len(units), UNITS_AT_ONCE):
        part = slice(start, start + UNITS_AT_ONCE)
        here = pattern[part]
        size = len(here) * len(classes)
        zero = pa.array(np.zeros(size, np.int8))
        code = pa.array(np.tile(np.arange(len(classes), dtype=np.int8), len(here)))
        unit = pa.array(units["unit_id"].iloc[part]).cast(pa.string())
        yield pa.Table.from_arrays(
            [
                unit.take(pa.array(np.repeat(np.arange(len(here)), len(classes)))),
                pa.DictionaryArray.from_arrays(zero, pa.array([fit.responses.field])),
                pa.DictionaryArray.from_arrays(code, names),
                pa.array(main[here].ravel()),
                pa.array(alternative[here].ravel()),
            ],
            schema=PROBABILITIES,
        )


def _imputations(fit: FieldFit, count: int, seed: int) -> np.ndarray:
    """Draw code sets of the items, each from one draw of the parameters, spread over the posterior.

    Returns
    -------
    numpy.ndarray
        Index of the class, shape (I, M), int8.
    """
    rng = np.random.default_rng(child_seed(seed, "imputations", fit.responses.field))
    at = np.linspace(0, len(fit.probabilities) - 1, count).round().astype(int)
    codes = np.empty((len(fit.patterns.member), count), np.int8)
    for number, draw in enumerate(at):
        codes[:, number] = draw_codes(fit.probabilities[draw], fit.patterns.member, rng)
    return codes


def _units_of(fit: FieldFit) -> np.ndarray:
    """Number of units that show each pattern, length P: they share one posterior."""
    pattern = fit.patterns.member[fit.responses.units["item"].to_numpy()]
    return np.bincount(pattern, minlength=len(fit.patterns.items))


def _field_record(fit: FieldFit, alternative: np.ndarray) -> dict[str, Any]:
    """What a reader of the codes must know: sizes, accuracies, sensitivity to the prior."""
    responses = fit.responses
    main, other = fit.probabilities.mean(axis=0), alternative
    units = _units_of(fit)
    changes = np.abs(main - other).max(axis=1)
    right = fit.confusion[:, :, range(len(responses.classes)), range(len(responses.classes))]
    return {
        "units": len(responses.units),
        "items": len(fit.patterns.member),
        "patterns": len(fit.patterns.items),
        "codes": responses.classes,
        "ordinal": responses.ordinal,
        "accuracy": {
            coder: dict(zip(responses.classes, right[:, j].mean(axis=0).round(4), strict=True))
            for j, coder in enumerate(responses.coders)
        },
        "unsure_units": int(units[main.max(axis=1) < SURE].sum()),
        "sensitivity": {
            "largest_change": float(changes.max()),
            "mean_change": float(np.average(changes, weights=units)),
            "likeliest_code_changes": int(units[main.argmax(1) != other.argmax(1)].sum()),
        },
        "seconds": round(fit.seconds, 2),
        "passed": all(c.passed for c in fit.checks),
    }
