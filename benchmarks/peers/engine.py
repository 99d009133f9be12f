"""The engine of `meta fit` as a worker: requests line by line, as for the other side.

It builds, compiles and samples as `meta fit` does (`meta.inference`): the specification decides the
model, the counts its parameterisation, and divergences are answered with smaller steps.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import problems
from numbers_of_fits import write_draws

from meta.config import FitTask
from meta.inference.refit import refit, rows_of_study, without_rows
from meta.inference.sampling import CompiledModel, compile_model, sample_without_divergence
from meta.models.centring import parameterisation
from meta.models.design import Design

#: Parameters at the top of the models, in the order of the other side's names.
TOP = ("alpha", "beta", "tau", "omega", "kappa", "icc", "correlation")


class Engine:
    """Compiled models by problem, as one process of the pipeline holds them."""

    def __init__(self) -> None:
        self.ready: dict[str, CompiledModel] = {}
        self.designs: dict[str, Design] = {}
        self.tasks: dict[str, FitTask] = {}

    def compile(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build and compile the model of a problem."""
        name = request["problem"]
        design, task = problems.design_and_task(name, Path(request["analysis"]), 1)
        self.designs[name], self.tasks[name] = design, task
        self.ready[name] = compile_model(design, task)
        return {"seconds": self.ready[name].seconds, "parameterisation": parameterisation(design)}

    def sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """Fit a compiled model: to its own counts, to changed ones, or without a study."""
        name = request["problem"]
        if name not in self.ready:
            self.compile(request)
        design = self.designs[name]
        if "without" in request:
            design = without_rows(design, rows_of_study(design, request["without"]))
        if "changed" in request:
            design = problems.changed(design, request["changed"])
        task = self.tasks[name].model_copy(update={"seed": request["seed"]})
        sampler = task.sampler.model_copy(
            update={key: request[key] for key in ("draws", "tune") if key in request}
        )
        task = task.model_copy(update={"sampler": sampler})
        start = time.perf_counter()
        tree, attempts = refit(self.ready[name], design, task, request["cores"], "posterior")
        seconds = time.perf_counter() - start
        stats = tree["sample_stats"]
        return {
            "seconds": seconds,
            "attempts": attempts,
            "divergences": attempts[-1]["divergences"],
            "leapfrogs": int(stats["n_steps"].sum()),
            **write_draws(named_draws(tree["posterior"].to_dataset()), Path(request["output"])),
        }

    def added(self, request: dict[str, Any]) -> dict[str, Any]:
        """Fit to one more row: another shape, so that it is compiled anew."""
        design = problems.with_a_row(request["problem"])
        _, task = problems.design_and_task(
            request["problem"], Path(request["analysis"]), request["seed"]
        )
        start = time.perf_counter()
        ready = compile_model(design, task)
        tree, attempts = sample_without_divergence(
            ready, design, task, request["cores"], progress=False
        )
        return {
            "seconds": time.perf_counter() - start,
            "compile_seconds": ready.seconds,
            "divergences": attempts[-1]["divergences"],
            **write_draws(named_draws(tree["posterior"].to_dataset()), Path(request["output"])),
        }


def named_draws(posterior: Any) -> dict[str, np.ndarray]:
    """Draws (chains, draws) of every parameter at the top of a model, by name."""
    found: dict[str, np.ndarray] = {}
    names = [*(name for name in TOP if name in posterior)]
    names += [str(name) for name in posterior.data_vars if str(name).endswith("_total")]
    for name in names:
        values = posterior[name].transpose("chain", "draw", ...)
        stages = values.sizes.get("stage", 1)
        array = values.to_numpy()
        array = array.reshape(*array.shape[:2], -1)
        base = "total" if name.endswith("_total") else name
        if stages == 1 and array.shape[2] == 1:
            found[base] = array[:, :, 0]
        elif stages == 1:
            found |= {f"{base}[{k + 1}]": array[:, :, k] for k in range(array.shape[2])}
        else:
            labels = posterior["stage"].to_numpy()
            found |= {f"{base}[{label}]": array[:, :, k] for k, label in enumerate(labels)}
    return found


def main() -> None:
    """Answer requests until standard input ends."""
    engine = Engine()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(engine, request["action"])(request)
        except Exception as error:  # the driver is told and stops
            answer = {"error": repr(error)}
        print("ANSWER " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
