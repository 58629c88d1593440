"""The evidence lower bound of a model, one sample of it as a formula, and its gradients, line by line."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.derive.derivation import Derivation
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.derive.narrative.symbols import named, partial, shown
from chainrule.derive.render.page import Line, Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.likelihood import shown_input
from chainrule.learning.variational import checks
from chainrule.learning.variational.joint import Drawn, read
from chainrule.learning.variational.sample import Sampled, sampled

UNBIASED = (
    "The noise does not depend on the parameters, so that the mean over the noise of the gradients of one sample is "
    "the gradient of the bound."
)
DOUBLE = "log q is taken at the sample too, since the divergence from this prior has no closed form here."


@dataclass(frozen=True)
class Elbo(Explanation):
    """An evidence lower bound.

    Attributes:
        formula: the bound at one sample of the noise; its mean over the noise is the bound.
        derivation: its gradients.
        noise: the names of the noise, and the distribution of each of its entries.
        terms: the parts of the bound as formulas of the same inputs.
    """

    formula: Formula = field(kw_only=True)
    derivation: Derivation = field(kw_only=True)
    noise: Mapping[str, str] = field(kw_only=True)
    terms: Mapping[str, Formula] = field(kw_only=True)


def elbo(
    model: str, latent: str | Sequence[str], *, family: str = "normal", wrt: str | Sequence[str] | None = None
) -> Elbo:
    """The evidence lower bound of a model at one sample of the noise, with its gradients.

    Entries of a latent variable ``w`` are ``mu_w + exp(rho_w)*eps_w`` with noise of the standard member of ``family``,
    or the exponential of that for a positive variable. ``mu_w`` and ``rho_w`` are new inputs; where the model computes
    quantities of these names, as an encoder does, they are taken. The divergence from the prior is in closed form if
    the prior is of the same family, otherwise at the sample too.

    Args:
        model: statements, those of random variables as ``y: binary[n] ~ bernoulli(sigmoid(X @ w))``: every entry from
            a distribution of the table, with parameters that are formulas.
        latent: the random variables that were not observed.
        family: ``normal``, or another family with a location and a scale.
        wrt: what the gradients are by; by default ``mu`` and ``rho``, or all real inputs that are no random variables
            where the model computes these.

    Raises:
        InputError: the model is not understood, or a latent variable has no distribution.
        UnsupportedError: a variable is neither real nor positive, or a family has no location and scale.
        NotationError: a formula cannot be read.

    Example:
        >>> layer = elbo("X: real[n, d]; w: real[d] ~ normal(0, 1); y: real[n] ~ normal(X @ w, 1)", "w")
        >>> layer.derivation.result["rho_w"].matrix()
        '1 + eps_w*w_bar*exp(rho_w) - exp(2*rho_w)'
    """
    names = [name.strip() for name in latent.split(",")] if isinstance(latent, str) else list(latent)
    joint = read(model)
    found = sampled(joint, names, family)
    chosen = [name.strip() for name in wrt.split(",")] if isinstance(wrt, str) else list(wrt or _variables(found))
    derivation = gradient(found.formula, chosen)
    told = (*_model_parts(found), _bound_part(found), *_family_parts(found), _sample_part(found))
    parts = (*told, *_names_part(derivation, told), _chain_part(derivation), _result_part(found, derivation))
    remarks = (UNBIASED, *((DOUBLE,) if any(item.divergence is None for item in found.latents) else ()))
    title = f"Evidence lower bound with latent {', '.join(names)}"
    noise = {item.noise: f"{item.family.entry.name}(0, 1)" for item in found.latents}
    terms = {name: Formula(found.program.pruned([name])) for _, name, _ in found.terms}
    return Elbo(Shown(title, rf"\text{{{title}}}"), parts, remarks, formula=found.formula, derivation=derivation,
                noise=noise, terms=terms)  # fmt: skip


def _variables(found: Sampled) -> list[str]:
    """Variational parameters; where the model computes these, every real input that is no random variable."""
    drawn = {item.name for item in found.joint.drawn} | set(found.noise)
    if not any(item.amortised for item in found.latents):
        return list(found.variational)
    return [item.name for item in found.formula.inputs if item.name not in drawn and item.domain.name == "real"]


# ---- the parts ----------------------------------------------------------------------------------------------------


def _model_parts(found: Sampled) -> Iterator[Part]:
    program = found.joint.program
    drawn_names = {item.name for item in found.joint.drawn}
    moves = [Move(shown_input(item)) for item in program.inputs if item.name not in drawn_names]
    for drawn in found.joint.drawn:
        law = _law(drawn)
        seen = "latent" if any(item.drawn is drawn for item in found.latents) else "observed"
        left = shown_input(found.joint.input(drawn.name))
        moves.append(Move(Shown(f"{left.text} ~ {law.text}", rf"{left.latex} \sim {law.latex}"), (),
                          (f"Every entry on its own; {seen}.",)))  # fmt: skip
    yield Part("Model", tuple(moves))
    named_ones = [item for item in program.definitions if item.origin == "named" and item.name in found.program.by_name]
    if named_ones:
        yield Part("Its quantities", tuple(Move(shown(program, item.name), (named(item.name),)) for item in named_ones))


def _law(drawn: Drawn) -> Shown:
    name = drawn.law.entry.name.replace("_", " ")
    texts = [str(place) for place in drawn.arguments.values()]
    latex = [named(place).latex if isinstance(place, str) else str(place) for place in drawn.arguments.values()]
    return Shown(f"{name}({', '.join(texts)})", rf"\text{{{name}}}({', '.join(latex)})")


def _bound_part(found: Sampled) -> Part:
    """The bound as an expectation, and by its parts."""
    z = ", ".join(item.drawn.name for item in found.latents)
    x = ", ".join(item.name for item in found.joint.drawn if all(one.drawn is not item for one in found.latents))
    joint = f"log p({x}, {z})" if x else f"log p({z})"
    first = Shown(f"E_q[{joint} - log q({z})]", rf"\mathbb{{E}}_q\left[\log p({x}, {z}) - \log q({z})\right]")
    why = f"It is log p({x or 'data'}) minus the divergence of q from the posterior, see the topic elbo."
    inside = [(sign, name) for sign, name, _ in found.terms if not name.startswith("KL_")]
    outside = [(sign, name) for sign, name, _ in found.terms if name.startswith("KL_")]
    texts, latex = _signed(inside), _signed(inside, True)
    end, ending = _signed(outside, tail=True), _signed(outside, True, tail=True)
    second = Shown(f"E_q[{texts}]{end}", rf"\mathbb{{E}}_q\left[{latex}\right]{ending}")
    says = "; ".join(f"{name} is the {what}" for _, name, what in found.terms)
    check = functools.partial(checks.parts_difference, found)
    return Part("Lower bound", (Move(first, (Shown("L", "L"),), (why,)), Move(second, (), (f"{says}.",), check)))


def _signed(terms: Sequence[tuple[int, str]], latex: bool = False, tail: bool = False) -> str:
    out = ""
    for sign, name in terms:
        word = named(name).latex if latex else name
        out += (" - " if sign < 0 else " + " if out or tail else "") + word
    return out


def _family_parts(found: Sampled) -> Iterator[Part]:
    """The variational distributions, and their divergences from the priors."""
    program = found.program
    moves = []
    for item in found.latents:
        left, (mean_, scale) = named(item.drawn.name), (named(item.mean), named(item.log_scale))
        name = ("log " if item.positive else "") + item.family.entry.name
        q = Shown(f"{name}({mean_.text}, exp({scale.text}))", rf"\text{{{name}}}({mean_.latex}, e^{{{scale.latex}}})")
        moves.append(Move(q, (Shown(f"q({left.text})", f"q({left.latex})"),), ("Entries are independent under q.",)))
        why = f"{item.noise} ~ {item.family.entry.name}(0, 1), whatever the parameters."
        check = functools.partial(checks.noise_difference, found, item)
        moves.append(Move(shown(program, item.drawn.name), (left,), (why,), check))
    yield Part("Variational distribution", tuple(moves))
    closed = [item for item in found.latents if item.divergence is not None]
    lines = []
    for item in closed:
        assert item.divergence is not None
        entry = item.divergence.formula
        kl = f"KL_{item.drawn.name}"
        law = item.drawn.law.entry.name.replace("_", " ")
        why = f"Of two {law} distributions, for one entry: here p is q({item.drawn.name}), and q is the prior."
        general = Shown("KL(p||q)", r"D_{\mathrm{KL}}(p \| q)")
        lines.append(Move(shown(entry.program, entry.output.name), (general,), (why,)))
        check = functools.partial(checks.divergence_difference, found, item)
        why = "Put in the parameters of q and of the prior; all entries."
        lines.append(Move(shown(program, kl), (named(kl),), (why,), check))
    if lines:
        yield Part("Divergence from the prior", tuple(lines))


def _sample_part(found: Sampled) -> Part:
    """The other parts at one sample, and the bound."""
    moves = []
    for _, name, what in found.terms:
        if not name.startswith("KL_"):
            moves.append(Move(shown(found.program, name), (named(name),), (f"The {what}.",),
                              functools.partial(checks.term_difference, found, name)))  # fmt: skip
    whole = shown(found.program, "ELBO")
    moves.append(Move(whole, (named("ELBO"),), ("The bound at one sample of the noise.",),
                      functools.partial(checks.parts_difference, found)))  # fmt: skip
    return Part("One sample", tuple(moves))


def _names_part(derivation: Derivation, told: Sequence[Part]) -> Iterator[Part]:
    """The names that backpropagation gives to parts of the formula, besides those that were told."""
    known = {left.text for part in told for move in part.moves for left in move.left}
    sections = [section for section in derivation.page().sections if section.title == "Definitions"]
    defined = (line for section in sections for line in section.lines)
    lines = [line for line in defined if not any(left.text in known for left in line.left)]
    if lines:
        yield Part("Names on the way", tuple(map(_told, lines)))


def _chain_part(derivation: Derivation) -> Part:
    """The chain rule from the bound back."""
    steps = derivation.reasoning("full")[-1]
    return Part(steps.title, tuple(map(_told, steps.lines)), tuple(steps.intro) if steps.intro else ())


def _told(line: Line) -> Move:
    return Move(line.right, line.left, line.note, None, tuple(map(_told, line.details)))


def _result_part(found: Sampled, derivation: Derivation) -> Part:
    moves = []
    for name, result in derivation.result.items():
        check = functools.partial(checks.slope_difference, found, result, name)
        moves.append(Move(shown(result.program, result.output.name), (partial("ELBO", name),), (), check))
    return Part("Gradients of one sample", tuple(moves))
