"""Memory and time of imputing the codes of a large evidence base, sampling aside.

    python benchmarks/codes_scale.py 1000000 --coders 2 --arms 100000

Draws of the latent-code model are replaced by draws from its prior, since what sampling costs
follows the distinct patterns of answers and not the units. Everything else is what `meta codes` and
`meta imputed-set` do: collect the answers, spread probabilities over units, draw and store the code
sets, and stack the analysis set of the composition for each of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_scale import in_fresh_process, peak_gib

if TYPE_CHECKING:
    import numpy as np

RESULT = Path(__file__).with_suffix(".json")
MODEL = "composition"


def impute(base: Path, out: Path) -> dict[str, float]:
    """Impute the codes with draws from the prior in place of the posterior.

    Parameters
    ----------
    base
        Evidence base whose settings are in force.
    out
        Folder in which the exported tables are.

    Returns
    -------
    dict
        Seconds (`total`).
    """
    from unittest import mock

    from meta.checks.sampler import Check
    from meta.config import CodesTask
    from meta.evidence.canonical import read_canonical
    from meta.evidence.responses import response_columns
    from meta.imputation import LatentCodes, impute_codes
    from meta.settings_file import load_settings

    settings = load_settings(base)
    task = CodesTask(**{name: getattr(settings, name) for name in CodesTask.model_fields})
    unchecked = [Check("none", 1.0, 1.0, True, "", "nothing was sampled")]
    with (
        mock.patch.object(LatentCodes, "draws", lambda *_: None),
        mock.patch.object(LatentCodes, "parameters", _prior_draws),
        mock.patch("meta.imputation._checks", lambda *_: unchecked),
    ):
        start = time.perf_counter()
        impute_codes(read_canonical(out / "tables", response_columns()), task, 1, out / "codes")
    return {"total": time.perf_counter() - start}


def _prior_draws(latent: Any, responses: Any, _: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draws of prevalence (D, G, K) and confusion (D, J, K, K) from the prior."""
    import numpy as np

    rng = np.random.default_rng(0)
    size = latent.codes.draws * latent.sampler.chains
    prevalence = rng.dirichlet(np.ones(len(responses.classes)), (size, len(responses.groups)))
    prior = latent.prior(responses)
    rows = [[rng.dirichlet(row, size) for row in coder] for coder in prior]
    return prevalence, np.moveaxis(np.array(rows), 2, 0)


def stack(base: Path, out: Path) -> dict[str, float]:
    """Stack the analysis set of the composition for every imputed code set.

    Parameters
    ----------
    base
        Evidence base whose settings are in force.
    out
        Folder in which `impute` left the code sets.

    Returns
    -------
    dict
        Seconds (`total`).
    """
    from meta.evidence.imputed_set import write_imputed_set
    from meta.settings_file import load_settings

    spec = load_settings(base).models[MODEL]
    codes = out / "codes" / "imputations.parquet"
    start = time.perf_counter()
    write_imputed_set(out / "tables", codes, MODEL, spec, out / "set.parquet")
    return {"total": time.perf_counter() - start}


SIDES = {"impute": impute, "stack": stack}


def measure(rows: int, coders: int, arms: int) -> dict[str, Any]:
    """Build a generated base, then impute its codes and stack the imputed sets.

    Parameters
    ----------
    rows
        Cases.
    coders
        Codings of each case.
    arms
        Experiment arms.

    Returns
    -------
    dict
        Content of the result file: seconds and peak memory in GiB of each step.
    """
    from generated_base import write_base

    with tempfile.TemporaryDirectory() as folder:
        base = write_base(Path(folder), rows, coders, arms)
        in_fresh_process("build", base, base)
        steps = {side: in_fresh_process(side, base, base, Path(__file__)) for side in SIDES}
    return {"rows": {"cases": rows, "codings": rows * coders, "arms": arms}, **steps}


def main() -> None:
    """Run one step, or measure and write the result beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000, help="cases")
    parser.add_argument("--coders", type=int, default=2, help="codings for each case")
    parser.add_argument("--arms", type=int, default=100_000)
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        answer = SIDES[chosen.side](chosen.base, chosen.out)
        json.dump({**answer, "process_peak_gib": peak_gib()}, sys.stdout)
        return
    result = measure(chosen.rows, chosen.coders, chosen.arms)
    chosen.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
