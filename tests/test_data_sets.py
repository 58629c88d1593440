"""The data sets of scikit-learn."""

import sys

import numpy as np
import pytest

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.learning.data_sets import NAMES, data_set


@pytest.mark.parametrize("name", NAMES)
def test_rows_labels_and_names_fit(name: str) -> None:
    found = data_set(name)
    rows, columns = found.features.shape
    assert (len(found.labels), len(found.columns)) == (rows, columns)
    assert set(found.labels) == set(range(len(found.classes)))
    assert np.isfinite(found.features).all()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UnsupportedError, match=r"chainrule\[data\]"):
        data_set("iris")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="digits"):
        data_set("digit")
