"""Scripts that pages carry inside themselves, and the policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"


def script(name: str) -> Markup:
    """Text of a script of ours, to stand inside a script element.

    Parameters
    ----------
    name : str
        File in the folder ``static``.

    Returns
    -------
    markupsafe.Markup
        The text, unescaped.

    Raises
    ------
    ValueError
        If the text would end the element that it stands in.
    """
    text = (STATIC / name).read_text(encoding="utf-8")
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(f"{name}: would end the script element that it stands in")
    return Markup(text)


def vendored(name: str) -> Markup:
    """Text of a script of somebody else, once it is the one that is on record.

    Parameters
    ----------
    name : str
        File in the folder ``static`` with an entry in ``vendored.yaml``.

    Returns
    -------
    markupsafe.Markup
        The text, unescaped.

    Raises
    ------
    ValueError
        If the file is not the recorded one.
    """
    text = script(name)
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != vendored_files()[name]["sha256"]:
        raise ValueError(f"{name}: is not the file that vendored.yaml records")
    return text


@cache
def vendored_files() -> dict[str, dict[str, str]]:
    """What is on record of each vendored file: package, version, licence, SHA-256."""
    found: dict[str, dict[str, str]] = yaml.safe_load((STATIC / "vendored.yaml").read_text())
    return found


def content_policy(scripts: Iterable[str]) -> str:
    """Content security policy of a page: its own scripts and styles, and no request at all.

    Parameters
    ----------
    scripts : iterable of str
        Text of each script element of the page, to the character.

    Returns
    -------
    str
        Value for the element ``<meta http-equiv="Content-Security-Policy">`` (W3C, Content
        Security Policy Level 3).
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'"
        for each in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
