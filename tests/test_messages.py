"""The whole wording of errors: what failed, where, what was expected and found, what to try."""

from __future__ import annotations

import pytest

from chainrule.derive.errors import (
    ChainruleError,
    InputError,
    LimitError,
    NotationError,
    ShapeError,
    UnknownNameError,
    UnsupportedError,
)
from chainrule.derive.notation.read import parse_formula

DECLARATIONS = {"X": "real[n, d]", "y": "real[n]", "w": "real[d]", "v": "real[k]", "A": "real[n, n]"}

# (formula, kind of error, the whole text of the error)
MESSAGES = [
    ("mean((y - X @ v)^2)", ShapeError, """\
@: axis 1 of X has length d, axis 0 of v has length k
 --> line 1, column 11
  |
1 | mean((y - X @ v)^2)
  |           ^^^^^
X has shape (n, d) (line 1, column 11)
  |
1 | mean((y - X @ v)^2)
  |           ^
v has shape (k,) (line 1, column 15)
  |
1 | mean((y - X @ v)^2)
  |               ^
expected: equal lengths
found:    d and k"""),
    ("r = X @ w - y\nX @ r", ShapeError, """\
@: axis 1 of X has length d, axis 0 of r has length n
 --> line 2, column 1
  |
2 | X @ r
  | ^^^^^
X has shape (n, d) (line 2, column 1)
  |
2 | X @ r
  | ^
r has shape (n,) (line 2, column 5)
  |
2 | X @ r
  |     ^
expected: equal lengths
found:    d and n
help: X.T fits: its axis 1 has length n"""),
    ("X.T @ w", ShapeError, """\
@: axis 1 of X.T has length n, axis 0 of w has length d
 --> line 1, column 1
  |
1 | X.T @ w
  | ^^^^^^^
X.T has shape (d, n) (line 1, column 1)
  |
1 | X.T @ w
  | ^^^
w has shape (d,) (line 1, column 7)
  |
1 | X.T @ w
  |       ^
expected: equal lengths
found:    n and d
help: X fits: its axis 1 has length d"""),
    ("A*X", ShapeError, """\
*: axis 1 of A has length n, axis 1 of X has length d
 --> line 1, column 1
  |
1 | A*X
  | ^^^
A has shape (n, n) (line 1, column 1)
  |
1 | A*X
  | ^
X has shape (n, d) (line 1, column 3)
  |
1 | A*X
  |   ^
expected: equal lengths
found:    n and d
help: * multiplies entry by entry; the product of matrices is @"""),
    ("sum(X, axis=2)", ShapeError, """\
X has no axis 2
 --> line 1, column 13
  |
1 | sum(X, axis=2)
  |             ^
expected: an axis from 0 to 1, or from -2 to -1
found:    shape (n, d)"""),
    ("y[n]", ShapeError, """\
the index n is outside axis 0 of y, which has length n
 --> line 1, column 3
  |
1 | y[n]
  |   ^
expected: an index from 0 to n - 1
found:    n"""),
    ("log(sigmiod(X @ w))", UnknownNameError, """\
there is no function called sigmiod
 --> line 1, column 5
  |
1 | log(sigmiod(X @ w))
  |     ^^^^^^^
did you mean: sigmoid?"""),
    ("foo(y)", UnknownNameError, """\
there is no function called foo
 --> line 1, column 1
  |
1 | foo(y)
  | ^^^
help: a product with a bracket is written foo * (..); a function without a definition is declared, foo: function"""),
    ("X @ beta", UnknownNameError, """\
beta is not declared, so it is read as a scalar, and a scalar cannot stand here
 --> line 1, column 5
  |
1 | X @ beta
  |     ^^^^
expected: a vector or a matrix
help: declare it, for example beta: real[d]"""),
    ("sum(y_i)", UnknownNameError, """\
y_i is not declared
 --> line 1, column 5
  |
1 | sum(y_i)
  |     ^^^
did you mean: y?
help: subscripts are indices only under a sum such as Σ_i; the whole of y is written y"""),
    ("y + * w", NotationError, """\
an operand is missing
 --> line 1, column 5
  |
1 | y + * w
  |     ^
expected: a number, a name or an expression in brackets
found:    '*'"""),
    ("mean((y - 1)^2", NotationError, """\
')' is missing
 --> line 1, column 15
  |
1 | mean((y - 1)^2
  |               ^
opened here (line 1, column 5)
  |
1 | mean((y - 1)^2
  |     ^
expected: ')'
found:    the end of the formula"""),
    ("1/2 y", NotationError, """\
this quotient can be read in two ways
 --> line 1, column 1
  |
1 | 1/2 y
  | ^^^^^
expected: (1 / 2) * y or 1 / (2 * y)
help: write the product sign or brackets"""),
    ("y'*y", NotationError, """\
y' of a vector before or after * can be read in two ways
 --> line 1, column 1
  |
1 | y'*y
  | ^^^^
expected: y' @ y or y * y
help: * multiplies entry by entry; the product of matrices is @"""),
    ("X^T", NotationError, """\
the transpose is not a power
 --> line 1, column 3
  |
1 | X^T
  |   ^
help: write X.T or X'"""),
    ("max(0, y)", NotationError, """\
max takes 1 argument without a name, and 2 are given
 --> line 1, column 8
  |
1 | max(0, y)
  |        ^
expected: max(x, *, axis=None, keepdims=False)
help: the maximum of two values is maximum(a, b); an axis is given as axis=0"""),
    ("softmax(X, axs=1)", NotationError, """\
softmax has no argument called axs
 --> line 1, column 16
  |
1 | softmax(X, axs=1)
  |                ^
expected: softmax(x, axis=-1)
did you mean: axis?"""),
    ("log * y", NotationError, """\
log is a function and needs brackets
 --> line 1, column 1
  |
1 | log * y
  | ^^^
help: write log(..); a variable called log has to be declared"""),
    ("log y w", NotationError, """\
log without brackets can be read in two ways here
 --> line 1, column 1
  |
1 | log y w
  | ^^^^^^^
expected: log(y) w .. or log(y w ..)
help: put the argument of log in brackets"""),
    ("L = sum(y; w)", NotationError, """\
')' is missing
 --> line 1, column 10
  |
1 | L = sum(y; w)
  |          ^
opened here (line 1, column 8)
  |
1 | L = sum(y; w)
  |        ^
expected: ')'
found:    the end of the statement"""),
    ("y = 2; y", NotationError, """\
y is known already and cannot be defined
 --> line 1, column 1
  |
1 | y = 2; y
  | ^
help: choose another name"""),
    ("y = = 2", NotationError, """\
an operand is missing
 --> line 1, column 5
  |
1 | y = = 2
  |     ^
expected: a number, a name or an expression in brackets
found:    '='
help: equality inside where is =="""),
    ("where(y = 0, 1, 2)", NotationError, """\
an argument without a name follows one with a name
 --> line 1, column 14
  |
1 | where(y = 0, 1, 2)
  |              ^
help: equality inside where is =="""),
    ("[[1, y]]", NotationError, """\
these brackets can be read in two ways
 --> line 1, column 1
  |
1 | [[1, y]]
  | ^^^^^^^^
expected: a vector [a, b], or a matrix with one row
help: a single row is stack([a, b])[None, :]; brackets around one expression group it"""),
    ("y - inf", NotationError, """\
this is not a finite real number
 --> line 1, column 1
  |
1 | y - inf
  | ^^^^^^^
help: inf stands alone, as a value of where: where(x > 0, x, -inf)"""),
    ("y > 0 > w", NotationError, """\
comparisons cannot be chained
 --> line 1, column 7
  |
1 | y > 0 > w
  |       ^
help: nest them: where(0 < x, where(x < 1, a, b), b)"""),
    ("np.log(y)", NotationError, """\
functions are written without np.
 --> line 1, column 1
  |
1 | np.log(y)
  | ^^^^^^
help: write log(..)"""),
    ("y && w", NotationError, """\
the character U+0026 AMPERSAND has no meaning in a formula
 --> line 1, column 3
  |
1 | y && w
  |   ^
help: conditions are nested: where(a > 0, where(b > 0, x, y), y)"""),
    ("λ + 𝐱", NotationError, """\
the character U+1D431 MATHEMATICAL BOLD SMALL X only looks like 'x'
 --> line 1, column 5
  |
1 | λ + 𝐱
  |     ^
help: type 'x' itself"""),
    ("y \u202e w", NotationError, """\
the character U+202E RIGHT-TO-LEFT OVERRIDE has no meaning in a formula
 --> line 1, column 3
  |
1 | y \\u202e w
  |   ^^^^^^"""),
    ("1/(y - y)", NotationError, """\
this divides by zero
 --> line 1, column 1
  |
1 | 1/(y - y)
  | ^^^^^^^^^"""),
    ("slogdet(A)", UnsupportedError, """\
slogdet gives more than one tensor
 --> line 1, column 1
  |
1 | slogdet(A)
  | ^^^^^^^^^^
help: the logarithm of the absolute determinant is logdet(A)"""),
    ("inv(X)", ShapeError, """\
inv needs a square matrix
 --> line 1, column 5
  |
1 | inv(X)
  |     ^
expected: shape (n, n)
found:    shape (n, d)
help: the inverse of a matrix that is not square is pinv(..)"""),
    ("9**9**9", LimitError, """\
this power is beyond double precision, about 1e-308 to 1e308
 --> line 1, column 1
  |
1 | 9**9**9
  | ^^^^^^^"""),
    ("1e999999999", LimitError, """\
the number's power of ten is beyond 308, the limit of double precision
 --> line 1, column 1
  |
1 | 1e999999999
  | ^^^^^^^^^^^"""),
    ("Q: reel[n]; 1", NotationError, """\
there is no domain called reel
 --> line 1, column 4
  |
1 | Q: reel[n]; 1
  |    ^^^^
did you mean: real?
help: domains: real, positive, nonnegative, unit, binary, pm1, count, integer, simplex, onehot, symmetric, spd, psd, \
invertible, lower, diagonal, orthonormal, (lo, hi), {0,1}, {-1,1}"""),
    ("d: real; d", NotationError, """\
d is the length of an axis and cannot be an input as well
 --> line 1, column 1
  |
1 | d: real; d
  | ^
an axis here (line 1, column 9)
  |
1 | real[n, d]
  |         ^
help: a length is a number that the arrays tell"""),
    ("y; w", NotationError, """\
only the last statement may be without a name
 --> line 1, column 1
  |
1 | y; w
  | ^
expected: name = expression"""),
    ("", NotationError, """\
there is no formula to read
 --> line 1, column 1
  |
1 |\x20
  | ^
expected: an expression, or name = expression"""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "message"), MESSAGES, ids=[ascii(row[0][:30]) for row in MESSAGES])
def test_whole_message(text, kind, message):
    with pytest.raises(ChainruleError) as caught:
        parse_formula(text, DECLARATIONS)
    assert type(caught.value) is kind
    assert str(caught.value) == message


def test_errors_in_keyword_declarations_point_into_their_text():
    with pytest.raises(NotationError) as caught:
        parse_formula("mean(y)", {"y": "real n"})
    assert str(caught.value) == """\
in the declaration of y: 'n' cannot stand here
 --> line 1, column 6
  |
1 | real n
  |      ^
expected: the end, or lengths in brackets such as [n, d]
found:    'n'"""


def test_a_name_declared_twice_shows_both_places():
    with pytest.raises(NotationError) as caught:
        parse_formula("y: real[n]; y: real; y")
    assert str(caught.value) == """\
y is declared twice
 --> line 1, column 13
  |
1 | y: real[n]; y: real; y
  |             ^
declared first here (line 1, column 1)
  |
1 | y: real[n]; y: real; y
  | ^"""


def test_an_unknown_name_in_a_claim_lists_what_is_known():
    scope = parse_formula("X: real[n, d]; weights: real[d]; z = X @ weights; mean(z)")
    with pytest.raises(UnknownNameError) as caught:
        parse_formula("X.T @ X @ wieghts / n", scope=scope)
    assert str(caught.value) == """\
wieghts is not known
 --> line 1, column 11
  |
1 | X.T @ X @ wieghts / n
  |           ^^^^^^^
did you mean: weights?
help: known here: X, weights, z, L, n, d"""


def test_columns_count_code_points():
    with pytest.raises(NotationError) as caught:
        parse_formula("e\u0301 + 2 3")  # e with a combining accent: two code points
    assert (caught.value.span.line, caught.value.span.column) == (1, 8)


def test_json_form_of_an_error():
    with pytest.raises(ShapeError) as caught:
        parse_formula("X @ y", DECLARATIONS)
    found = caught.value.to_dict()
    assert (found["code"], found["line"], found["column"], found["end_column"]) == ("shape", 1, 1, 6)


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"]])
def test_a_formula_is_a_text(text):
    with pytest.raises(InputError, match="a formula is a text"):
        parse_formula(text)
