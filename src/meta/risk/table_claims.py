"""Claims behind a row of a reproduced table."""

from __future__ import annotations

from meta.risk.printed import Figure, Span, ids


def claims_text(*figures: Figure | Span) -> str:
    """Claims behind figures and ranges, each once, separated by semicolons."""
    return "; ".join(claim for claim in ids(*figures) if claim)
