"""Repeats in derivations are folded, and only repeats."""

from __future__ import annotations

import chainrule as cr


def notes(text: str, wrt: str, detail: str = "normal") -> dict[str, str]:
    """The reason of the last line about each derivative, by its symbol."""
    page = cr.gradient(text, wrt).page(detail)  # type: ignore[arg-type]
    (section,) = (section for section in page.sections if section.title.startswith(("Chain rule", "Derivation")))
    found, symbol = {}, ""
    for line in section.lines:
        symbol = line.left[-1].text if line.left else symbol
        found[symbol] = "".join(part if isinstance(part, str) else part.text for part in line.note)
    return found


def network(layers: int) -> tuple[str, str]:
    """A network of equal layers, and its weights."""
    shapes = "; ".join(f"W{n}: real[h{n - 1}, h{n}]; b{n}: real[h{n}]" for n in range(1, layers + 1))
    steps = "; ".join(f"z{n} = a{n - 1}@W{n} + b{n}; a{n} = tanh(z{n})" for n in range(1, layers + 1))
    text = f"a0: real[n, h0]; Y: real[n, h{layers}]; {shapes}; {steps}; norm(a{layers} - Y)^2/2"
    return text, ",".join(f"W{n},b{n}" for n in range(1, layers + 1))


def test_equal_layers_are_told_once() -> None:
    found = notes(*network(5))
    assert found["dL/da4"].startswith("Through z5: ")
    assert [found[f"dL/da{n}"] for n in (3, 2, 1)] == ["As for dL/da4."] * 3
    assert [found[f"dL/dW{n}"] for n in (2, 3, 4, 5)] == ["As for dL/dW1."] * 4
    assert found["dL/db5"] == "As for dL/db1."


def test_full_detail_tells_everything() -> None:
    assert not any(note.startswith("As for") for note in notes(*network(3), detail="full").values())


def test_what_only_looks_alike_is_told() -> None:
    found = notes("X: real[n,d]; Y: real[n,d]; A, B: real[d]; z1 = X@A; z2 = Y@B; sum(tanh(z1) + sigmoid(z2))", "A,B")
    assert found["dL/dB"] == "Put in delta2."
    found = notes("X: real[n,d]; W: real[d,k]; sum(tanh(X@W))", "X,W")
    assert found["dL/dW"] == "Put in delta."
