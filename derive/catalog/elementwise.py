"""Elementwise functions, one entry each.

Functions with a ``numpy`` name are computed by the libraries; every other function is computed
from its stable form, or from its definition where that is stable as it stands.
The derivative is SymPy's; ``derivative=`` is the readable way to write it, proved by the tests.
"""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy import Rational, Symbol, pi

from chainrule.derive.catalog.entries import ARGUMENTS, OUT, Elementwise, Kink, Lets
from chainrule.derive.scalar import less, where

x, a, b = Symbol("x", real=True), Symbol("a", real=True), Symbol("b", real=True)
t, u = Symbol("t", real=True), Symbol("u", real=True)
half, zero, one = Rational(1, 2), sp.S.Zero, sp.S.One

# ---- primitives: SymPy, NumPy, numba and mpmath each have them --------------------------------

exp = Elementwise("exp", (x,), sp.exp(x), "exponential", kind="sympy", latex=r"\exp\left({0}\right)",
                  numpy="np.exp", numba="math.exp", mpmath="exp")
log = Elementwise("log", (x,), sp.log(x), "natural logarithm", kind="sympy", aliases=("ln",), domain=((0, None),),
                  latex=r"\log\left({0}\right)", numpy="np.log", numba="math.log", mpmath="log")
sin = Elementwise("sin", (x,), sp.sin(x), "sine", kind="sympy", latex=r"\sin\left({0}\right)",
                  numpy="np.sin", numba="math.sin", mpmath="sin")
cos = Elementwise("cos", (x,), sp.cos(x), "cosine", kind="sympy", latex=r"\cos\left({0}\right)",
                  numpy="np.cos", numba="math.cos", mpmath="cos")
tan = Elementwise("tan", (x,), sp.tan(x), "tangent", kind="sympy", latex=r"\tan\left({0}\right)", aliases=("tg",),
                  numpy="np.tan", numba="math.tan", mpmath="tan")
arcsin = Elementwise("arcsin", (x,), sp.asin(x), "inverse sine", kind="sympy", aliases=("asin",), domain=((-1, 1),),
                     latex=r"\arcsin\left({0}\right)", numpy="np.arcsin", numba="math.asin", mpmath="asin")
arccos = Elementwise("arccos", (x,), sp.acos(x), "inverse cosine", kind="sympy", aliases=("acos",), domain=((-1, 1),),
                     latex=r"\arccos\left({0}\right)", numpy="np.arccos", numba="math.acos", mpmath="acos")
arctan = Elementwise("arctan", (x,), sp.atan(x), "inverse tangent", kind="sympy", aliases=("atan",),
                     latex=r"\arctan\left({0}\right)", numpy="np.arctan", numba="math.atan", mpmath="atan")
sinh = Elementwise("sinh", (x,), sp.sinh(x), "hyperbolic sine", kind="sympy", latex=r"\sinh\left({0}\right)",
                   numpy="np.sinh", numba="math.sinh", mpmath="sinh")
cosh = Elementwise("cosh", (x,), sp.cosh(x), "hyperbolic cosine", kind="sympy", latex=r"\cosh\left({0}\right)",
                   numpy="np.cosh", numba="math.cosh", mpmath="cosh")
tanh = Elementwise("tanh", (x,), sp.tanh(x), "hyperbolic tangent", kind="sympy", latex=r"\tanh\left({0}\right)",
                   numpy="np.tanh", numba="math.tanh", mpmath="tanh")
arcsinh = Elementwise("arcsinh", (x,), sp.asinh(x), "inverse hyperbolic sine", kind="sympy", aliases=("asinh",),
                      latex=r"\operatorname{{arsinh}}\left({0}\right)",
                      numpy="np.arcsinh", numba="math.asinh", mpmath="asinh")
arccosh = Elementwise("arccosh", (x,), sp.acosh(x), "inverse hyperbolic cosine", kind="sympy", aliases=("acosh",),
                      domain=((1, None),), latex=r"\operatorname{{arcosh}}\left({0}\right)",
                      numpy="np.arccosh", numba="math.acosh", mpmath="acosh")
arctanh = Elementwise("arctanh", (x,), sp.atanh(x), "inverse hyperbolic tangent", kind="sympy", aliases=("atanh",),
                      domain=((-1, 1),), latex=r"\operatorname{{artanh}}\left({0}\right)",
                      numpy="np.arctanh", numba="math.atanh", mpmath="atanh")
abs_ = Elementwise("abs", (x,), sp.Abs(x), "absolute value", kind="sympy", kinks="x = 0: derivative 0",
                   kink=Kink(zero, x, (-one,), (one,), half),
                   latex=r"\left|{0}\right|", numpy="np.abs", numba="abs", mpmath="fabs")
sign = Elementwise("sign", (x,), sp.sign(x), "sign, 0 at 0", kind="sympy", kinks="x = 0: derivative 0",
                   latex=r"\operatorname{{sign}}\left({0}\right)",
                   numpy="np.sign", numba="np.sign", mpmath="sign")
erf = Elementwise("erf", (x,), sp.erf(x), "error function", kind="sympy", latex=r"\operatorname{{erf}}\left({0}\right)",
                  numpy="special.erf", numba="math.erf", mpmath="erf")
erfc = Elementwise("erfc", (x,), sp.erfc(x), "complementary error function", kind="sympy",
                   latex=r"\operatorname{{erfc}}\left({0}\right)",
                   numpy="special.erfc", numba="math.erfc", mpmath="erfc")
lgamma = Elementwise("lgamma", (x,), sp.loggamma(x), "logarithm of the gamma function", kind="sympy",
                     aliases=("gammaln", "loggamma"), domain=((0, None),),
                     latex=r"\log\left(\Gamma\left({0}\right)\right)",
                     numpy="special.gammaln", numba="math.lgamma", mpmath="loggamma")

polygamma = Elementwise("polygamma", (a, x), sp.polygamma(a, x), "derivative of order a of the digamma function",
                        kind="sympy", domain=((None, None), (0, None)), latex=r"\psi^{{({0})}}\left({1}\right)",
                        numpy="special.polygamma", numba="polygamma", mpmath="polygamma")

besseli = Elementwise("besseli", (a, x), sp.besseli(a, x), "modified Bessel function of the first kind of order a",
                      kind="sympy", aliases=("iv",), domain=((-1, None), (0, None)), latex=r"I_{{{0}}}\left({1}\right)",
                      numpy="special.iv", numba="besseli", mpmath="besseli",
                      source="NIST Digital Library of Mathematical Functions, eq. 10.25.2")

# ---- abbreviations: replaced by their definition when read ------------------------------------

digamma = Elementwise("digamma", (x,), sp.polygamma(0, x), "derivative of lgamma", kind="macro",
                      aliases=("psi",), domain=((0, None),))
trigamma = Elementwise("trigamma", (x,), sp.polygamma(1, x), "derivative of digamma", kind="macro",
                       domain=((0, None),))
i0 = Elementwise("i0", (x,), sp.besseli(0, x), "modified Bessel function of the first kind of order 0", kind="macro")
i1 = Elementwise("i1", (x,), sp.besseli(1, x), "modified Bessel function of the first kind of order 1", kind="macro")
sqrt = Elementwise("sqrt", (x,), sp.sqrt(x), "square root", kind="macro", domain=((0, None),))
square = Elementwise("square", (x,), x**2, "square", kind="macro")
cbrt = Elementwise("cbrt", (x,), sp.sign(x) * sp.Abs(x) ** Rational(1, 3), "cube root", kind="macro")
reciprocal = Elementwise("reciprocal", (x,), 1 / x, "one over x", kind="macro")
log2 = Elementwise("log2", (x,), sp.log(x) / sp.log(2), "logarithm to base 2", kind="macro",
                   domain=((0, None),))
log10 = Elementwise("log10", (x,), sp.log(x) / sp.log(10), "logarithm to base 10", kind="macro",
                    domain=((0, None),))
xlogy = Elementwise("xlogy", (a, x), a * sp.log(x), "a log x, 0 where a = 0", kind="macro",
                    domain=((None, None), (0, None)))
xlog1py = Elementwise("xlog1py", (a, x), a * sp.log(1 + x), "a log(1 + x), 0 where a = 0", kind="macro",
                      domain=((None, None), (-1, None)))
gamma = Elementwise("gamma", (x,), sp.exp(sp.loggamma(x)), "gamma function of a positive number", kind="macro",
                    domain=((0, None),))

# ---- sigmoids and their logarithms --------------------------------------------------------------

log1p = Elementwise("log1p", (x,), sp.log(1 + x), "log(1 + x), accurate near 0", derivative=(1 / (1 + x),),
                    domain=((-1, None),), latex=r"\log\left(1 + {0}\right)",
                    numpy="np.log1p", numba="math.log1p", mpmath="log1p")
expm1 = Elementwise("expm1", (x,), sp.exp(x) - 1, "exp(x) - 1, accurate near 0", derivative=(sp.exp(x),),
                    latex=r"\left(e^{{{0}}} - 1\right)",
                    numpy="np.expm1", numba="math.expm1", mpmath="expm1")
sigmoid = Elementwise(
    "sigmoid", (x,), 1 / (1 + sp.exp(-x)), "logistic function", aliases=("expit", "logistic"),
    derivative=(OUT * (1 - OUT),), positive=True,
    stable=Lets(((t, sp.exp(-sp.Abs(x))),), where(less(x, 0), t / (1 + t), 1 / (1 + t))),
    latex=r"\sigma\left({0}\right)", numpy="special.expit", source="Bishop, PRML (2006), eq. 4.59, derivative eq. 4.88")
softplus = Elementwise(
    "softplus", (x,), sp.log(1 + sp.exp(x)), "smooth maximum of x and 0", derivative=(sigmoid(x),), positive=True,
    stable=Lets(((t, sp.exp(-sp.Abs(x))),), where(less(x, 0), 0, x) + log1p(t)),
    latex=r"\operatorname{{softplus}}\left({0}\right)",
    source="Maechler, Accurately computing log(1 - exp(-|a|)) (2012), eq. 10")
logaddexp = Elementwise(
    "logaddexp", (a, b), sp.log(sp.exp(a) + sp.exp(b)), "log(exp(a) + exp(b))",
    derivative=(sigmoid(a - b), sigmoid(b - a)), numpy="np.logaddexp",
    stable=Lets(((t, a - b),), where(less(t, 0), b, a) + log1p(sp.exp(-sp.Abs(t)))),
    latex=r"\log\left(e^{{{0}}} + e^{{{1}}}\right)")
logcosh = Elementwise(
    "logcosh", (x,), sp.log(sp.cosh(x)), "log cosh, |x| - log 2 far out", derivative=(sp.tanh(x),), nonnegative=True,
    stable=Lets(((t, sp.Abs(x)),),
                where(less(t, Rational(1, 2)), half * log1p(sp.sinh(x) ** 2), t + log1p(sp.exp(-2 * t)) - sp.log(2))),
    latex=r"\log\left(\cosh\left({0}\right)\right)")
logit = Elementwise("logit", (x,), sp.log(x / (1 - x)), "log odds, inverse of sigmoid", derivative=(1 / (x * (1 - x)),),
                    stable=Lets((), sp.log(x) - log1p(-x)), domain=((0, 1),),
                    latex=r"\operatorname{{logit}}\left({0}\right)", source="Bishop, PRML (2006), eq. 4.60")
sech2 = Elementwise("sech2", (x,), 1 / sp.cosh(x) ** 2, "1 - tanh(x)^2 without cancellation", positive=True,
                    derivative=(-2 * OUT * sp.tanh(x),),
                    stable=Lets(((t, sp.exp(-2 * sp.Abs(x))),), 4 * t / (1 + t) ** 2),
                    latex=r"\operatorname{{sech}}^2\left({0}\right)")

# ---- pieces with a kink ---------------------------------------------------------------------------

step = Elementwise(
    "step", (x,), where(less(0, x), 1, where(less(x, 0), 0, half)), "1 for x > 0, 0 for x < 0, 1/2 at 0",
    derivative=(sp.S.Zero,), kinks="x = 0: derivative 0", nonnegative=True, aliases=("heaviside",),
    latex=r"\operatorname{{step}}\left({0}\right)")
maximum = Elementwise(
    "maximum", (a, b), where(less(a, b), b, a), "the larger of two", derivative=(step(a - b), step(b - a)),
    kinks="a = b: derivative 1/2 by each", kink=Kink(b, a, (zero, one), (one, zero), half, ARGUMENTS),
    latex=r"\max\left({0}, {1}\right)",
    numpy="np.maximum", numba="max", sign_of="any")
minimum = Elementwise(
    "minimum", (a, b), where(less(a, b), a, b), "the smaller of two", derivative=(step(b - a), step(a - b)),
    kinks="a = b: derivative 1/2 by each", kink=Kink(a, b, (zero, one), (one, zero), half, ARGUMENTS),
    latex=r"\min\left({0}, {1}\right)",
    numpy="np.minimum", numba="min", sign_of="all")
clip = Elementwise("clip", (x, a, b), minimum(maximum(x, a), b), "x limited to the interval from a to b", kind="macro",
                   kinks="x = a and x = b: derivative 1/2")
relu = Elementwise(
    "relu", (x,), where(less(0, x), x, 0), "rectified linear unit", derivative=(where(less(0, x), 1, 0),),
    kinks="x = 0: derivative 0", kink=Kink(zero, x, (zero,), (one,), zero), nonnegative=True,
    latex=r"\operatorname{{relu}}\left({0}\right)")
leaky_relu = Elementwise(
    "leaky_relu", (x, a), where(less(0, x), x, a * x), "rectified linear unit with slope a below 0",
    defaults=(Rational(1, 100),), kinks="x = 0: derivative a", kink=Kink(zero, x, (a, x), (one, zero), zero),
    latex=r"\operatorname{{leakyrelu}}_{{{1}}}\left({0}\right)")
elu = Elementwise(
    "elu", (x, a), where(less(0, x), x, a * expm1(x)), "exponential linear unit", defaults=(sp.S.One,),
    kinks="x = 0: derivative a", kink=Kink(zero, x, (a * sp.exp(x), expm1(x)), (one, zero), zero),
    latex=r"\operatorname{{elu}}_{{{1}}}\left({0}\right)",
    source="Clevert, Unterthiner and Hochreiter (2016), eq. 15")
hardtanh = Elementwise("hardtanh", (x,), minimum(maximum(x, -1), 1), "x limited to the interval from -1 to 1",
                       kinks="x = -1 and x = 1: derivative 1/2", kind="macro")
softsign = Elementwise("softsign", (x,), x / (1 + sp.Abs(x)), "x / (1 + |x|)", kind="macro")

# ---- the normal distribution and smooth units -------------------------------------------------------

normpdf = Elementwise(
    "normpdf", (x,), sp.exp(-(x**2) / 2) / sp.sqrt(2 * pi), "density of the standard normal distribution",
    derivative=(-x * OUT,), positive=True, latex=r"\varphi\left({0}\right)")
normcdf = Elementwise(
    "normcdf", (x,), (1 + sp.erf(x / sp.sqrt(2))) / 2, "distribution function of the standard normal distribution",
    derivative=(normpdf(x),), positive=True,
    # The argument is named because SymPy turns erfc(-x) into 2 - erfc(x), which cancels.
    stable=Lets(((t, -x / sp.sqrt(2)),), half * sp.erfc(t)),
    latex=r"\Phi\left({0}\right)")
log1mexp = Elementwise(
    "log1mexp", (x,), sp.log(1 - sp.exp(-x)), "log(1 - exp(-x)) for x > 0, accurate near 0 and far out",
    derivative=(1 / expm1(x),), domain=((0, None),),
    stable=Lets((), where(less(x, sp.log(2)), sp.log(-expm1(-x)), log1p(-sp.exp(-x)))),
    latex=r"\log\left(1 - e^{{-{0}}}\right)",
    source="Maechler, Accurately computing log(1 - exp(-|a|)) (2012), eq. 7")


def _mills_fraction(depth: int) -> sp.Expr:
    """``normpdf(u) / normcdf(-u)`` for large u: Laplace's continued fraction u + 1/(u + 2/(u + 3/(u + ..)))."""
    fraction: sp.Expr = u
    # SymPy would look for signs in every denominator, for as long as all else here takes.
    for numerator in range(depth, 1, -1):
        fraction = u + sp.Mul(numerator, sp.Pow(fraction, -1, evaluate=False), evaluate=False)
    return u + sp.Pow(fraction, -1, evaluate=False)


# Sixteen terms of the fraction are right to 1e-17 beyond 8; nearer, erfc is accurate as it stands.
MILLS = _mills_fraction(16)
inverse_mills = Elementwise(
    "inverse_mills", (x,), normpdf(x) / normcdf(x), "normpdf(x) / normcdf(x), about -x for very negative x",
    derivative=(-OUT * (x + OUT),), positive=True,
    stable=Lets(((u, sp.Abs(x)),), where(less(x, -8), MILLS, normpdf(x) / normcdf(x)),
                doubles_only=True),
    latex=r"\frac{{\varphi\left({0}\right)}}{{\Phi\left({0}\right)}}",
    source="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), eq. 26.2.14")
lognormcdf = Elementwise(
    "lognormcdf", (x,), sp.log(normcdf(x)), "logarithm of normcdf, finite for very negative x",
    derivative=(inverse_mills(x),), numpy="special.log_ndtr",
    stable=Lets(((u, sp.Abs(x)), (t, MILLS)),
                where(less(x, -8), -(u**2) / 2 - sp.log(2 * pi) / 2 - sp.log(t),
                      where(less(x, 0), sp.log(half * sp.erfc(u / sp.sqrt(2))),
                            log1p(-half * sp.erfc(u / sp.sqrt(2))))), doubles_only=True),
    latex=r"\log\left(\Phi\left({0}\right)\right)",
    source="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), eq. 26.2.14")
silu = Elementwise("silu", (x,), x * sigmoid(x), "x sigmoid(x)", aliases=("swish",),
                   derivative=(sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x)),),
                   latex=r"\operatorname{{silu}}\left({0}\right)",
                   source="Elfwing, Uchibe and Doya (2018)")
gelu = Elementwise("gelu", (x,), x * normcdf(x), "x times the normal distribution function",
                   derivative=(normcdf(x) + x * normpdf(x),), latex=r"\operatorname{{gelu}}\left({0}\right)",
                   source="Hendrycks and Gimpel (2016)")

# ---- Bessel functions of directions -------------------------------------------------------------------


def _polynomial(coefficients: Sequence[Rational], at: sp.Expr) -> sp.Expr:
    """Horner's form, which SymPy must not multiply out."""
    total: sp.Expr = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = sp.Add(coefficient, sp.Mul(at, total, evaluate=False), evaluate=False)
    return total


def _hankel(order: int, terms: int) -> list[Rational]:
    """Coefficients of powers of 1/x in ``sqrt(2 pi x) exp(-x) I_order(x)`` for large x."""
    found = [Rational(1)]
    for k in range(1, terms):
        found.append(-found[-1] * Rational(4 * order**2 - (2 * k - 1) ** 2, 8 * k))
    return found


def _quotient(above: Sequence[Rational], below: Sequence[Rational]) -> list[Rational]:
    """Coefficients of the quotient of two power series that begin with 1."""
    found: list[Rational] = []
    for k, whole in enumerate(above):
        found.append(whole - sum((found[j] * below[k - j] for j in range(k)), zero))
    return found


# Beyond 80 the first left out of 12 terms is below 1e-18; up to 1 the first left out of the power series.
LARGE = less(80, x)
HANKEL = _polynomial(_hankel(0, 12), u)
RATIO = _polynomial(_quotient(_hankel(1, 12), _hankel(0, 12)), u)
POWER_SERIES = _polynomial([Rational(1, sp.factorial(k) ** 2) for k in range(1, 10)], t)
DLMF = "NIST Digital Library of Mathematical Functions"
bessel_ratio = Elementwise(
    "bessel_ratio", (x,), sp.besseli(1, x) / sp.besseli(0, x),
    "ratio i1(x) / i0(x) for x > 0, about 1 - 1/(2x) far out",
    derivative=(1 - OUT**2 - OUT / x,), domain=((0, None),),
    stable=Lets(((u, 1 / x),), where(LARGE, RATIO, sp.besseli(1, x) / sp.besseli(0, x)),
                doubles_only=True),
    latex=r"\frac{{I_1\left({0}\right)}}{{I_0\left({0}\right)}}", source=f"{DLMF}, eq. 10.29.3 and 10.40.1")
log_i0 = Elementwise(
    "log_i0", (x,), sp.log(sp.besseli(0, x)), "logarithm of i0 for x > 0, about x - log(2 pi x)/2 far out",
    derivative=(bessel_ratio(x),), domain=((0, None),),
    # SymPy would look for the signs of all parts of a polynomial in a logarithm.
    stable=Lets(((t, x**2 / 4), (u, 1 / x), (a, HANKEL)),
                where(LARGE, x - sp.log(2 * pi * x) / 2 + sp.log(a),
                      where(less(x, 1), log1p(t * POWER_SERIES), sp.log(sp.besseli(0, x)))), doubles_only=True),
    latex=r"\log\left(I_0\left({0}\right)\right)", source=f"{DLMF}, eq. 10.25.2 and 10.40.1")

ELEMENTWISE: tuple[Elementwise, ...] = (
    exp, log, sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, arcsinh, arccosh, arctanh,
    abs_, sign, erf, erfc, lgamma, polygamma, besseli,
    digamma, trigamma, i0, i1, sqrt, square, cbrt, reciprocal, log2, log10, xlogy, xlog1py, gamma,
    log1p, expm1, sigmoid, softplus, logaddexp, logcosh, logit, sech2,
    step, maximum, minimum, clip, relu, leaky_relu, elu, hardtanh, softsign,
    normpdf, normcdf, log1mexp, inverse_mills, lognormcdf, silu, gelu, bessel_ratio, log_i0,
)

#: Every spelling of every elementwise function.
BY_NAME: dict[str, Elementwise] = {
    name: entry for entry in ELEMENTWISE for name in (entry.name, *entry.aliases)
}

#: The entry that a SymPy function class stands for.
BY_FUNCTION: dict[type, Elementwise] = {
    entry.function: entry for entry in ELEMENTWISE if entry.kind != "macro"
}


def _applied(name: str, *args: Any) -> Any:
    """What pickle calls: the classes are made from the table and have no module to be found in."""
    return BY_NAME[name].function(*args)


def _reduced(application: Any) -> tuple[Any, ...]:
    return _applied, (application.entry.name, *application.args)


for _entry in ELEMENTWISE:
    if _entry.kind == "own":
        copyreg.pickle(_entry.function, _reduced)
