"""Made-up figures of the sampler: small images with what a page reads beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from meta.report.sampler.section import SamplerFigures, load_sampler_figures
from meta.storage import write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"{n}[{s}]" for n in ("tau", "alpha") for s in ("goal_failure", "capability_transfer")]
UNIT = "agent_set_logit[somebody_2024 / somebody_2024:An agent of some length, goal_failure]"


def made_up_figures(model: str, site: Path, fit: Path) -> SamplerFigures | None:
    """Write the figures of a model into a site, and read them as the report does."""
    folder = site / "figures" / model
    figures = ("rank", "trace", "ess", "energy", "pair", "prior_posterior")
    folder.mkdir(parents=True, exist_ok=True)
    for name in figures:
        Image.new("P", (740, 900), 1).save(folder / f"{name}.png")
        if name != "pair":
            write_text(folder / f"{name}.csv", "chain,draw\n0,0\n")
    write_text(folder / "specification.yaml", "model: rates\n")
    (folder / "posterior_thinned.nc").write_bytes(bytes(33_000))
    quantities = [
        {"name": name, "level": "unit" if name == UNIT else "top", "r_hat": 1.002,
         "ess_bulk": 900.0, "ess_tail": 1200.0, "rank_p": None if name == UNIT else 0.4}
        for name in (*NAMES, UNIT)
    ]  # fmt: skip
    record = {
        "model": model, "chains": 2, "draws": 500, "imputed_set": 7, "energy_set": 3, "sets": 20,
        "quantities": quantities, "ranked_step": 5, "least_ess": 20.0, "divergences": 3,
        "marked": 1, "thinned": 1000, "e_bfmi": {"low": 0.6, "high": 0.8, "threshold": 0.3},
        "pair": [*NAMES[:2], UNIT], "beliefs": NAMES, "parameters": 9,
        "figures": [{"name": name, "width": 370, "height": 450} for name in figures],
    }  # fmt: skip
    write_json(folder / "figures.json", record)
    return load_sampler_figures(model, site / "figures", fit)
