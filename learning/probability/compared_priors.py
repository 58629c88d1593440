"""Conjugate priors of vectors: recognised among the distributions by comparing terms of logarithms.

As functions of the parameter theta, the log-likelihood of a sample and the log-density of a distribution are sums

    log p(x | theta) = sum_j <G_j(x), B_j(theta)> + C(x),    log p(theta | h) = sum_j <H_j(h), B_j(theta)> - A(h).

If every ``B_j`` of the likelihood is one of the distribution's, the posterior is the same distribution, with
``H_j(h_n) = H_j(h_0) + G_j(x)``, and the evidence is ``exp(A(h_n) - A(h_0) + C(x))``.

Source: Diaconis and Ylvisaker, Conjugate Priors for Exponential Families (1979), section 2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from sympy import Expr, Mul, S, log, preorder_traversal

from chainrule.derive.catalog.distributions import BY_NAME
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.narrative.symbols import shown
from chainrule.derive.program import Definition, Index, Input, Program, Ref, bound_index, free_index
from chainrule.learning.probability.family import Groups, sum_of
from chainrule.learning.probability.likelihood import shown_input
from chainrule.learning.probability.model import Model, model, rowwise
from chainrule.learning.probability.terms import Term, renamed, terms


@dataclass(frozen=True)
class Rule:
    """A distribution of a parameter, or of two, and its parameters from the sums of coefficients ``H_j(h_0) + G_j``.

    Attributes:
        entry: the distribution's name.
        variables: the variables of its density.
        text: its declarations and log-density.
        symbols: how textbooks call its parameters where it is a prior.
        update: the parameters after a sample, in those before (``_0``), those above (``_n``) and the ``G_j``.
        mean: the posterior mean, line by line, those lines that are true.
        average: the posterior mean as a weighted average of the prior's and that of the data, in named quantities,
            ``(name, texts)``, of the texts the first that can be computed and is true; the mean itself is the last.
        predictive: logarithms of predictive densities, of which the first that is true is told; ``g`` are the
            ``G`` of the new observation alone, ``FREE`` what its log-density has besides.
        said: what the density of two parameters is the product of.
    """

    entry: str
    variables: tuple[str, ...]
    text: str
    symbols: Mapping[str, str]
    update: Mapping[str, str]
    mean: tuple[str, ...]
    average: tuple[tuple[str, str], ...]
    data: tuple[str, ...]
    predictive: tuple[str, ...]
    said: str = ""


def _listed(name: str, variable: str = "x") -> tuple[str, tuple[str, ...], str]:
    return name, (variable,), BY_NAME[name].text


def _swapped(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Za-z]\w*\b", lambda hit: names.get(hit[0], hit[0]), text)


def _product(name: str, *factors: tuple[str, Mapping[str, str]]) -> tuple[str, tuple[str, ...], str]:
    """The density of two numbers: that of one given the other, times that of the other, by entries of the table."""
    bodies = [_swapped(BY_NAME[entry].text.rpartition(";")[2], names) for entry, names in factors]
    declared = "u: real; v: positive; m: real; kappa: positive; a: positive; b: positive"
    return name, ("u", "v"), f"{declared}; {' + '.join(f'({body})' for body in bodies)}"


#: A location and a scale, the scale being written as a variance, a standard deviation or a precision.
SCALES = (
    ("normal_inverse_gamma", "sqrt(v/kappa)", "inverse_gamma", "v", "a_0 - LOG", "{1}/kappa_0", "{1}"),
    ("normal_inverse_gamma", "(v/sqrt(kappa))", "inverse_gamma", "(v^2)", "a_0 - LOG/2", "{1}**2/kappa_0", "{1}**2"),
    ("normal_gamma", "(1/sqrt(kappa*v))", "gamma", "v", "a_0 + LOG", "1/(kappa_0*{1})", "{1}"),
)  # fmt: skip


def _normal(name: str, spread: str, scale: str, of: str, shape: str, variance: str, whose: str) -> Rule:
    """The rule of a normal location given a scale, and of the scale."""
    entry = _product(name, ("normal", {"x": "u", "mu": "m", "sigma": spread}), (scale, {"x": of}))
    width = "(b_n*(1 + 1/kappa_n))"
    return Rule(
        *entry, {name: name for name in ("m", "kappa", "a", "b")},
        {"kappa": "kappa_0 - 2*SQUARE", "m": "(kappa_0*m_0 + LINEAR)/kappa_n", "a": shape,
         "b": "b_0 - PLAIN + kappa_0*m_0^2/2 - kappa_n*m_n^2/2"},
        ("m_n",), (("weight", "kappa_0/kappa_n"), ("mean_n", "weight*m_0 + (1 - weight)*D")),
        ("mean(DATA)", "LINEAR/(-2*SQUARE)"),
        (f"lgamma(a_n + 1/2) - lgamma(a_n) - log(2*pi*{width})/2 "
         f"- (a_n + 1/2)*log(1 + (DATA - m_n)^2/(2*{width}))",),
        f"Given {{1}}, {{0}} is normal with mean m_0 and variance {variance}; {whose} has the "
        f"{scale.replace('_', ' ')} distribution with shape a_0 and rate b_0. "
        f"The density is that of {{0}} and {whose}.",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(*_listed("dirichlet"), {"a": "alpha"}, {"alpha": "alpha_0 + G1"},
         ("alpha_n/sum(alpha_n)", "(alpha_0 + G1)/(sum(alpha_0) + COUNT)", "(alpha_0 + G1)/(sum(alpha_0) + sum(G1))"),
         (("mean_0", "alpha_0/sum(alpha_0)"), ("weight", "sum(alpha_0)/sum(alpha_n)"),
          ("mean_n", "weight*mean_0 + (1 - weight)*D")),
         ("mean(DATA, axis=0)", "G1/sum(G1)"),
         ("sum(DATA*log(alpha_n/sum(alpha_n)))",
          "lgamma(sum(alpha_n)) - lgamma(sum(alpha_n) + sum(g1)) + sum(lgamma(alpha_n + g1)) - sum(lgamma(alpha_n)) "
          "+ FREE")),
    Rule(*_listed("multivariate_normal"), {"mu": "m", "Sigma": "S"},
         {"S": "inv(inv(S_0) - 2*G2)", "m": "S_n @ (inv(S_0) @ m_0 + G1)"}, ("m_n",),
         (("W_0", "S_n @ inv(S_0)"), ("W_x", "S_n @ (-2*G2)"), ("mean_n", "W_0 @ m_0 + W_x @ D")),
         ("mean(DATA, axis=0)", "inv(-2*G2) @ G1"),
         ("-LENGTH*log(2*pi)/2 - logdet(S_n + inv(-2*g2))/2 - (DATA - m_n) @ inv(S_n + inv(-2*g2)) @ (DATA - m_n)/2",)),
    *(_normal(*row) for row in SCALES),
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """A prior that was recognised.

    Attributes:
        m: the likelihood.
        rule: the distribution of the parameter.
        prior: its entry.
        thetas: the parameters, in the order of the rule's variables.
        bases: the functions of the parameter that both have, with the shapes of their coefficients.
        gains: the text of what a sample adds to the coefficient of each of them.
        single: the same of one observation.
        free: the text of what the log-likelihood has besides, of a sample and of one observation.
        partition: the text of ``A``, of the parameters without endings.
        declarations: the declaration of every quantity.
    """

    m: Model
    rule: Rule
    prior: Model
    thetas: tuple[Input, ...]
    bases: tuple[tuple[Expr, tuple[Expr, ...]], ...]
    gains: tuple[str, ...]
    single: tuple[str, ...]
    free: tuple[str, str]
    partition: str
    declarations: Mapping[str, str]

    def formula(self, text: str, of_one: bool = False) -> Formula:
        """A text as a formula of the quantities that it names; ``x`` is a sample, or one observation."""
        x, n = self.m.variable.name, str(self.m.size)
        declared = {**self.declarations, **({x: shown_input(self.m.variable).text} if of_one else {})}
        text = self.put_in(text)
        names = set(re.findall(r"\w+", text))
        used = [line for name, line in declared.items() if name in names or (name == x and n in names)]
        return formula("; ".join([*used, text]))

    def put_in(self, text: str) -> str:
        """A text of a rule with the names and the coefficients of this likelihood."""
        texts = {f"G{place}": text for place, text in enumerate(self.gains, 1)}
        texts |= {f"g{place}": text for place, text in enumerate(self.single, 1)}
        texts |= {"FREE": self.free[1], "LENGTH": str((*self.thetas[0].shape, 1)[0])} | self._by_power()
        own = {"DATA": self.m.variable.name, "COUNT": str(self.m.size)}
        return _swapped(text, own | {name: f"({value})" for name, value in texts.items()})

    def _by_power(self) -> dict[str, str]:
        """The gains by the power of the first parameter, where it stands in products with functions of the second."""
        head, names = self.thetas[0].head, {}
        words = {0: "PLAIN", 1: "LINEAR", 2: "SQUARE"}
        for (function, _), gain in zip(self.bases, self.gains, strict=True):
            names["LOG" if function.has(log) else words.get(_power_of(function, head), "")] = gain
        return names

    def at(self, text: str, ending: str) -> str:
        """A text of the prior's parameters, with an ending on each."""
        return _swapped(text, {name: f"{name}_{ending}" for name in self.rule.symbols.values()})


def _power_of(function: Expr, head: Expr) -> Expr:
    """The power of a name among the factors of a product."""
    return sum((f.as_base_exp()[1] for f in Mul.make_args(function) if f.has(head)), S.Zero)


def compared(m: Model) -> Compared | None:
    """The conjugate prior of a vector, or of two numbers; nothing where no rule's distribution has its terms."""
    items = [item for item in m.density.inputs if item.name in m.parameters]
    try:
        return next(filter(None, (_matched(m, order, rule) for rule in RULES for order in permutations(items))), None)
    except UnsupportedError:
        return None


def as_variable(m: Model, thetas: Sequence[Input]) -> Model:
    """The same density as a function of parameters."""
    others = tuple(item for item in m.density.inputs if item not in thetas)
    program = replace(m.density.program, inputs=(*thetas, *others))
    return Model(m.entry, Formula(program), tuple(item.name for item in others))


def groups(m: Model, variables: Sequence[Input]) -> tuple[Groups, list[Term]]:
    """The terms of a log-density by their function of the variables, and those without it.

    Raises:
        UnsupportedError: a term does not come apart.
    """
    found: Groups = {}
    rest = list[Term]()
    for term in terms(m, [item.name for item in variables]):
        if term.mixed != 1:
            raise UnsupportedError("a term of the log-density is no product of functions of data and parameter")
        if not any(term.variable.has(item.head) for item in variables):
            rest.append(replace(term, parameters=term.parameters * term.variable))
            continue
        key, aligned = _entrywise(_parted(term, variables))
        found.setdefault(key, []).append(aligned)
    return found, rest


def _parted(term: Term, variables: Sequence[Input]) -> Term:
    """A term whose function has no factor without the variables."""
    own = Mul(*(f for f in Mul.make_args(term.variable) if any(f.has(item.head) for item in variables)))
    return replace(term, parameters=term.parameters * term.variable / own, variable=own)


def _entrywise(term: Term) -> tuple[tuple[Expr, tuple[Expr, ...]], Term]:
    """A term as a sum over all indices of its function of the variable, a coefficient that lacks one being constant."""
    lengths = dict(term.lengths)
    places = [part for part in preorder_traversal(term.variable) if isinstance(part, Index) and part in lengths]
    own = list(dict.fromkeys(places))
    swap: dict[Index, Index] = {index: free_index(place) for place, index in enumerate(own)}
    rest = [index for index in lengths if index not in swap]
    moved = renamed(term, swap | {index: bound_index(place) for place, index in enumerate(rest)})
    number, function = moved.variable.as_coeff_Mul()
    return (function, tuple(lengths[index] for index in own)), replace(moved, parameters=moved.parameters * number)


def _matched(m: Model, thetas: tuple[Input, ...], rule: Rule) -> Compared | None:
    prior = model(rule.text, known=[])
    prior = replace(prior, parameters=tuple(name for name in prior.parameters if name not in rule.variables))
    count = len(rule.variables)
    variables = prior.density.inputs[:count]
    pairs = list(zip(variables, thetas, strict=False))
    if count != len(thetas) or any(_kind(x) != _kind(theta) for x, theta in pairs):
        return None
    lengths = {a: b for x, theta in pairs for a, b in zip(x.shape, theta.shape, strict=True)}
    swap: dict[Expr, Expr] = {**{x.head: theta.head for x, theta in pairs}, **lengths}
    table = [(key[0].xreplace(swap), tuple(part.xreplace(swap) for part in key[1]))
             for key in groups(prior, variables)[0]]  # fmt: skip
    turned = as_variable(m, thetas)
    own, rest = groups(turned, thetas)
    if set(own) != set(table):
        return None
    names = {item.name: rule.symbols[item.name] for item in prior.density.inputs[count:]}
    names |= {str(old): str(new) for old, new in lengths.items()}
    told = {*(name for name, _ in rule.average), "mean_x"}
    declared = _declarations(m, prior.density.inputs[count:], names, told)
    if declared is None:
        return None
    free_of = [term for term in groups(prior, variables)[1] if term.parameters.atoms(Ref)]
    partition = _swapped(f"-({_texts(prior, prior, free_of, False)})", names)
    sample, one = ([_total(turned, m, own[key], key[1], many) for key in table] for many in (True, False))
    free = _texts(turned, m, rest, True), _texts(turned, m, rest, False)
    return Compared(m, rule, prior, thetas, tuple(table), tuple(sample), tuple(one), free, partition, declared)


def _kind(item: Input) -> tuple[int, str]:
    return len(item.shape), item.domain.name


def _texts(turned: Model, m: Model, members: Sequence[Term], many: bool) -> str:
    return " + ".join(f"({_total(turned, m, [term], (), many)})" for term in members) or "0"


def _declarations(
    m: Model, parameters: Sequence[Input], swap: Mapping[str, str], told: Collection[str]
) -> dict[str, str] | None:  # fmt: skip
    """Data, parameters, and the prior's before and after the sample; nothing if names occur twice."""
    found = {item.name: shown_input(item).text for item in m.likelihood.inputs}
    if found.keys() & told:
        return None
    for item in parameters:
        for ending in ("0", "n"):
            name = f"{swap[item.name]}_{ending}"
            if name in found:
                return None
            found[name] = _swapped(shown_input(item).text, {**swap, item.name: name})
    return found


def _total(turned: Model, m: Model, members: Sequence[Term], shape: tuple[Expr, ...], many: bool) -> str:
    """A group's coefficients, summed over the observations of a sample if it is one, in the notation."""
    program = turned.density.program
    parts = sum_of("gain", [t.parameters for t in members], [t.lengths for t in members], shape, set(program.by_name))
    kept = [item for item in program.definitions if item is not program.output]
    single = Program(program.inputs, (*kept, *parts[:-1], replace(parts[-1], origin="auto")), ("gain",))
    if not many:
        return shown(single, "gain").text
    rows = rowwise(single, [m.variable.name])
    item = rows.by_name["gain"]
    assert isinstance(item, Definition)
    free = tuple(free_index(place) for place in range(len(shape)))
    entry = item[(bound_index(0), *free)] if len(item.shape) > len(shape) else item[free]
    total = Definition("total", shape, entry, "sum", (m.size,), origin="named")
    return shown(Program(rows.inputs, (*rows.definitions, total), ("total",)), "total").text
