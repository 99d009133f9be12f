"""What goes to a cluster: every rule either stays where Snakemake runs or says what it needs."""

from __future__ import annotations

import re

import yaml

from tests.workflow.conftest import ROOT

SNAKEFILE = (ROOT / "Snakefile").read_text()
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def rules() -> dict[str, str]:
    """Text of each rule by its name."""
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
    found: dict[str, str] = {}
    for file in files:
        parts = re.split(r"^(?:rule (\w+):|(?=\S))", file.read_text(), flags=re.MULTILINE)
        # After each name its text, up to the next line that is not indented.
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        found |= {name: text for name, text in pairs if name}
    return found


def stay() -> set[str]:
    (names,) = re.findall(r"^localrules:\n((?:    \w+,\n)+)", SNAKEFILE, re.MULTILINE)
    return set(re.findall(r"\w+", names))


def test_what_is_sent_says_what_it_needs() -> None:
    """Memory grows with the attempt, so that a job killed for want of it is not killed again."""
    sent = {name: text for name, text in rules().items() if name not in stay()}
    assert {"fit", "check_fit", "calibrate_shard", "multiverse_structure"} <= set(sent)
    for name, text in sent.items():
        needs = re.search(r"    resources:\n((?:        .*\n)+)", text)
        assert needs is not None, name
        assert re.search(r"mem_mb=memory\(\d+\),", needs[1]), name
        assert re.search(r"runtime=\d+,", needs[1]), name


def test_what_stays_is_there() -> None:
    assert stay() <= set(rules())
    assert {"warehouse", "analysis_sets", "report", "gate", "merge_calibration"} <= stay()


def test_the_profile_is_of_this_workflow() -> None:
    assert set(PROFILE["set-threads"]) <= set(rules()) - stay()
    # A node that dies, and a job that is killed for memory, cost a job and not the run.
    assert PROFILE["slurm-requeue"] is True
    assert PROFILE["retries"] >= 1
