"""SVG of matplotlib in fewer characters: what shows nothing goes, what is drawn stays."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from meta.report.svg_paths import short_paths

#: An element's tag. Text has no bare ``<`` in it, so that nothing that is read matches.
TAG = re.compile(r"<[^>]*>")
_FAMILY = re.compile(r'font-family: [^;"]*(?:; |(?="))')
_STYLE = re.compile(r' style="([^"]*)"')
_MARK = re.compile(r'<path id="([^"]+)"([^>]*?) style="([^"]*)"')
_USE = re.compile(r'<use [^>]*?href="#([^"]+)"[^>]*?>')


def minified(source: str) -> str:
    """Write an SVG document shorter; it looks the same.

    Parameters
    ----------
    source
        SVG as matplotlib writes it.

    Returns
    -------
    str
        The same without groups that do nothing, names to which nothing refers, styles said twice
        and white space between elements, with short names of marks and short paths.
    """
    # Matplotlib's own names of groups, to which nothing refers.
    source = TAG.sub(lambda tag: re.sub(r'<g id="[\w.]+_\d+"', "<g", tag.group()), source)
    source = _said_once(_shortly_named(_unwrapped(_one_typeface(source))))
    return re.sub(r">\s*\n\s*<", ">\n<", short_paths(source))


def styled_once(source: str) -> str:
    """Say each style that many elements have once, as a class.

    Parameters
    ----------
    source
        An SVG element with its final colours and a description.

    Returns
    -------
    str
        The same with a style sheet in front. A class is called by a digest of what it says, so
        that those of several figures may meet in one page.
    """
    counts = Counter(_STYLE.findall(source))
    names = {
        style: f"s{hashlib.sha256(style.encode()).hexdigest()[:6]}"
        for style, number in counts.items()
        if number > 2 and "</desc>" in source
    }

    def classed(tag: re.Match[str]) -> str:
        text = tag.group()
        style = _STYLE.search(text)
        if style is None or style.group(1) not in names:
            return text
        return text.replace(style.group(), f' class="{names[style.group(1)]}"')

    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    if not rules:
        return source
    # The title stays the first of the parts.
    return TAG.sub(classed, source).replace("</desc>", f"</desc><style>{rules}</style>", 1)


def _one_typeface(source: str) -> str:
    """Name the typeface once, where all text is of one."""
    families = {each.rstrip("; ") for each in _FAMILY.findall(source)}
    if len(families) != 1 or re.search(r"<svg [^>]*style=", source):
        return source
    source = TAG.sub(lambda tag: _FAMILY.sub("", tag.group()), source)
    return source.replace("<svg ", f'<svg style="{families.pop()}" ', 1)


def _said_once(source: str) -> str:
    """Leave the style of a mark to those who use it, where all of them say the same."""
    said: dict[str, list[set[str]]] = {}
    for use in _USE.finditer(source):
        said.setdefault(use.group(1), []).append(_declarations(use.group()))

    def bare(mark: re.Match[str]) -> str:
        name, others, style = mark.groups()
        own = {each.strip() for each in style.split(";")}
        if name not in said or not all(own <= each for each in said[name]):
            return mark.group()
        # A rule of matplotlib's own sets these of every element, so that none inherits them.
        kept = "; ".join(sorted(each for each in own if each.startswith("stroke-line")))
        return f'<path id="{name}"{others}' + (f' style="{kept}"' if kept else "")

    return _MARK.sub(bare, source)


def _declarations(tag: str) -> set[str]:
    style = _STYLE.search(tag)
    return {each.strip() for each in style.group(1).split(";")} if style else set()


def _unwrapped(source: str) -> str:
    """Take away groups that neither have a name nor do anything."""
    bare: list[bool] = []

    def kept(tag: re.Match[str]) -> str:
        text = tag.group()
        if text == "<g/>":
            return ""
        if re.match(r"<g[ >]", text) and not text.endswith("/>"):
            bare.append(text == "<g>")
            return "" if bare[-1] else text
        return "" if text == "</g>" and bare.pop() else text

    return TAG.sub(kept, source)


def _shortly_named(source: str) -> str:
    """Number marks and clips, which matplotlib names by a digest."""
    names: dict[str, str] = {}

    def numbered(name: re.Match[str]) -> str:
        return names.setdefault(name.group(), f"{name.group()[0]}{len(names)}")

    return TAG.sub(
        lambda tag: re.sub(r"(?<=[\"#])[mp][0-9a-f]{10}(?=[\")])", numbered, tag.group()), source
    )
