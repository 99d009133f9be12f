"""Contrasts as a graph: which arms hang together, and which interventions each arm has.

An edge leads from a baseline to the arm that has one intervention more. An arm two edges away from
its baseline has both interventions, and an arm that is reached on several paths must have the same
ones on each.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Arm, baseline arm, intervention.
Edge = tuple[str, str, str]


@dataclass(frozen=True)
class ContrastGraph:
    """Arms of a set of contrasts.

    Attributes
    ----------
    root
        The arm that stands for each arm's baseline group, by arm: one of the group without an
        intervention that is known, the first by name.
    exposure
        Interventions of each arm over those of its root: how often each counts, which is negative
        where the root has an intervention that the arm lacks.
    contradictory
        Positions of the edges that disagree with the paths found before them, as cycles do.
    """

    root: dict[str, str]
    exposure: dict[str, dict[str, int]]
    contradictory: list[int]


def contrast_graph(edges: Sequence[Edge]) -> ContrastGraph:
    """Follow contrasts from each baseline to the arms that hang on it.

    Parameters
    ----------
    edges
        Arm, baseline arm and intervention of each contrast.

    Returns
    -------
    ContrastGraph
        Of all arms that are named.
    """
    near: dict[str, list[tuple[str, str, int]]] = {}
    treated = {arm for arm, _, _ in edges}
    for arm, baseline, intervention in edges:
        near.setdefault(baseline, []).append((arm, intervention, 1))
        near.setdefault(arm, []).append((baseline, intervention, -1))
    root: dict[str, str] = {}
    found: dict[str, Counter[str]] = {}
    for start in sorted(near, key=lambda arm: (arm in treated, arm)):
        if start in found:
            continue
        root[start], found[start] = start, Counter()
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            for there, intervention, step in near[here]:
                if there not in found:
                    root[there] = start
                    found[there] = _plus(found[here], intervention, step)
                    waiting.append(there)
    wrong = [
        position
        for position, (arm, baseline, intervention) in enumerate(edges)
        if found[arm] != _plus(found[baseline], intervention, 1)
    ]
    exposure = {arm: dict(sorted(counts.items())) for arm, counts in found.items()}
    return ContrastGraph(root, exposure, wrong)


def _plus(counts: Counter[str], intervention: str, step: int) -> Counter[str]:
    more = Counter(counts)
    more[intervention] += step
    if not more[intervention]:
        del more[intervention]
    return more
