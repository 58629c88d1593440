"""A network that reads digits, from the formula to calibrated probabilities: pip install 'chainrule[data]'.

Linear algebra is the stack of layers, calculus its derived gradient, optimisation Adam on mini-batches of the
compiled gradient, probability the softmax, its likelihood, and one temperature that calibrates it.  scikit-learn's
MLPClassifier is trained beside it on the same images.

    python examples/digits.py [picture.svg]
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import chainrule as cr

SEED = 0


def softmax(Z: np.ndarray) -> np.ndarray:
    """Rows of probabilities."""
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main() -> None:
    """Build, derive, train, calibrate, compare."""
    images, labels = datasets.load_digits(return_X_y=True)
    images /= 16
    X, X_rest, y, y_rest = train_test_split(images, labels, train_size=0.6, random_state=SEED, stratify=labels)
    X_chosen, X_test, y_chosen, y_test = train_test_split(X_rest, y_rest, train_size=0.5, random_state=SEED)

    print("# Linear algebra: a stack of layers is a formula\n")
    net = cr.network("64 -> 32 relu -> 10 softmax", loss="cross_entropy")
    print(net.formula, f"\n\n{net.count()} parameters\n")

    print("# Calculus: its gradient, derived and proved\n")
    gradient = net.gradient()
    for name in net.parameters:
        print(f"dL/d{name} = {gradient.result[name].matrix()}")
    print(f"delta2 = {dict(gradient.result['W2'].parts())['delta2']}")
    claim = "a1.T @ (softmax(z2, axis=1) - Y)/n"
    print(f"claim dL/dW2 = {claim}: {cr.verify(net.formula, wrt='W2', claim=claim).verdict}\n")

    print("# Optimisation: Adam on mini-batches of the compiled gradient\n")
    eye = np.eye(10)
    training = cr.train(
        net.formula, data={"X": X, "Y": eye[y]}, held_out={"X": X_chosen, "Y": eye[y_chosen]}, batch=32, epochs=60,
        rate=0.003, start=net.initial(SEED, "preserving"), seed=SEED,
    )  # fmt: skip
    print(training.text(), "\n")

    print("# Probability: what the network says of images that it has not seen\n")
    T = cr.temperature(net.logits.evaluate(X=X_chosen, **training.values), y_chosen)
    Z = net.logits.evaluate(X=X_test, **training.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = MLPClassifier((32,), alpha=0, batch_size=32, learning_rate_init=0.003, max_iter=60, random_state=SEED)
        theirs.fit(X, y)
    measured = {
        "chainrule": cr.reliability(softmax(Z), y_test),
        f"at T = {T:.3f}": cr.reliability(softmax(Z / T), y_test),
        "scikit-learn": cr.reliability(theirs.predict_proba(X_test), y_test),
    }
    print(f"{'':<13} accuracy  log-likelihood  Brier score  calibration error")
    for name, found in measured.items():
        print(f"{name:<13} {found.right:8.4f}  {-found.nll:14.4f}  {found.brier:11.4f}  {found.error:17.4f}")
    if len(sys.argv) > 1:
        cr.diagram(list(measured.items())).save(sys.argv[1])


if __name__ == "__main__":
    main()
