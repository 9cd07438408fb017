from __future__ import annotations

import numpy as np
import pytest

from pellucid.data import EMBEDDED, load
from pellucid.errors import DataError

pytest.importorskip("sklearn")

SHAPES = {
    "digits": ((1797, 8, 8, 1), 10),
    "iris": ((150, 4), 3),
    "wine": ((178, 13), 3),
    "breast_cancer": ((569, 30), 2),
    "diabetes": ((442, 10), None),
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_set_has_its_shape_and_names(name: str) -> None:
    data = load(name)
    shape, classes = SHAPES[name]
    assert data.name == name and data.x.shape == shape and data.x.dtype == np.float32
    assert np.isfinite(data.x).all() and data.description
    if data.x.ndim == 2:
        assert len(data.feature_names) == shape[1]
    if classes is None:
        assert data.class_names is None and data.y.dtype == np.float32
    else:
        assert data.class_names is not None and len(data.class_names) == classes
        assert data.y.dtype == np.int64 and set(data.y) == set(range(classes))


def test_digits_are_scaled_images_or_a_table() -> None:
    images, table = load("digits"), load("digits", images=False)
    assert images.x.min() == 0 and images.x.max() == 1
    np.testing.assert_array_equal(images.flat().x, table.x)
    assert images.class_names == tuple("0123456789")
    # the first image is a zero: its top row reads 0 0 5 13 9 1 0 0, of 16
    assert (images.x[0, 0, :, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert images.y[0] == 0


def test_tables_come_in_their_units() -> None:
    assert load("iris").x[0].tolist() == pytest.approx([5.1, 3.5, 1.4, 0.2])  # centimetres
    assert load("diabetes").x[0, 0] == 59  # years


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match=r'no data set "digit", .* Did you mean "digits"\?'):
        load("digit")
