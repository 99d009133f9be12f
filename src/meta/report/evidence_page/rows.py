"""Rows of the evidence page: one a study, arm or case, as a reader sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from meta.evidence.dictionary import load_dictionary
from meta.evidence.links import links as links_in
from meta.plural import counted
from meta.report.estimates import percent
from meta.report.evidence_page.codings import Coding, codings_of, differences
from meta.report.evidence_page.contribution import Contributions
from meta.report.evidence_page.tables import KINDS, EvidenceTables
from meta.report.wording import spell, study_label

#: Field that holds the address of a row's source, by kind; an arm has that of its study.
ADDRESS_FIELDS = {"study": "url_or_id", "case": "source_url"}
#: Filter value of a row that no model reads.
UNUSED = "(none)"
#: Columns of the table and whether they are ordered as numbers.
COLUMNS = (
    ("Row", False),
    ("What", False),
    ("Type", False),
    ("Year", True),
    ("Goal failures", True),
    ("Study's rate", True),
    ("Influence", True),
    ("Codes", True),
    ("Source", False),
)


@dataclass(frozen=True)
class Cell:
    """One cell: what it says, a smaller remark below, and the number that orders it, if any."""

    text: str
    remark: str = ""
    order: float | None = None


@dataclass(frozen=True)
class Row:
    """One row of the page.

    Attributes
    ----------
    address : str
        Its name in the page's address.
    name, kind, study : str
        Identifier, kind (a key of `KINDS`) and study; a case may have no study.
    cells : tuple of Cell
        As many as `COLUMNS`, without the last.
    links : tuple of (str, str)
        Label and address of each source.
    where : str
        File and line in ``data/raw``.
    facets : mapping of str to tuple of str
        Values that the filters compare, by filter.
    fields : tuple of str
        What the row says, one text a field of `field_names`.
    codings : tuple of Coding
        What the coders said.
    """

    address: str
    name: str
    kind: str
    study: str
    cells: tuple[Cell, ...]
    links: tuple[tuple[str, str], ...]
    where: str
    facets: Mapping[str, tuple[str, ...]]
    fields: tuple[str, ...]
    codings: tuple[Coding, ...]


def field_names(evidence: EvidenceTables, kind: str) -> list[tuple[str, str]]:
    """Columns and labels of the filled fields of a kind of row."""
    table, _ = KINDS[kind]
    known = load_dictionary()[table].fields
    names = [str(name) for name in evidence.frames[table]]
    return [(name, known[name].label if name in known else spell(name)) for name in names]


def evidence_rows(evidence: EvidenceTables, found: Contributions, most: int) -> list[Row]:
    """Make the rows of the page.

    Parameters
    ----------
    evidence : EvidenceTables
        The evidence.
    found : Contributions
        What its rows contribute.
    most : int
        Number of rows after which the rest is left out.

    Returns
    -------
    list of Row
        Kinds in the order of `KINDS`, rows in that of their file.
    """
    records = [
        (kind, record)
        for kind, (table, _) in KINDS.items()
        for record in evidence.frames[table].head(most).to_dict("records")
    ][:most]
    texts = [(kind, {str(name): str(cell) for name, cell in r.items()}) for kind, r in records]
    units = [record[KINDS[kind][1]] for kind, record in texts if kind != "study"]
    coded = evidence.frames["codings"]
    coded = coded[coded["unit_id"].isin(units)]
    codings = codings_of(coded, evidence.lines)
    compared = {str(unit): (c, d) for unit, c, d in differences(coded).itertuples()}
    base = _Base(
        evidence, found, codings, compared, _of_study(evidence, "url_or_id"),
        _of_study(evidence, "year"), _arms_of(evidence, found),
    )  # fmt: skip
    return [_row(kind, record, base) for kind, record in texts]


@dataclass(frozen=True)
class _Base:
    """What is known beside a row.

    By unit, its codings and how many fields are compared and differ; by study, its address, year,
    and arms in all and pooled.
    """

    evidence: EvidenceTables
    found: Contributions
    codings: Mapping[str, list[Coding]]
    compared: Mapping[str, tuple[int, int]]
    sources: Mapping[str, str]
    years: Mapping[str, str]
    arms: Mapping[str, tuple[int, int]]


def _row(kind: str, record: Mapping[str, str], base: _Base) -> Row:
    table, key = KINDS[kind]
    name, study = record[key], record.get("study_id", "")
    said = base.codings.get(name, []) if kind != "study" else []
    own = record.get(ADDRESS_FIELDS.get(kind, ""), "")
    return Row(
        address=base.evidence.addresses[kind, name],
        name=name,
        kind=kind,
        study=study,
        cells=(
            Cell(name, kind),
            _what(kind, record),
            Cell(spell(record.get("failure_type", ""))),
            _year(record.get("year") or base.years.get(study, "")),
            _counted(kind, record, base.arms.get(study, (0, 0))),
            *_contributed(kind, study, base.found),
            _coded(kind, base.compared.get(name)),
        ),
        links=tuple(links_in(own) or links_in(base.sources.get(study, ""))),
        where=f"{table}.csv, line {base.evidence.line(table, name)}",
        facets=dict(_facets(kind, record, base)),
        fields=tuple(record.values()),
        codings=tuple(said),
    )


def _what(kind: str, record: Mapping[str, str]) -> Cell:
    study = record.get("study_id", "")
    if kind == "study":
        return Cell(record["title"], record.get("authors", ""))
    titles = ("arm_label", "condition") if kind == "arm" else ("title", "description")
    title = next((record[t] for t in titles if record.get(t)), "")
    about = [study_label(study) if study else "", record.get("environment", "")]
    return Cell(title, " · ".join(part for part in about if part))


def _year(year: str) -> Cell:
    return Cell(year, order=float(year) if year else None)


def _counted(kind: str, record: Mapping[str, str], arms: tuple[int, int]) -> Cell:
    if kind == "study":
        number, pooled = arms
        return Cell("", f"{counted(number, 'arm')}, {pooled} pooled" if number else "no arm")
    if kind == "case":
        return Cell("", "no denominator")
    events, trials = record.get("n_goal_failure", ""), record.get("n_at_risk", "")
    if not events or not trials:
        return Cell("", "not observed")
    share = int(events) / int(trials) if int(trials) else None
    shown = "" if share is None else percent(share)
    return Cell(f"{int(events):,} of {int(trials):,}", shown, share)


def _contributed(kind: str, study: str, found: Contributions) -> Iterator[Cell]:
    rate, moved = found.rate(study), found.influence.get(study)
    if kind == "case":
        rate = moved = None
    yield Cell("") if rate is None else Cell(rate.shown, rate.interval, rate.median)
    yield Cell("") if moved is None else Cell(moved.shown, moved.remark(kind), moved.shift)


def _coded(kind: str, compared: tuple[int, int] | None) -> Cell:
    if kind == "study":
        return Cell("")
    if compared is None:
        return Cell("", "not coded")
    fields, differing = compared
    if not fields:
        return Cell("", "one coder")
    return Cell(f"{differing} of {fields} differ", order=float(differing))


def _facets(
    kind: str, record: Mapping[str, str], base: _Base
) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "kind", (kind,)
    for name in ("failure_type", "role", "grade", "evidence_kind", "study_id"):
        if record.get(name):
            yield name, (record[name],)
    yield "used", tuple(base.found.readers(kind, record[KINDS[kind][1]])) or (UNUSED,)
    if kind != "study":
        fields, differing = base.compared.get(record[KINDS[kind][1]], (0, 0))
        yield "coders", ("differ" if differing else "agree" if fields else "not compared",)


def _of_study(evidence: EvidenceTables, field: str) -> dict[str, str]:
    studies = evidence.frames["studies"]
    if field not in studies:
        return {}
    return dict(zip(studies["study_id"], studies[field], strict=True))


def _arms_of(evidence: EvidenceTables, found: Contributions) -> dict[str, tuple[int, int]]:
    """Arms of each study, and those of them that the primary model pools."""
    counts: dict[str, tuple[int, int]] = {}
    arms = evidence.frames["arms"]
    for arm, study in zip(arms["arm_id"], arms["study_id"], strict=True):
        number, pooled = counts.get(study, (0, 0))
        counts[study] = number + 1, pooled + (found.model in found.models.get(arm, []))
    return counts
