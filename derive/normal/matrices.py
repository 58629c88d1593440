"""Functions of whole matrices in normal forms.

A value is an atom over the body of its operand, whose rows and columns have canonical names.  What
holds for all sizes is applied when the atom is made:

    inv(c A) = inv(A)/c     inv(diag(u) A diag(v)) = diag(1/v) inv(A) diag(1/u)     inv(inv(A)) = A
    inv(A B) = inv(B) inv(A), det(A B) = det(A) det(B) for square factors     det(c A) = c**n det(A)

and logdet is the logarithm of the size of det.  Factors that need not be square are never split,
since a product with an inverse may have factors without one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.domains import Sign
from chainrule.derive.normal.arithmetic import UNIT, ZERO, ProofLimit
from chainrule.derive.normal.functions import HALF
from chainrule.derive.normal.maxima import Maxima
from chainrule.derive.normal.terms import (
    Atom,
    Mono,
    Place,
    Poly,
    Token,
    atom_poly,
    content,
    mono,
    single,
    turned,
)


@dataclass(frozen=True)
class Matrix:
    """The matrix with the entries ``body`` over the indices of its rows and columns."""

    body: Poly
    row: Token
    column: Token


@dataclass(frozen=True)
class Factored:
    """``scale * diag(rows) @ core @ diag(columns)``; without a core the matrix is ``diag(rows)``."""

    scale: Poly
    rows: Poly
    columns: Poly
    core: Matrix | None


class Matrices(Maxima):
    """What functions of whole matrices are, over the rules of products and sums."""

    @abstractmethod
    def reduction(self, kind: str, body: Poly, bound: Sequence[Token]) -> Poly:
        """A maximum, minimum or product over bound indices."""

    def matrix(self, kind: str, body: Poly, bound: Sequence[Place], places: Sequence[Place]) -> Poly:
        """The entry at ``places`` of a function of the matrix over the two bound indices."""
        row, column = bound
        if not isinstance(row, Token) or not isinstance(column, Token):
            return self._of_number(kind, body, bound)
        if not body:
            raise ProofLimit
        matrix = Matrix(body, row, column)
        if kind == "inv":
            return self.inverse(matrix, *places)
        if kind in {"det", "logdet"}:
            return self._over_factors(kind, matrix)
        if MATRIX_FUNCTION_BY_NAME[kind].symmetrises:
            body = (body + turned(body, (row, column))[0]).scaled(HALF)
        sign: Sign = "nonnegative" if kind == "svdvals" else "real"
        if kind == "cholesky" and places[0] == places[1]:
            sign = "positive"
        return atom_poly(_atom(kind, Matrix(body, row, column), tuple(places), sign))

    def _of_number(self, kind: str, body: Poly, bound: Sequence[Place]) -> Poly:
        """The function of a matrix of one entry."""
        if any(isinstance(place, Token) for place in bound) or kind not in _OF_NUMBER:
            raise ProofLimit
        return _OF_NUMBER[kind](self, body)

    # ---- what a matrix is made of ----------------------------------------------------------

    def factored(self, matrix: Matrix) -> Factored:
        """The matrix without its common number, factors of rows, and factors of columns."""
        parts = content(matrix.body)
        delta = Atom("delta", places=(matrix.row, matrix.column))
        if dict(parts.factors).get(delta) == 1:
            others = self.mul_untidy(mono({a: p for a, p in parts.factors if a != delta}), parts.rest)
            rows = self.rebuilt(others.scaled(parts.number), {matrix.column: matrix.row})
            return Factored(UNIT, rows, UNIT, None)
        groups: dict[frozenset[Token], Mono] = {}
        for atom, power in parts.factors:
            side = atom.tokens & {matrix.row, matrix.column}
            groups[side] = mono({**dict(groups.get(side, ())), atom: power})
        scale, on_rows, on_columns, on_both = (
            groups.get(frozenset(side), ())
            for side in ((), (matrix.row,), (matrix.column,), (matrix.row, matrix.column))
        )
        core = Matrix(self.mul_untidy(on_both, parts.rest), matrix.row, matrix.column)
        return Factored(single(scale).scaled(parts.number), single(on_rows), single(on_columns), core)

    def chain(self, matrix: Matrix) -> list[Matrix]:
        """The square matrices, some of them diagonal, whose product this matrix visibly is."""
        atom = only_atom(matrix.body)
        if atom is None or atom.kind != "sum" or any(token.length != matrix.row.length for token in atom.bound):
            return [matrix]
        fresh, inner = self.opened(atom)
        ((factors, _),) = inner.terms.items()
        return _path(factors, matrix, {matrix.row, matrix.column, *fresh}) or [matrix]

    # ---- inverses --------------------------------------------------------------------------

    def inverse(self, matrix: Matrix, row: Place, column: Place) -> Poly:
        """An entry of the inverse."""
        self.spend(1)
        parts = self.factored(matrix)
        outside = self.product([
            self.power(parts.scale, -1),
            self.power(self.rebuilt(parts.rows, {matrix.row: column}), -1),
            self.power(self.rebuilt(parts.columns, {matrix.column: row}), -1),
        ])  # fmt: skip
        if parts.core is None:
            return self.mul(self.delta(row, column), outside)
        return self.mul(outside, self._inverse_of_core(parts.core, row, column))

    def _inverse_of_core(self, matrix: Matrix, row: Place, column: Place) -> Poly:
        links = self.chain(matrix)
        if len(links) > 1:
            inner = [self.token(matrix.row.length) for _ in links[1:]]
            ends = [row, *inner, column]
            pairs = zip(reversed(links), ends, ends[1:], strict=False)
            return self.total(self.product(self.inverse(link, i, j) for link, i, j in pairs), inner)
        atom = only_atom(matrix.body)
        if atom is not None and (known := self._known_inverse(atom, matrix, row, column)) is not None:
            return known
        return atom_poly(_atom("inv", matrix, (row, column)))

    def _known_inverse(self, atom: Atom, matrix: Matrix, row: Place, column: Place) -> Poly | None:
        """The inverse of a matrix that is an inverse, or whose structure says what it is."""
        if set(atom.places) != set(_ends(matrix)):
            return None
        across = {matrix.row: column, matrix.column: row}
        if atom.kind == "inv":
            ends = (row, column) if atom.places == _ends(matrix) else (column, row)
            return self.operand(atom, *ends)
        if self.is_orthogonal(atom):
            return self.rebuilt(atom_poly(atom), across)
        if row == column and self.lower_places(atom):
            return self.power(self.rebuilt(atom_poly(atom), across), -1)
        return None

    def operand(self, atom: Atom, row: Place, column: Place) -> Poly:
        """An entry of the matrix that a function was taken of."""
        bound, body = self.opened(atom)
        return self.rebuilt(body, dict(zip(bound, (row, column), strict=True)))

    # ---- determinants ----------------------------------------------------------------------

    def _over_factors(self, kind: str, matrix: Matrix) -> Poly:
        """``det`` as a product, or ``logdet`` as a sum, over the factors of a matrix."""
        parts = self.factored(matrix)
        sizes = self._multiplied(kind, parts.scale, matrix.row), self._along(kind, parts.rows, matrix.row)
        values = [*sizes, self._along(kind, parts.columns, matrix.column)]
        if parts.core is not None:
            links = self.chain(parts.core)
            values += [self._over_factors(kind, link) for link in links] if len(links) > 1 else [
                self._of_core(kind, parts.core)]  # fmt: skip
        return self.product(values) if kind == "det" else sum(values, ZERO)

    def _multiplied(self, kind: str, scale: Poly, row: Token) -> Poly:
        if kind == "det":
            return self.any_power(scale, self.length(row.length))
        return self.mul(self.length(row.length), self.log_absolute(scale))

    def _along(self, kind: str, diagonal: Poly, index: Token) -> Poly:
        """The product of the entries of a diagonal, or the sum of the logarithms of their sizes."""
        if kind == "logdet":
            return self.total(self.log_absolute(diagonal), [index])
        return self.reduction("prod", diagonal, [index])

    def _of_core(self, kind: str, matrix: Matrix) -> Poly:
        atom = only_atom(matrix.body)
        if atom is not None and set(atom.places) == {matrix.row, matrix.column}:
            if atom.kind == "inv":
                value = self._over_factors(kind, Matrix(self.operand(atom, matrix.row, matrix.column), *_ends(matrix)))
                return self.power(value, -1) if kind == "det" else value.scaled(Fraction(-1))
            if self.lower_places(atom):
                return self._along(kind, self.rebuilt(matrix.body, {matrix.column: matrix.row}), matrix.row)
            if kind == "logdet" and self.is_orthogonal(atom):
                return ZERO
            if atom.kind == "expm":
                trace = self.total(self.operand(atom, matrix.row, matrix.row), [matrix.row])
                return self.exp(trace) if kind == "det" else trace
        det = atom_poly(_atom("det", matrix, (), "positive" if self.is_definite(matrix) else "real"))
        return det if kind == "det" else self.log_absolute(det)

    # ---- structure -------------------------------------------------------------------------

    def lower_places(self, atom: Atom) -> tuple[Place, ...] | None:
        """Row and column of an entry of a matrix that is known to be lower triangular.

        It is so by its making, as an inverse of such a matrix, or by declaration.
        """
        if atom.kind == "cholesky":
            return atom.places
        if atom.kind == "inv":
            inner = only_atom(atom.args[0])
            places = inner and self.lower_places(inner)
            straight, across = atom.bound, atom.bound[::-1]
            return atom.places if places == straight else atom.places[::-1] if places == across else None
        if atom.kind != "entry" or atom.head not in self.fixed or self.inputs[atom.head].domain.name != "lower":
            return None
        self.use(atom.head, f"{atom.head} is lower triangular")
        return atom.places

    def _tidy(self, factors: Mono) -> Poly:
        for atom, power in factors:
            if atom.kind == "compare" and power == 1 and (pair := _ordered(atom)):
                for other, exponent in factors:
                    if exponent > 0 and (places := self.lower_places(other)) in (pair, pair[::-1]):
                        return ZERO if places == pair else self._below_diagonal(atom, other, factors)
        return super()._tidy(factors)

    def _below_diagonal(self, compare: Atom, entry: Atom, factors: Mono) -> Poly:
        """``[i > j] L[i,j]`` is ``L[i,j]`` without the diagonal."""
        rest = mono({atom: power for atom, power in factors if atom != compare})
        return self.tidy(rest) - self.mul(self.delta(*entry.places), self.tidy(rest))

    def is_orthogonal(self, atom: Atom) -> bool:
        """Whether an entry is one of a square matrix with orthonormal columns."""
        if atom.kind == "eigvectors":
            return True
        if atom.kind != "entry" or atom.head not in self.fixed:
            return False
        item = self.inputs[atom.head]
        if item.domain.name != "orthonormal" or item.shape[0] != item.shape[1]:
            return False
        self.use(atom.head, f"the columns of {atom.head} are orthonormal")
        return True

    def is_definite(self, matrix: Matrix) -> bool:
        """Whether a matrix is an input declared positive definite."""
        atom = only_atom(matrix.body)
        return atom is not None and atom.head in self.inputs and self.inputs[atom.head].domain.name == "spd"


def only_atom(body: Poly) -> Atom | None:
    """The atom that a polynomial is, if it is one."""
    (factors, value), *others = body.terms.items() or [((), 0)]
    return factors[0][0] if not others and value == 1 and len(factors) == 1 and factors[0][1] == 1 else None


def _ordered(compare: Atom) -> tuple[Place, Place] | None:
    """The indices i and j of ``[j > i]``."""
    places: dict[Fraction, Place] = {}
    for factors, value in compare.args[0].terms.items() if compare.head == "positive" else ():
        atom = factors[0][0] if len(factors) == 1 and factors[0][1] == 1 else None
        if atom is None or atom.kind != "position":
            return None
        places[value] = atom.places[0]
    return (places[Fraction(-1)], places[Fraction(1)]) if places.keys() == {-1, 1} else None


def _ends(matrix: Matrix) -> tuple[Token, Token]:
    return matrix.row, matrix.column


def _atom(kind: str, matrix: Matrix, places: tuple[Place, ...], sign: Sign = "real") -> Atom:
    """The atom, rows and columns of the operand named after its height."""
    height = matrix.body.height + 1
    bound = tuple(Token(f"b{height}.{n}", token.length) for n, token in enumerate(_ends(matrix)))
    body = matrix.body.renamed(dict(zip(_ends(matrix), bound, strict=True)))
    return Atom(kind, args=(body,), places=places, bound=bound, sign=sign)


def _path(factors: Mono, matrix: Matrix, nodes: set[Token]) -> list[Matrix] | None:
    """The factors of a product as matrices from the row to the column, if they form one path through all nodes."""
    groups: dict[frozenset[Token], Mono] = {}
    for atom, power in factors:
        ends = atom.tokens & nodes
        groups[ends] = mono({**dict(groups.get(ends, ())), atom: power})
    if any(not 1 <= len(ends) <= 2 for ends in groups):
        return None
    edges = [ends for ends in groups if len(ends) == 2]
    here, path = matrix.row, list[Matrix]()
    while True:
        if scale := groups.get(frozenset([here])):
            other = Token(f"{here.name}'", here.length)
            path.append(Matrix(_times_delta(scale, here, other), here, other))
        leaving = [ends for ends in edges if here in ends]
        if len(leaving) != (here != matrix.column):
            return None
        if here == matrix.column:
            return path if not edges else None
        (there,) = leaving[0] - {here}
        path.append(Matrix(single(groups[leaving[0]]), here, there))
        edges.remove(leaving[0])
        here = there


def _times_delta(factors: Mono, row: Token, column: Token) -> Poly:
    delta = Atom("delta", places=(row, column), sign="nonnegative")
    return single(mono({**dict(factors), delta: 1}))


#: The functions of a matrix of one entry.
_OF_NUMBER: dict[str, Callable[[Matrices, Poly], Poly]] = {
    "inv": lambda algebra, x: algebra.power(x, -1),
    "pinv": lambda algebra, x: algebra.power(x, -1),
    "det": lambda algebra, x: x,
    "logdet": lambda algebra, x: algebra.log_absolute(x),
    "cholesky": lambda algebra, x: algebra.power(x, HALF),
    "expm": lambda algebra, x: algebra.exp(x),
    "eigvalsh": lambda algebra, x: x,
    "svdvals": lambda algebra, x: algebra.absolute(x),
}
