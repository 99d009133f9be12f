"""A model in mathematics: LaTeX put together from its options, written as MathML."""

from __future__ import annotations

from dataclasses import dataclass

from latex2mathml.converter import convert
from markupsafe import Markup

from meta.report.methods.distributions import in_latex
from meta.report.methods.specification import Specification

#: Symbol of each parameter that may have a prior, and what it is.
SYMBOLS = {
    "alpha": (r"\alpha_o", "intercept of a stage, on the logit scale"),
    "beta": (r"\beta_{po}", "coefficient of a contrast of categories, or of a number per sd"),
    "monotonic": (r"b_o", "total effect of an ordinal moderator, from first to last level"),
    "simplex": (r"\zeta_o", "shares of the steps in that total"),
    "tau": (r"\tau_o", "sd between studies (of Student-t effects their scale, below the sd)"),
    "correlation": (r"R", "correlation of the stages' study effects"),
    "df": (r"\nu", "degrees of freedom of the study effects"),
    "upper_share": (r"w", "share of studies in the upper population"),
    "split": (r"v", "share of the variance that lies between the two populations"),
    "omega": (r"\omega_o", "sd between agent sets of a study"),
    "kappa": (r"\kappa_o", "sd between arms of an agent set, on the logit of what they count"),
    "phi": (r"\phi_o", "sd between families of agents, across studies"),
    "icc": (r"\rho_o", "intra-class correlation of an arm's trials"),
    "baseline": (r"m_g", "logit of a group's baseline"),
    "delta": (r"\delta_k", "mean log odds ratio of an intervention"),
    "tau_delta": (r"\tau_\delta", "sd of that between studies"),
    "notoriety": (r"\lambda", "log odds ratio by which harmful failures are likelier written up"),
}


@dataclass(frozen=True)
class Equation:
    """One line of a model: what it says, in words and in LaTeX."""

    words: str
    latex: str

    @property
    def mathml(self) -> Markup:
        """The line as MathML."""
        return mathml(self.latex)


def mathml(latex: str, inline: bool = False) -> Markup:
    """Convert LaTeX to MathML, which browsers draw without a script."""
    # The converter takes the sign for a letter, which browsers would set without space about it.
    text = convert(latex, display="inline" if inline else "block")
    return Markup(text.replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>"))


def equations(spec: Specification) -> list[Equation]:
    """Write the likelihood of a model, one line a building block.

    Parameters
    ----------
    spec
        The model.
    """
    if spec.frame == "contrasts":
        return [*_contrasts(spec), *_counts(spec, "i")]
    return [
        *_counts(spec, "oi"),
        *_rates(spec),
        _predictor(spec),
        *_moderators(spec),
        *_study_effects(spec),
        *_correlation(spec),
        *_below(spec),
        *_notoriety(spec),
    ]


def prior_latex(spec: Specification, parameter: str) -> str:
    """Write the prior of one parameter."""
    return rf"{SYMBOLS[parameter][0]} \sim {in_latex(spec.priors[parameter])}"


def _counts(spec: Specification, index: str) -> list[Equation]:
    events, trials, rate = f"y_{{{index}}}", f"n_{{{index}}}", rf"\pi_{{{index}}}"
    if spec.binomial:
        arms = spec.frame != "contrasts" and "arm" in spec.levels
        own = f"p_{{{index}}}" if arms else rate
        latex = rf"{events} \sim \text{{Binomial}}({trials}, {own})"
        found = [Equation("Events among the trials at risk of a stage", latex)]
        if not arms:
            return found
        varies = rf"\text{{logit}}({own}) = \text{{logit}}({rate}) + e_{{{index}}}"
        return [*found, Equation("An arm varies on the logit of the rate that it counts", varies)]
    icc = r"\rho_o" if "o" in index else r"\rho"
    latex = (
        rf"{events} \sim \text{{BetaBinomial}}({trials},\; s {rate},\; s (1 - {rate})), "
        rf"\quad s = (1 - {icc}) / {icc}"
    )
    words = "Events among the trials at risk of a stage; the arm's rate varies about its mean"
    return [Equation(words, latex)]


def _rates(spec: Specification) -> list[Equation]:
    usual = Equation("Rate of a stage", r"\pi_{oi} = \text{logit}^{-1}(\eta_{oi})")
    if spec.frame != "denominator" or spec.stages[:2] != ("capability_transfer", "goal_failure"):
        return [usual]
    if spec.options["assumed_capable"]:
        words = "Goal failures counted among all trials: every trial is taken as capable"
        return [usual, Equation(words, r"\pi_{Gi} = \text{logit}^{-1}(\eta_{Gi})")]
    if "arm" in spec.levels:
        middle = Equation(
            "Goal failures counted among all trials, capable or not: the middle arm, about which "
            "arms vary as those of goal failure do, and fail on average as the product of the two "
            "stages' average arms",
            r"\pi_{Gi} = \text{logit}^{-1}\big(a_G \, \text{logit}("
            r"\text{logit}^{-1}(\eta_{Ci} / a_C) \, \text{logit}^{-1}(\eta_{Gi} / a_G))\big), "
            r"\quad a_o = \sqrt{1 + c^2 \kappa_o^2}, \quad c = 16 \sqrt{3} / (15 \pi)",
        )
        return [usual, middle]
    product = Equation(
        "Goal failures counted among all trials, capable or not: the product of two stages",
        r"\pi_{Gi} = \text{logit}^{-1}(\eta_{Ci}) \, \text{logit}^{-1}(\eta_{Gi})",
    )
    return [usual, product]


def _predictor(spec: Specification) -> Equation:
    parts, words = [r"\alpha_o"], ["an intercept"]
    for has, latex, name in (
        (bool(spec.effects), r"x_i' \beta_o", "moderators"),
        (True, r"u_{os[i]}", "the list" if spec.frame == "case_series" else "the study"),
        ("agent_set" in spec.levels, r"w_{oa[i]}", "the agent set"),
        ("agent_family" in spec.levels, r"f_{of[i]}", "the family of agents"),
    ):
        if has:
            parts.append(latex)
            words.append(name)
    joined = ", ".join(words[:-1]) + f" and {words[-1]}"
    return Equation(f"Logit of a rate: {joined}", r"\eta_{oi} = " + " + ".join(parts))


def _moderators(spec: Specification) -> list[Equation]:
    blocks = {
        "categories": (
            "contrasts that sum to zero over the categories, none of which is a reference",
            r"x_i' \beta_o = q_{k_i}' \beta_o, \quad \textstyle\sum_k q_k = 0",
        ),
        "linear": ("a straight line", r"x_i' \beta_o = x_i \beta_o"),
        "within_between": (
            "one slope between studies and one within them",
            r"x_i' \beta_o = \bar{x}_{s[i]} \beta_{1o} + (x_i - \bar{x}_{s[i]}) \beta_{2o}",
        ),
        "monotonic": (
            "steps in one direction, whose sizes are estimated",
            r"x_i' \beta_o = b_o \textstyle\sum_{j=1}^{k_i} \zeta_{oj}, \quad "
            r"\textstyle\sum_j \zeta_{oj} = 1",
        ),
    }
    found = []
    for name, shape in spec.effects.items():
        words, latex = blocks[shape]
        if shape == "linear" and name not in spec.numeric:
            latex = r"x_i' \beta_o = b_o x_i, \quad 0 \le x_i \le 1"
        found.append(Equation(f"Moderator {name.replace('_', ' ')}: {words}", latex))
    return found


def _study_effects(spec: Specification) -> list[Equation]:
    unit = "lists" if spec.frame == "case_series" else "studies"
    spread = r"\text{diag}(\tau) \, R \, \text{diag}(\tau)" if len(spec.stages) > 1 else r"\tau^2"
    random = spec.options["random_effects"]
    if random == "student_t":
        return [
            Equation(
                f"Effects of {unit}: Student-t, one stretch for all stages of a study",
                rf"u_s \sim \text{{Normal}}(0, {spread} / m_s), \quad "
                r"m_s \sim \text{Gamma}(\nu / 2, \nu / 2)",
            )
        ]
    usual = Equation(f"Effects of {unit}: normal", rf"u_s \sim \text{{Normal}}(0, {spread})")
    if random != "two_population":
        return [usual]
    two = Equation(
        "of goal failure: two populations of studies, tau being the sd over both",
        r"z_{Gs} \sim (1 - w) \, \text{Normal}(-w \gamma, 1 - v) "
        r"+ w \, \text{Normal}((1 - w) \gamma, 1 - v), \quad \gamma = \sqrt{v / (w (1 - w))}",
    )
    scaled = Equation(
        f"Effects of {unit}: scaled from standardised ones, which are normal except those",
        r"u_s = \text{diag}(\tau) \, L z_s, \quad L L' = R",
    )
    return [scaled, two]


def _correlation(spec: Specification) -> list[Equation]:
    value = spec.options["correlation"]
    if len(spec.stages) < 2 or value == "lkj":
        return []
    if value == "independent":
        return [Equation("Study effects of the stages: independent", "R = I")]
    words = "Correlation of the stages' study effects: fixed, not estimated"
    return [Equation(words, rf"R_{{jk}} = {float(value):g}, \quad j \ne k")]


def _below(spec: Specification) -> list[Equation]:
    blocks = {
        "agent_set": ("Agent sets within a study", "w_{oa}", r"\omega_o"),
        "arm": ("Arms of an agent set, on the logit of what they count", "e_{oi}", r"\kappa_o"),
        "agent_family": ("Families of agents, across studies", "f_{of}", r"\phi_o"),
    }
    return [
        Equation(words, rf"{effect} \sim \text{{Normal}}(0, {scale}^2)")
        for level, (words, effect, scale) in blocks.items()
        if level in spec.levels
    ]


def _notoriety(spec: Specification) -> list[Equation]:
    if not spec.options.get("notoriety"):
        return []
    return [
        Equation(
            "Harm among all failures, from harm among those that were written up; no row informs "
            "the offset",
            r"\text{logit}(\pi_H^{\text{all}}) = \text{logit}(\pi_H) - \lambda, \quad "
            rf"\lambda \sim {in_latex(spec.options['notoriety'])}",
        )
    ]


def _contrasts(spec: Specification) -> list[Equation]:
    arm = " + e_i" if "arm" in spec.levels else ""
    found = [
        Equation(
            "Logit of an arm's rate: its group's baseline and the interventions it has over it",
            rf"\text{{logit}}(\pi_i) = m_{{g[i]}} + \textstyle\sum_k x_{{ik}} "
            rf"(\delta_k + v_{{ks[i]}}){arm}",
        ),
        Equation(
            "Effects of an intervention differ between studies",
            r"v_{ks} \sim \text{Normal}(0, \tau_\delta^2)",
        ),
    ]
    if arm:
        found.append(Equation("Arms of a group", r"e_i \sim \text{Normal}(0, \kappa^2)"))
    return found
