"""Files of the sampler's figures: images, tables, some draws, what they are of, specification."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import yaml
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from meta.config import FitTask, Gate
from meta.inference.store import read_fit, write_netcdf
from meta.report.sampler.figures import Drawn, draw_figures
from meta.report.sampler.section import DATA_OF, THINNED
from meta.report.sampler.thinned_posterior import thinned_posterior
from meta.report.sampler.view import SamplerView, view_sampler
from meta.storage import atomic, write_csv, write_json, write_text

#: Pixels of an image for each that a page lays out.
SHARPNESS = 1.6
#: Colours of an image: enough for a few hues and their edges, in a third of the bytes.
COLOURS = 16


def write_sampler_figures(posterior: Path, gate: Gate, folder: Path) -> None:
    """Draw how a stored fit was sampled.

    Parameters
    ----------
    posterior
        Stored fit.
    gate
        Thresholds, which are drawn as lines.
    folder
        Receives each figure (PNG) with its data (CSV) beside it, but for those of `DATA_OF`, some
        draws (NetCDF), `specification.yaml` and, last, `figures.json`. The same fit gives the same
        bytes.

    Raises
    ------
    StoredFitError
        If the file is not a whole fit of this package.
    """
    tree, record = read_fit(posterior)
    view = view_sampler(tree, gate)
    drawn = draw_figures(view)
    try:
        sizes = {name: _write(folder / name, each) for name, each in drawn.items()}
    finally:
        for each in drawn.values():
            pyplot.close(each.figure)
    draws = thinned_posterior(tree)
    write_netcdf(draws, folder / THINNED)
    write_text(folder / "specification.yaml", _specification(record))
    said = figure_record(view, str(record["model"]), sizes)
    said["thinned"] = draws["posterior"].sizes["chain"] * draws["posterior"].sizes["draw"]
    write_json(folder / "figures.json", said)


def _write(stem: Path, drawn: Drawn) -> dict[str, int]:
    if stem.name not in DATA_OF:
        data = drawn.data.copy()
        numbers = data.select_dtypes("float").columns
        data[numbers] = data[numbers].map(lambda value: float(f"{value:.4g}"))
        write_csv(stem.with_name(f"{stem.name}.csv"), data)
    return write_png(drawn.figure, stem.with_name(f"{stem.name}.png"))


def write_png(figure: Figure, path: Path) -> dict[str, int]:
    """Write a figure as a small PNG, the same bytes for the same figure.

    Returns
    -------
    dict
        Its width and height in pixels of a page.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=SHARPNESS * figure.dpi, metadata={"Software": None})
    image = Image.open(buffer).convert("RGB")
    # Maximum coverage keeps rare colours, such as those of a few divergent transitions.
    method = Image.Quantize.MAXCOVERAGE
    few = image.quantize(COLOURS, method=method, dither=Image.Dither.NONE)
    with atomic(path) as temporary:
        few.save(temporary, format="PNG", optimize=True)
    return {"width": round(image.width / SHARPNESS), "height": round(image.height / SHARPNESS)}


def figure_record(
    view: SamplerView, model: str, sizes: dict[str, dict[str, int]]
) -> dict[str, Any]:
    """Say what the figures are of, for the page that shows them.

    Parameters
    ----------
    view
        What was drawn.
    model
        Name of the model.
    sizes
        Width and height of each figure by its name.

    Returns
    -------
    dict
        Content of `figures.json`: plain numbers and names; what is not finite is None.
    """
    table, bfmi = view.worst.table, view.e_bfmi["e_bfmi"]
    quantities = [
        {str(key): _plain(value) for key, value in row.items()} | {"rank_p": _plain(p)}
        for row, p in zip(table.to_dict("records"), view.rank_p, strict=True)
    ]
    return {
        "model": model,
        "chains": view.draws.sizes["chain"],
        "draws": view.draws.sizes["draw"],
        "imputed_set": view.worst.imputed_set,
        "energy_set": view.energy_set,
        "sets": view.worst.sets,
        "quantities": quantities,
        "ranked_step": view.ranked_step,
        "least_ess": view.least_ess,
        "divergences": view.divergences,
        "marked": view.marked,
        "e_bfmi": {"low": _plain(bfmi.min()), "high": _plain(bfmi.max()),
                   "threshold": view.gate.e_bfmi},
        "pair": view.paired,
        "beliefs": view.believed,
        "parameters": view.parameters,
        "figures": [{"name": name, **size} for name, size in sizes.items()],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    number = float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None


def _specification(record: dict[str, Any]) -> str:
    task = FitTask.model_validate(record["task"])
    content = task.model_dump(mode="json", exclude={"priors"})
    content["priors"] = task.priors.model_dump(mode="json", include=set(task.spec.parameters))
    content |= {"spec_hash": record["spec_hash"], "data_hash": record["data_hash"]}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
