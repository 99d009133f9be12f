"""The chain with harm in mathematics: how two fits are joined, and what is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meta.report.chain_results import ChainResults
from meta.report.methods.distributions import in_latex
from meta.report.methods.mathematics import Equation
from meta.report.wording import spell


@dataclass(frozen=True)
class Joining:
    """Chains that are joined alike: which they are, and the lines of mathematics."""

    models: str
    equations: tuple[Equation, ...]


def joinings(chains: Sequence[ChainResults]) -> list[Joining]:
    """Write how rates and harm are joined; chains under the same priors together.

    Parameters
    ----------
    chains
        Chains of the run.
    """
    found: dict[tuple[Equation, ...], list[str]] = {}
    for chain in chains:
        pair = f"“{spell(chain.rates)}” with harm of “{spell(chain.harm)}”"
        found.setdefault(tuple(chain_equations(chain)), []).append(pair)
    return [Joining(", ".join(pairs), equations) for equations, pairs in found.items()]


def chain_equations(chain: ChainResults) -> list[Equation]:
    """Write the joining of one chain, one line a step.

    Parameters
    ----------
    chain
        A chain with its record.
    """
    record = chain.record
    return [
        Equation(
            "Harm in the settings of the arms: the composition's, less notoriety, plus transport; "
            "harm varies between studies as it does between lists",
            r"\eta_H = \alpha_H + x' \beta_H - \lambda + \xi + u_H",
        ),
        Equation(
            "Priors that no data inform, of notoriety and of transport",
            rf"\lambda \sim {in_latex(record['notoriety'])}, \quad "
            rf"\xi \sim {in_latex(record['transport'])}",
        ),
        Equation(
            "Study effects of all stages; given goal failure, harm is independent of capability",
            r"(u_C, u_G, u_H) \sim \text{Normal}(0, \text{diag}(\tau) R \, \text{diag}(\tau)), "
            r"\quad R_{CG} = r, \quad R_{GH} = \rho, \quad R_{CH} = r \rho",
        ),
        Equation(
            "Correlation of harm with goal failure: a prior, of one correlation",
            rf"\rho \sim {in_latex({'distribution': 'lkj', 'eta': float(record['eta'])})}",
        ),
        Equation(
            "The average over studies, for each pair of draws of the two fits; a new study is one "
            "draw of the effects",
            r"\text{E}_u [ \pi_C \, \pi_G \, \pi_H ], \quad "
            r"\pi_o = \text{logit}^{-1}(\eta_o)",
        ),
    ]
