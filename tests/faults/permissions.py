"""Permissions that are missing: the pipeline as one who may not read or write something."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, recover

#: Root may do everything by two capabilities; without them it is a user like others.
UNPRIVILEGED = (
    "setpriv", "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)  # fmt: skip
FIT = "data/processed/fits/rates"
#: What is closed, and how, and the rule that meets it.
CLOSED = {
    "may not write the folder of results": ("data/processed", "w", "warehouse"),
    "may not write the folder of a fit": (FIT, "w", "diagnose"),
    "may not write the reports": ("reports", "w", "report"),
    "may not read the posterior": (f"{FIT}/posterior.nc", "r", "diagnose"),
    "may not read a raw table": ("data/raw/arms.csv", "r", "warehouse"),
    "may not write the evidence base": (".", "w", "report"),
}


def missing_permissions(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Run without access to one thing; then give access."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    outcomes = []
    for what, (closed, how, rule) in CLOSED.items():
        outcome = Outcome(
            f"permission: the user {what}",
            f"by a user without privileges, without `{how}` of `{closed}`; then it is given",
        )
        with Clock(outcome):
            if os.geteuid() == 0 and shutil.which("setpriv") is None:
                outcome.skipped = "needs setpriv, to give up the privileges of root"
            else:
                prefix = UNPRIVILEGED if os.geteuid() == 0 else ()
                base = replace(undisturbed.copy(folder / "closed"), prefix=prefix)
                if closed == ".":
                    shutil.rmtree(base.path(".snakemake"))
                restore = close(base.path(closed), how)
                outcome.add(recover(base, expected, raw, restore, rule))
        outcomes.append(outcome)
    return outcomes


def close(path: Path, how: str) -> Callable[[], str]:
    """Take a permission of the owner away; what is returned gives it back."""
    mode = path.stat().st_mode
    path.chmod(mode & ~(stat.S_IWUSR if how == "w" else stat.S_IRUSR))

    def give() -> str:
        path.chmod(mode)
        return ""

    return give
