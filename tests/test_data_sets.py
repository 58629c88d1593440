"""The data sets of scikit-learn."""

import sys

import numpy as np
import pytest

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.learning.data_sets import NAMES, data_set, measured_table


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


def test_measured_data_sets_are_tables() -> None:
    table = measured_table("diabetes")
    assert list(table)[:3] == ["age", "sex", "bmi"]
    assert {len(column) for column in table.values()} == {442}
    assert np.mean(np.asarray(table["target"], dtype=float)) == pytest.approx(152.13, abs=0.01)
    with pytest.raises(InputError, match="diabetes"):
        measured_table("iris")
