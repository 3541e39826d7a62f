from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from expunge.learners.encoding.columns import Cells
from expunge.learners.encoding.packed import Layout

NUMBERS = st.one_of(
    st.integers(-130, 130).map(float),
    st.integers(-(2**60), 2**60).map(float),
    st.sampled_from([np.nan, -0.0, 0.0, 0.5, 0.1, 2.0**24 + 1, 1e300, -(2.0**63)]),
    st.floats(allow_infinity=False),
)


@given(st.integers(0, 5), st.integers(0, 3), st.integers(0, 9), st.data())
def test_cells_come_back_bit_for_bit(n_numbers: int, n_codes: int, n_rows: int, data: st.DataObject) -> None:
    numbers = data.draw(arrays.arrays(np.float64, (n_rows, n_numbers + 1), elements=NUMBERS))
    codes = data.draw(arrays.arrays(np.int32, (n_rows, n_codes), elements=st.integers(-1, 70_000)))
    cells = Cells(numbers, codes, ((),) * n_codes)
    layout = Layout.of(cells)
    packed = layout.pack(cells)
    assert layout.numbers_of(packed).tobytes() == numbers.tobytes()
    assert layout.codes_of(packed).tobytes() == codes.tobytes()
    assert not np.shares_memory(layout.numbers_of(packed), packed)


def test_a_column_is_as_wide_as_it_needs_to_be() -> None:
    numbers = np.array([[1, -128, 1000, 70_000, 0.5, np.nan, -0.0, 0.1], [0, 127, 0, 0, 0, 0, 0, 0]])
    layout = Layout.of(Cells(numbers, np.array([[3], [200]], np.int32), ((),)))
    found = {name: columns.tolist() for name, columns in layout.numbers.items()}
    assert found == {"numbers i1": [0, 1], "numbers i2": [2], "numbers f4": [3, 4, 5, 6], "numbers f8": [7]}
    assert (list(layout.codes), layout.form.itemsize) == (["codes i2"], 2 + 2 + 4 * 4 + 8 + 2)
