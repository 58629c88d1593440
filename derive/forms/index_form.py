"""Index notation as text and as LaTeX: every definition has one.

``X.T @ (p - y) / n`` is ``1/n sum_i X[i,j] (p[i] - y[i])``.  One walk over the expression builds the
text; a :class:`Style` says how each piece looks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

import sympy as sp
from sympy import Add, Expr, Function, KroneckerDelta, Min, Mod, Mul, Pow, Rational, S, floor

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.unspecified import Unspecified
from chainrule.derive.errors import LimitError, UnsupportedError
from chainrule.derive.forms.arrange import (
    Order,
    content,
    fraction,
    is_decimal,
    loosened,
    made_positive,
    paired,
    scaled_sums,
)
from chainrule.derive.forms.bound_terms import LogSoftmax, MatrixEntry, Over, counted_from_one, indices_of
from chainrule.derive.forms.entries import untransposed
from chainrule.derive.forms.exclusions import left_out
from chainrule.derive.forms.index_styles import TEXT, Style, latex_style
from chainrule.derive.forms.inlining import Inliner
from chainrule.derive.forms.matrix_form import ORDERS, matrix_call
from chainrule.derive.forms.symmetry import symmetry_of
from chainrule.derive.notation.latex.symbols import symbol_of
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.unparse import decimal_text, unparse
from chainrule.derive.program import Definition, Dim, Index, Program, Ref, is_unit
from chainrule.derive.scalar import INFINITIES, Indicator, where
from chainrule.derive.steps import Slope

#: Letters for indices, in the order in which they are taken.
LETTERS = "ijklmpqrstuvabcdefgh"

#: How reductions over an index begin in text.
SIGNS = ("sum_", "prod_", "max_", "min_", "logsumexp_")

# How tightly a text binds; a text is put in parentheses where something tighter is needed.
SUM, PRODUCT, POWER, ATOM = range(4)


def index_text(program: Program, name: str, usual: bool = False) -> str:
    """The right-hand side of a definition in index notation, nameless parts written in.

    With ``usual``, every axis has the letter of its length, also where the axes are then not in the
    order of the letters, in which an expression without a left side is read.

    Example: ``2/n sum_i X[i,j] (sum_k X[i,k] w[k] + b - y[i])``.
    """
    return _printed(program, name, TEXT, unparse, usual)


def index_latex(program: Program, name: str, node_latex: Callable[[Node], str], usual: bool = False) -> str:
    """:func:`index_text` in LaTeX; ``node_latex`` writes functions of whole matrices."""
    return _printed(program, name, latex_style(program), node_latex, usual)


def array_latex(program: Program, name: str, node_latex: Callable[[Node], str]) -> str:
    r"""A whole array by its entries: ``\left[a_{ij}\right]_{i,j=1}^{n,m}``; a scalar as it is."""
    entry = index_latex(program, name, node_latex)
    shape = program.by_name[name].shape
    if not shape:
        return entry
    printer = _Printer(program, latex_style(program), _Letters(program), node_latex)
    lengths = [printer.plain(length, {}) for length in shape]
    # Axes of one length have one bound.
    above = ",".join(lengths) if len(set(lengths)) > 1 else lengths[0]
    return rf"\left[{entry}\right]_{{{','.join(index_letters(program, name))}=1}}^{{{above}}}"


def index_letters(program: Program, name: str) -> tuple[str, ...]:
    """The letters that stand for the axes of an input or definition, in order."""
    return _Letters(program).of_axes(program.by_name[name].shape)


def _printed(program: Program, name: str, style: Style, node_text: Callable[[Node], str], usual: bool) -> str:
    item = program.by_name[name]
    letters = _Letters(program)
    chosen = tuple(map(letters.choose, item.shape)) if usual else letters.of_axes(item.shape)
    if not isinstance(item, Definition):
        return style.entry(name, chosen)
    names = dict(zip(item.free, chosen, strict=True))
    try:
        body = Inliner(program).body(item)
    except LimitError:
        body = Inliner(program, lambda _: False).body(item)
    body = symmetry_of(program).ordered(body)
    if style.first:
        body = counted_from_one(body)
    return _Printer(program, style, letters, node_text).write(body, names)[0]


class _Letters:
    """Index letters: one per dimension where possible, none that is a name."""

    def __init__(self, program: Program, taken: Iterable[str] = ()) -> None:
        names = {*program.by_name, *(length.name for length in program.dims)}
        # With a name x_i, the letter i in x_i would look like a part of it.
        names |= {part for name in program.by_name for part in symbol_of(name).subscripts}
        self.pool = [letter for letter in LETTERS if letter not in names]
        self.pool += [f"i{n}" for n in itertools.islice(itertools.count(1), 40) if f"i{n}" not in names]
        self.usual = dict(zip(program.dims, self.pool, strict=False))
        self.taken = set(taken)

    def choose(self, length: Expr) -> str:
        """A letter for an axis of this length."""
        usual = self.usual.get(length)
        others = [letter for letter in self.pool if letter not in self.usual.values()]
        candidates = [usual] if usual else []
        letter = next(letter for letter in [*candidates, *others, *self.pool] if letter not in self.taken)
        self.taken.add(letter)
        return letter

    def of_axes(self, shape: Iterable[Expr]) -> tuple[str, ...]:
        """Letters for the axes of an array, in the order in which an expression without a left side is read."""
        return tuple(sorted(self.choose(length) for length in shape))

    def within(self, names: Mapping[Index, str]) -> _Letters:
        """Letters for what is bound inside an expression in these letters."""
        inner = object.__new__(_Letters)
        inner.pool, inner.usual, inner.taken = self.pool, self.usual, set(names.values())
        return inner


Names = Mapping[Index, str]
Written = tuple[str, int]


class _Printer:
    """Writes expressions: each method returns a text and how tightly it binds."""

    def __init__(
        self, program: Program, style: Style, letters: _Letters, node_text: Callable[[Node], str]
    ) -> None:
        self.program, self.style, self.letters, self.node_text = program, style, letters, node_text
        self.order = Order.of(program)

    def write(self, expr: Expr, names: Names) -> Written:
        """An expression whose free indices have these letters."""
        for kind, method in METHODS:
            if isinstance(expr, kind):
                return method(self, expr, names)
        return self.applied(expr, names)

    def at_least(self, level: int, expr: Expr, names: Names) -> str:
        """An expression that binds at least as tightly, in parentheses if need be."""
        text, own = self.write(expr, names)
        return text if own >= level else self.style.parentheses(text)

    def plain(self, expr: Expr, names: Names) -> str:
        """An expression where nothing binds."""
        return self.write(expr, names)[0]

    # ---- leaves

    def number(self, value: Rational, names: Names) -> Written:
        exact = Rational(value)
        if exact < 0:
            return f"-{self.number(-exact, names)[0]}", SUM
        if exact.q == 1:
            return str(exact.p), ATOM
        if is_decimal(exact):
            return decimal_text(exact), ATOM
        return self.style.quotient(str(exact.p), str(exact.q), False), PRODUCT

    def symbol(self, value: Expr, names: Names) -> Written:
        if isinstance(value, Index):
            return names[value], ATOM
        if value == S.Exp1:
            return self.style.function("exp", ["1"]), ATOM
        if value == S.EulerGamma:
            return "-" + self.style.function("digamma", ["1"]), SUM
        return self.style.name("pi" if value == S.Pi else value.name), ATOM

    def infinity(self, value: Expr, names: Names) -> Written:
        return (f"-{self.style.name('inf')}", SUM) if value is S.NegativeInfinity else (self.style.name("inf"), ATOM)

    def entry(self, ref: Ref, names: Names) -> Written:
        shape = self.program.by_name[ref.name].shape
        if all(is_unit(length) for length in shape):
            first = [str(self.style.first)] * len(shape)
            return self.style.entry(ref.name, first) if shape else self.style.name(ref.name), ATOM
        return self.style.entry(ref.name, [self.place(index, names) for index in ref.indices]), ATOM

    def place(self, index: Expr, names: Names) -> str:
        """A subscript; in LaTeX close together, with the number last."""
        text = self.plain(index, names)
        if not self.style.first or not isinstance(index, Add):
            return text
        number, rest = index.as_coeff_Add()
        return (f"{self.plain(rest, names)}{int(number):+}" if number else text).replace(" ", "")

    def delta(self, expr: KroneckerDelta, names: Names) -> Written:
        moving = sorted(expr.args, key=lambda arg: (not arg.atoms(Ref), str(names.get(arg, arg))))
        left, right = (self.place(arg, names) for arg in moving)
        taken = "delta" in self.program.by_name or any(length.name == "delta" for length in self.program.dims)
        if taken or not all(isinstance(arg, Index | Dim) or arg.is_Integer for arg in moving):
            # The letter means something else here, or a label is compared: [y[i] == c].
            return f"[{left} {self.style.comparison['==']} {right}]", ATOM
        return self.style.delta(left, right), ATOM

    # ---- sums and products

    def add(self, total: Expr, names: Names) -> Written:
        joined = self.alike(paired(scaled_sums(total)), names)
        if joined != total and indices_of(joined) == indices_of(total):
            return self.write(joined, names)
        common, rest = content(total)
        if common != 1:
            return self.product(Mul(common, rest, evaluate=False), names)
        texts = [self.summand(term, names) for term in self.order.terms(total.args)]
        texts.sort(key=lambda text: text.startswith("-"))
        result = texts[0]
        for text in texts[1:]:
            result += f" - {text[1:]}" if text.startswith("-") else f" + {text}"
        return result, SUM

    def alike(self, total: Expr, names: Names) -> Expr:
        """A sum whose terms that read the same but for a number in front are one."""
        terms: dict[str, tuple[Expr, Expr]] = {}
        for term in Add.make_args(total):
            number, rest = term.as_coeff_Mul()
            text = self.plain(rest, names) if rest.has(Over) else str(rest)
            count, same = terms.get(text, (S.Zero, rest))
            terms[text] = count + number, same
        return Add(*(count * rest for count, rest in terms.values()))

    def summand(self, term: Expr, names: Names) -> str:
        """A term of a sum, a sign in front of it if it has one."""
        text, level = self.write(term, names)
        return text if level >= PRODUCT or text.startswith("-") else self.style.parentheses(text)

    def product(self, expr: Expr, names: Names) -> Written:
        """A product: sign, scalar coefficient, factors, and reductions at the end."""
        parts = made_positive(loosened(fraction([expr])))
        upper = self.order.factors(parts.upper)
        scalars = [factor for factor in upper if not indices_of(factor) and not isinstance(factor, Over)]
        others = [factor for factor in upper if factor not in scalars]
        under = self.order.factors(parts.lower)
        sign = "-" if parts.number < 0 else ""
        size = abs(parts.number)
        if not any(isinstance(factor, Over) for factor in others):
            return sign + self.ratio(size, scalars + others, under, names, alone=True), SUM if sign else PRODUCT
        split = [f for f in under if indices_of(f)]
        front = self.ratio(size, scalars, [f for f in under if f not in split], names, alone=False)
        back = self.ratio(S.One, others, split, names, alone=True)
        return sign + self.beside(front, back), SUM if sign else PRODUCT

    def ratio(self, size: Rational, upper: Sequence[Expr], lower: Sequence[Expr], names: Names, *, alone: bool) -> str:
        """``size * upper.. / lower..``; nothing for 1 unless it stands alone."""
        decimal = is_decimal(size)
        top = [self.number(size if decimal else Rational(size.p), names)[0]] if decimal or size.p != 1 else []
        bottom = [str(size.q)] if size.q != 1 and not decimal else []
        whole = not lower and not bottom
        top += self.factors(upper, names, open_end=whole)
        bottom += self.factors(lower, names, open_end=False)
        if not bottom:
            return self.joined(top) if top else "1" if alone else ""
        under = self.joined(bottom)
        return self.style.quotient(self.joined(top) or "1", under, len(bottom) > 1)

    def beside(self, front: str, back: str) -> str:
        """A coefficient and what it scales; a sign after a quotient needs no sign of a product."""
        if self.style is TEXT and "/" in front and not back.startswith(SIGNS):
            return f"{front}*{back}"
        return self.joined([part for part in (front, back) if part])

    def joined(self, factors: Sequence[str]) -> str:
        """Factors side by side."""
        return reduce(self.style.product, factors) if factors else ""

    def factors(self, factors: Sequence[Expr], names: Names, *, open_end: bool) -> list[str]:
        """Factors as texts, reductions last; all but an open end in parentheses where they need them."""
        ordered = sorted(factors, key=lambda factor: isinstance(factor, Over))
        texts = []
        for n, factor in enumerate(ordered):
            text, level = self.reduction(factor, names) if isinstance(factor, Over) else self.write(factor, names)
            last = open_end and n == len(ordered) - 1 and isinstance(factor, Over)
            # A reduction reaches as far as it can, so anything after it needs parentheses.
            enclosed = not last and (level < POWER or isinstance(factor, Over))
            texts.append(self.style.parentheses(text) if enclosed else text)
        return texts

    def power(self, expr: Pow, names: Names) -> Written:
        base, exponent = expr.as_base_exp()
        if exponent.is_number and exponent.is_negative:
            return self.product(expr, names)
        if exponent == S.Half:
            return self.style.root(self.plain(base, names)), ATOM
        called = isinstance(base, Function) and not isinstance(base, Ref)
        return self.style.power(self.at_least(ATOM, base, names), self.plain(exponent, names), called), POWER

    # ---- functions and reductions

    def applied(self, expr: Expr, names: Names) -> Written:
        entry = BY_FUNCTION.get(expr.func)
        if isinstance(expr, Unspecified):
            inner = self.style.parentheses(self.plain(expr.args[0], names))
            return f"{self.style.name(expr.func.__name__)}{inner}", ATOM
        if entry is None:
            raise UnsupportedError(f"no index notation of {expr.func.__name__}")
        args, name = list(expr.args), entry.name
        if args[0] in ORDERS.get(expr.func, ()):
            name, args = ORDERS[expr.func][int(args[0])], args[1:]
        defaults = list(entry.defaults)
        while defaults and args[-1] == defaults[-1] and self.style.defaults:
            args.pop()
            defaults.pop()
        return self.style.function(name, [self.plain(arg, names) for arg in args]), ATOM

    def slope(self, expr: Slope, names: Names) -> Written:
        body = self.style.parentheses(self.plain(expr.body, names))
        return self.style.slope(body, self.plain(expr.variable, names)), POWER

    def whole_quotient(self, expr: Expr, names: Names) -> Written:
        upper, lower = sp.together(expr.args[0]).as_numer_denom()
        texts = self.at_least(POWER, upper, names), self.at_least(POWER, lower, names)
        return self.style.whole_quotient(*texts), PRODUCT

    def remainder(self, expr: Expr, names: Names) -> Written:
        texts = (self.at_least(POWER, arg, names) for arg in expr.args)
        return self.style.remainder(*texts), PRODUCT

    def least(self, expr: Expr, names: Names) -> Written:
        """The smallest of several lengths."""
        return self.style.function("min", [self.plain(arg, names) for arg in expr.args]), ATOM

    def over(self, expr: Over, names: Names) -> Written:
        return self.product(expr, names) if expr.kind == "sum" else self.reduction(expr, names)

    def reduction(self, expr: Over, names: Names) -> Written:
        """The sign of a reduction and its body."""
        letters = self.letters.within(names)
        inner = dict(names)
        signs = []
        whole, bound, other = left_out(expr) or (expr.body, None, None)
        if bound and not self.shows_range(whole, bound, expr.limits[bound]):
            whole, bound = expr.body, None
        for index, length in expr.limits.items():
            inner[index] = letters.choose(length)
            clear = self.shows_range(whole, index, length)
            last = self.plain(length if self.style.first else length - 1, names)
            apart = inner[other] if other is not None and index == bound else ""
            signs.append(self.style.reduction(expr.kind, inner[index], last, clear, apart))
        body = self.at_least(PRODUCT, whole, inner)
        return f"{''.join(signs)}{body}", PRODUCT

    def shows_range(self, body: Expr, index: Index, length: Expr) -> bool:
        """Whether what is written shows the range of an index.

        In LaTeX it runs over a whole axis, on which it stands alone wherever it stands; in text it is
        enough that it stands on some axis.
        """
        places = [
            (place, size) for ref in body.atoms(Ref) for place, size in
            zip(ref.indices, self.program.by_name[ref.name].shape, strict=True) if place.has(index)
        ]  # fmt: skip
        alone = not self.style.first or all(place == index and size == length for place, size in places)
        return bool(places) and alone

    def softmax(self, expr: LogSoftmax, names: Names) -> Written:
        others = indices_of(expr.body) - set(expr.limits)
        if len(expr.at) != 1 or expr.at[0] in others or not isinstance(expr.at[0], Index):
            return self.write(expr.expanded(), names)
        scores = expr.body.xreplace(dict(zip(expr.limits, expr.at, strict=True)))
        sign = self.style.reduction(expr.notation, names[expr.at[0]], "", True, "").strip()
        return f"{sign}{self.style.parentheses(self.plain(scores, names))}", ATOM

    def matrix_entry(self, expr: MatrixEntry, names: Names) -> Written:
        """An entry of a function of a matrix, which is written as a whole."""
        node, at = untransposed(expr, matrix_call(self.program, expr))
        if node is not None:
            text = self.node_text(node)
        else:
            inner = dict(names)
            for index, length in expr.limits.items():
                inner[index] = self.letters.within(inner).choose(length)
            sign = f"{expr.kind}_{''.join(inner[index] for index in expr.limits)}"
            body = counted_from_one(expr.body) if self.style.first else expr.body
            text = self.style.function(sign, [self.plain(body, inner)])
        if at:
            return self.style.entry(text, [self.place(index, names) for index in at]), ATOM
        return text, PRODUCT if text.startswith("\\log") else ATOM

    def choice(self, expr: where, names: Names) -> Written:
        condition, chosen, other = expr.args
        texts = (self.condition(condition, names), self.plain(chosen, names), self.plain(other, names))
        return self.style.choice(*texts), ATOM

    def indicator(self, expr: Indicator, names: Names) -> Written:
        return f"[{self.condition(expr, names)}]", ATOM

    def condition(self, expr: Expr, names: Names) -> str:
        if isinstance(expr, Mul) and all(isinstance(arg, Indicator) for arg in expr.args):
            return f" {self.style.comparison['and']} ".join(self.condition(arg, names) for arg in expr.args)
        if not isinstance(expr, Indicator):
            return f"{self.plain(expr, names)} {self.style.comparison['!=']} 0"
        operator = expr.operator
        left, right = expr.args
        if left.is_number or (not indices_of(left) and indices_of(right)):
            left, right, operator = right, left, {"<": ">", "<=": ">=", "==": "=="}[operator]
        return f"{self.plain(left, names)} {self.style.comparison[operator]} {self.plain(right, names)}"


METHODS: tuple[tuple[type | tuple[type, ...], Callable[[_Printer, Expr, Names], Written]], ...] = (
    (Rational, _Printer.number),
    ((Index, Dim, type(S.Pi), type(S.Exp1), type(S.EulerGamma)), _Printer.symbol),
    (INFINITIES, _Printer.infinity),
    (Ref, _Printer.entry),
    (Slope, _Printer.slope),
    (Add, _Printer.add),
    (Mul, _Printer.product),
    (Pow, _Printer.power),
    (KroneckerDelta, _Printer.delta),
    (floor, _Printer.whole_quotient),
    (Mod, _Printer.remainder),
    (Min, _Printer.least),
    (Over, _Printer.over),
    (LogSoftmax, _Printer.softmax),
    (MatrixEntry, _Printer.matrix_entry),
    (where, _Printer.choice),
    (Indicator, _Printer.indicator),
)
