"""Odd surroundings of a whole run: locales, time zones, paths, a repository nobody may write to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, Trial, recover
from tests.workflow.conftest import copy_checkout

#: Locale, source and character map to make it of (None: always there), and time zone.
LOCALES = [
    ("C", None, "UTC"),
    ("POSIX", None, "Pacific/Kiritimati"),
    ("tr_TR.UTF-8", ("tr_TR", "UTF-8"), "Asia/Kathmandu"),
    ("de_DE.UTF-8", ("de_DE", "UTF-8"), "America/St_Johns"),
    ("de_DE.ISO-8859-1", ("de_DE", "ISO-8859-1"), "Europe/Berlin"),
]
ODD = "Ünïcode ile boşluk, 目标 & 'more'"


def odd_locales(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Runs in other locales and time zones."""
    outcomes = []
    for name, source, zone in LOCALES:
        made = "LC_ALL, LANG and TZ; everything but the fit is made anew"
        outcome = Outcome(f"locale {name}, time zone {zone}", made)
        with Clock(outcome):
            variables = {"LC_ALL": name, "LANG": name, "TZ": zone}
            if source and not _made(folder / "locales", name, source):
                outcome.skipped = "localedef cannot make this locale here"
            else:
                variables |= {"LOCPATH": str(folder / "locales")} if source else {}
                outcome.add(_anew(undisturbed, folder / "locale", variables, fits=False))
        outcomes.append(outcome)
    return outcomes


def odd_path(undisturbed: Base, folder: Path) -> Outcome:
    """A whole run of a checkout and a base in folders with spaces and other letters."""
    outcome = Outcome(
        "a path with spaces, quotes and letters outside ASCII",
        f"repository and evidence base are in folders named {ODD!r}",
    )
    with Clock(outcome):
        checkout = _fresh_checkout(folder / ODD / "repository")
        base = replace(undisturbed, checkout=checkout)
        outcome.add(_anew(base, folder / ODD / ODD, {}))
    return outcome


def read_only_repository(undisturbed: Base, folder: Path) -> Outcome:
    """A whole run of a repository on a read-only file system, with `--directory` elsewhere."""
    outcome = Outcome(
        "a read-only repository, `--directory` elsewhere",
        "the repository is mounted read-only; nothing in it is changed or added",
    )
    with Clock(outcome):
        checkout = _fresh_checkout(folder / "read-only")
        with read_only(checkout) as possible:
            if not possible:
                outcome.skipped = "needs root, to mount"
            else:
                base = replace(undisturbed, checkout=checkout)
                outcome.add(_anew(base, folder / "elsewhere", {}))
    return outcome


@contextmanager
def read_only(folder: Path) -> Iterator[bool]:
    """Mount a folder read-only over itself; gives whether that was possible."""
    for words in (["--bind", str(folder), str(folder)], ["-o", "remount,bind,ro", str(folder)]):
        if subprocess.run(["mount", *words], capture_output=True).returncode:
            subprocess.run(["umount", str(folder)], capture_output=True)
            yield False
            return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fresh_checkout(folder: Path) -> Path:
    """Copy the workflow to where an earlier measurement may have left one."""
    shutil.rmtree(folder, ignore_errors=True)
    return copy_checkout(folder)


def _anew(undisturbed: Base, folder: Path, variables: dict[str, str], fits: bool = True) -> Trial:
    """Run everything anew in a copy of the base, or all but the fit."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    base = replace(undisturbed.copy(folder), environment=variables)
    base.forget_results(fits)
    return recover(base, expected, raw)


def _made(folder: Path, name: str, source: tuple[str, str]) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["localedef", "-i", source[0], "-f", source[1], str(folder / name)]
    try:
        return subprocess.run(command, capture_output=True).returncode <= 1
    except FileNotFoundError:
        return False
