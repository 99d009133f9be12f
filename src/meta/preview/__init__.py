"""Preview: how proposed rows would move the pooled estimates, before they enter the evidence."""

# First of all, for its import looks through every module that is loaded (half a second later on).
import meta.checks.importance  # noqa: F401  # isort: skip
from meta.preview.previewing import Previewing, not_previewed, preview, start_preview
from meta.preview.results import ModelPreview, Moved, Preview

__all__ = [
    "ModelPreview",
    "Moved",
    "Preview",
    "Previewing",
    "not_previewed",
    "preview",
    "start_preview",
]
