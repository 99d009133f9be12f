"""Preview: how proposed rows would move the pooled estimates, before they enter the evidence."""

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
