"""Order of the tests: files that take minutes first, so that no worker ends on one alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent
#: Slowest first. With `--no-loadscope-reorder` workers take files in this order.
SLOWEST = [
    "workflow/test_pipeline.py", "evidence/test_fuzz.py", "external/test_reference.py",
    "checks/test_replay.py", "workflow/test_release.py", "workflow/test_one_number.py",
    "workflow/test_evidence_rules.py", "models/test_latent_codes.py", "inference/test_imputed.py",
    "external/test_monotonic.py", "inference/test_moderator_recovery.py",
    "inference/test_backends.py", "checks/test_calibration.py", "workflow/test_preview.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of slow files first; the order within a file stays."""
    rank = {ROOT / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
