"""What a Markdown page says to run, to open and to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
#: Made from the field dictionary, full of examples.
GENERATED = {"docs/codebook.md"}
#: Pages that people wrote.
PAGES = sorted(
    p.relative_to(ROOT).as_posix()
    for p in [
        *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"),
        *ROOT.glob("tests/*/README.md"),
    ]
    if p.relative_to(ROOT).as_posix() not in GENERATED
)  # fmt: skip


@dataclass
class Block:
    """A fenced block to run, and what it must print (lines, in order)."""

    line: int
    kind: str
    script: str
    expected: str = ""


def tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text())


def runnable(page: str) -> list[Block]:
    """Blocks marked `sh run` or `sh after-a-run`, each with the `text` block that follows it."""
    found: list[Block] = []
    previous = None
    for token in tokens(page):
        if token.type == "fence":
            language, _, kind = token.info.strip().partition(" ")
            if language == "sh" and kind:
                found.append(Block((token.map or [0])[0] + 1, kind, token.content))
                previous = found[-1]
                continue
            if language == "text" and previous is not None:
                previous.expected = token.content
        if token.type not in ("paragraph_open", "inline", "paragraph_close"):
            previous = None
    return found


def spans(page: str) -> Iterator[tuple[str, str]]:
    """Code, links and blocks of code of a page: kind (code, link, block) and text."""
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            yield "block", token.content
        for child in token.children or []:
            if child.type == "code_inline":
                yield "code", child.content
            elif child.type in ("link_open", "image"):
                yield "link", str(child.attrGet("href") or child.attrGet("src"))
