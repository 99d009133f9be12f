"""Compiled log densities, in arithmetic that does not depend on what was compiled before.

PyTensor lets the compiler reorder and contract floating-point operations ("fast math"). What comes
of that depends on which functions it can inline, and so on whether a part is compiled or taken from
the cache on disk: a first run on a machine would draw other samples than its second. Here the order
is that of the model, for all that a process compiles once this module is imported. It costs some
percent of the time of a draw.
"""

from __future__ import annotations

from typing import Any

import nutpie
import pymc as pm
import pytensor

pytensor.config.numba__fastmath = False


def compile_log_density(model: pm.Model) -> Any:
    """Compile a model for sampling with nutpie."""
    return nutpie.compile_pymc_model(model)
