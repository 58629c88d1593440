"""Colours that people with any colour vision tell apart, from Okabe and Ito (2008)."""

from __future__ import annotations

BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE, BLACK = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000",
)  # fmt: skip

#: What flows forward and back, on a light and on a dark page.
FORWARD, BACKWARD = BLUE, "#A84300"
FORWARD_DARK, BACKWARD_DARK = SKY, ORANGE
