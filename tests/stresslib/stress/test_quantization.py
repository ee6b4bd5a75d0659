"""Q-1, Q-2 and Q-B: which values stand for which, worked out by hand and checked on many drawn inputs."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stresslib import BitErasure, UniformQuantizer

SCOPES = ("shared", "per_dimension")
doubles = st.floats(-1e6, 1e6)
singles = st.floats(-(2.0**20), 2.0**20, width=32)
matrices = st.one_of(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=doubles),
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=singles),
)
quantizers = st.builds(UniformQuantizer, st.integers(2, 40), scope=st.sampled_from(SCOPES))


def dictionary(quantizer: UniformQuantizer, width: int) -> np.ndarray:
    """One row of values for each dimension, whatever the scope."""
    return np.broadcast_to(quantizer.values_, (width, quantizer.n_values))


def slack(X: np.ndarray) -> float:
    """Four roundings of the largest number at hand, in its own type."""
    return 4 * float(np.finfo(X.dtype).eps) * max(1e-30, float(np.abs(X).max()))


def test_golden_numbers_of_both_scopes() -> None:
    """Range 0 to 8 in 4 bins of 2: centres 1, 3, 5, 7. By dimension: 0 to 4 has 0.5, 1.5, 2.5, 3.5; 4 to 8 as much more."""
    X = np.array([[0.0, 4.0], [1.0, 6.5], [4.0, 8.0]])
    shared = UniformQuantizer(4, scope="shared").fit(X)
    np.testing.assert_array_equal(shared.values_, [1, 3, 5, 7])
    np.testing.assert_array_equal(shared.encode(X), [[0, 2], [0, 3], [2, 3]])
    np.testing.assert_array_equal(shared.transform(X), [[1, 5], [1, 7], [5, 7]])
    each = UniformQuantizer(4).fit(X)
    np.testing.assert_array_equal(each.values_, [[0.5, 1.5, 2.5, 3.5], [4.5, 5.5, 6.5, 7.5]])
    np.testing.assert_array_equal(each.encode(X), [[0, 0], [1, 2], [3, 3]])
    np.testing.assert_array_equal(each.transform(X), [[0.5, 4.5], [1.5, 6.5], [3.5, 7.5]])


def test_an_exact_zero_is_lifted_to_half_a_step() -> None:
    """The authors' dictionary holds bin centres only, so that a rectified feature is never 0 again."""
    X = np.array([[0.0, 0.0], [0.0, 6.0], [3.0, 0.0]])
    np.testing.assert_array_equal(UniformQuantizer(3, scope="shared").fit_transform(X), [[1, 1], [1, 5], [3, 1]])
    np.testing.assert_array_equal(UniformQuantizer(3).fit_transform(X), [[0.5, 1], [0.5, 5], [2.5, 1]])


def test_a_value_between_two_centres_goes_up() -> None:
    """MATLAB's nearest-neighbour interpolation, which the authors call, rounds a tie upwards."""
    quantizer = UniformQuantizer(4, scope="shared").fit([[0.0], [4.0]])
    np.testing.assert_array_equal(quantizer.encode([[1.0], [2.0], [3.0], [4.0]]).ravel(), [1, 2, 3, 3])


@pytest.mark.parametrize("low", [0, 1, 1000, 1_000_001, 2**40 + 1])
@pytest.mark.parametrize("n_values", [3, 7, 10, 27])
def test_bins_far_from_zero_are_cut_where_they_should_be(low: int, n_values: int) -> None:
    """Integers from `low` on, a bin for each: edges and centres are exact, so no rounding may move a value."""
    X = np.arange(low, low + n_values + 1, dtype=float)[:, None]
    quantizer = UniformQuantizer(n_values).fit(X)
    assert quantizer.encode(X).ravel().tolist() == [*range(n_values), n_values - 1]
    np.testing.assert_array_equal(quantizer.values_[0], X[:-1, 0] + 0.5)


def test_values_beyond_the_training_range_go_to_the_end_bins() -> None:
    """A test row may be further out than any training row, even infinitely far for its type."""
    X = np.array([[-1.0, 0.0], [1.0, 10.0]])
    far = np.array([[-1e300, 1e300], [50.0, -0.1]])
    np.testing.assert_array_equal(UniformQuantizer(5).fit(X).encode(far), [[0, 4], [4, 0]])
    np.testing.assert_array_equal(UniformQuantizer(5, scope="shared").fit(X).encode(far), [[0, 4], [4, 0]])


def test_a_constant_dimension_stays_what_it_was() -> None:
    """Whatever a test row holds there, it becomes the training constant; the other dimensions do not notice."""
    X = np.array([[0.3, 0.0], [0.3, 1.0]])
    quantizer = UniformQuantizer(4).fit(X)
    np.testing.assert_array_equal(quantizer.transform([[0.3, 0.0], [9.0, 0.9], [-9.0, 2.0]])[:, 0], [0.3, 0.3, 0.3])
    np.testing.assert_array_equal(quantizer.values_[1], [0.125, 0.375, 0.625, 0.875])
    constant = np.full((2, 2), 7.0)
    np.testing.assert_array_equal(UniformQuantizer(4, scope="shared").fit_transform(constant), constant)


@given(matrices, quantizers)
def test_each_value_becomes_the_nearest_of_the_dictionary(X: np.ndarray, quantizer: UniformQuantizer) -> None:
    """In the training range no other entry of the dictionary is nearer, and what comes out is an entry."""
    out = quantizer.fit_transform(X)
    entries = dictionary(quantizer, X.shape[1])
    assert (out[:, :, None] == entries).any(axis=2).all()
    distance = np.abs(X[:, :, None].astype(np.float64) - entries)
    assert (np.abs(X.astype(np.float64) - out) <= distance.min(axis=2) + slack(X)).all()


@given(matrices, quantizers)
def test_quantizing_twice_is_quantizing_once(X: np.ndarray, quantizer: UniformQuantizer) -> None:
    """The dictionary maps to itself."""
    once = quantizer.fit_transform(X)
    np.testing.assert_array_equal(quantizer.transform(once), once)


@given(matrices, quantizers)
def test_order_is_kept_and_few_values_are_left(X: np.ndarray, quantizer: UniformQuantizer) -> None:
    """A larger value never becomes a smaller one, and no more than the dictionary's values come out."""
    out = quantizer.fit_transform(np.sort(X, axis=0))
    assert (np.diff(out, axis=0) >= 0).all()
    count = len(np.unique(out)) if quantizer.scope == "shared" else max(len(np.unique(column)) for column in out.T)
    assert count <= quantizer.n_values


@given(matrices, quantizers)
def test_codes_are_small_integers_and_decode_to_the_output(X: np.ndarray, quantizer: UniformQuantizer) -> None:
    """What would be stored is enough to get the stressed vector back, in the type that it came in."""
    codes = quantizer.fit(X).encode(X)
    assert codes.dtype == np.uint8 and codes.max() < quantizer.n_values
    decoded = quantizer.decode(codes)
    assert decoded.dtype == X.dtype
    np.testing.assert_array_equal(decoded, quantizer.transform(X))


@pytest.mark.parametrize(("n_values", "dtype"), [(2, np.uint8), (256, np.uint8), (257, np.uint16), (65537, np.uint32)])
def test_codes_have_the_smallest_type_that_holds_them(n_values: int, dtype: type) -> None:
    """A byte is enough for 256 values, and the top code is reached without wrapping round."""
    codes = UniformQuantizer(n_values).fit([[0.0], [1.0]]).encode([[0.0], [1.0]])
    assert codes.dtype == dtype
    assert codes.ravel().tolist() == [0, n_values - 1]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("dtype", "width"), [(np.float32, 3.4e38), (np.float64, 1.7e308)])
def test_a_range_as_wide_as_the_type_is_no_infinity(scope: str, dtype: type, width: float) -> None:
    """From -w to w in 4 bins the centres are -3w/4, -w/4, w/4, 3w/4, and each is its own nearest."""
    X = np.array([[-width], [width]], dtype=dtype)
    quantizer = UniformQuantizer(4, scope=scope).fit(X)
    expected = width * np.array([-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(quantizer.values_.ravel(), expected, rtol=1e-6)
    np.testing.assert_array_equal(quantizer.encode(expected[:, None].astype(dtype)).ravel(), [0, 1, 2, 3])


@pytest.mark.parametrize("scope", SCOPES)
def test_bits_per_vector_of_a_fitted_quantizer(scope: str) -> None:
    """Three dimensions of ceil(log2 v) bits: 1 bit for 2 values, 3 for 5 and 8, 4 for 9, 5 for 27."""
    bits = [UniformQuantizer(v, scope=scope).fit(np.eye(3)).bits_per_vector for v in (2, 5, 8, 9, 27)]
    assert bits == [3, 9, 9, 12, 15]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([[0, 4]], "from 0 to 3; got 0 to 4"),
        ([[-1, 0]], "from 0 to 3; got -1 to 0"),
        ([[0.0, 1.0]], "integers from 0 to 3"),
        ([[True, False]], "integers from 0 to 3"),
        ([[0, 1, 2]], "3 columns.* fitted on 2"),
    ],
)
@pytest.mark.parametrize("scope", SCOPES)
def test_codes_that_cannot_be_are_refused(scope: str, codes: Any, message: str) -> None:
    """A damaged code does not become some value; the message says what is allowed."""
    quantizer = UniformQuantizer(4, scope=scope).fit(np.eye(2))
    with pytest.raises(ValueError, match=message):
        quantizer.decode(np.array(codes))


@pytest.mark.parametrize("n_values", [1, 0, -3, 2.0])
def test_a_dictionary_has_at_least_two_values(n_values: Any) -> None:
    """v < 2 is refused by name."""
    with pytest.raises(ValueError, match="n_values"):
        UniformQuantizer(n_values).fit(np.eye(2))


def erased(value: float, n_bits: int) -> float:
    """Zero the lowest bits of one double through its bytes: bit erasure without NumPy."""
    (number,) = struct.unpack("<Q", struct.pack("<d", value))
    (result,) = struct.unpack("<d", struct.pack("<Q", number >> n_bits << n_bits))
    return float(result)


@pytest.mark.parametrize("n_bits", range(65))
def test_bit_erasure_agrees_with_the_bytes_of_each_double(n_bits: int) -> None:
    """All 65 settings, signs and subnormal numbers included, bit for bit; and the codes give the same back."""
    values = [0.0, -0.0, 1.0, -1.0, 0.1, -3.7, 1e-3, 2.0**-7, 2.0**-15, 255.99, 5e-324, 2.2e-308, -1.7e308, 1 / 3]
    values += np.random.default_rng(n_bits).normal(size=50).tolist()
    X = np.array(values).reshape(-1, 2)
    before = X.copy()
    quantizer = BitErasure(n_bits).fit(X)
    out = quantizer.transform(X)
    expected = np.array([erased(value, n_bits) for value in values]).reshape(-1, 2)
    assert out.tobytes() == expected.tobytes()
    assert X.tobytes() == before.tobytes()
    codes = quantizer.encode(X)
    assert codes.dtype == np.uint64 and int(codes.max()) < 2 ** (64 - n_bits)
    assert quantizer.decode(codes).tobytes() == out.tobytes()
    assert quantizer.transform(out).tobytes() == out.tobytes()


@given(arrays(np.float64, (4, 3), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_fifty_two_erased_bits_leave_the_power_of_two_below(X: np.ndarray) -> None:
    """The whole fraction is gone: what is left of a normal number is its sign and its exponent."""
    X = np.where(np.abs(X) < 2.3e-308, 0.0, X)
    mantissa, exponent = np.frexp(X)
    np.testing.assert_array_equal(BitErasure(52).fit_transform(X), np.ldexp(np.sign(mantissa), exponent - 1))


def test_few_exponent_bits_leave_the_values_that_the_protocol_names() -> None:
    """On features of unit norm: two values and zero at 55 bits, one and zero at 56, nothing from 62 on but signs."""
    X = np.array([[0.0, 2.0**-15, 0.001, 2.0**-7 * 0.999, 2.0**-7, 0.3, 1.0]])
    low, high = 2.0**-15, 2.0**-7
    np.testing.assert_array_equal(BitErasure(55).fit_transform(X), [[0, low, low, low, high, high, high]])
    np.testing.assert_array_equal(BitErasure(56).fit_transform(X), [[0, low, low, low, low, low, low]])
    for n_bits in (62, 63, 64):
        np.testing.assert_array_equal(BitErasure(n_bits).fit_transform(X), np.zeros_like(X))


@given(arrays(np.float32, (3, 4), elements=st.floats(2.0**-20, 2.0**20, width=32)), st.integers(0, 29))
def test_single_precision_features_lose_nothing_up_to_29_bits(X: np.ndarray, n_bits: int) -> None:
    """The low bits of a widened float32 are empty, hence the flat start of the authors' curve."""
    np.testing.assert_array_equal(BitErasure(n_bits).fit_transform(X), X)


def test_the_thirtieth_bit_is_the_first_that_counts() -> None:
    """One more bit takes the last fraction bit of a float32."""
    X = np.array([[1 + 2.0**-23]], dtype=np.float32)
    assert BitErasure(29).fit_transform(X)[0, 0] == X[0, 0]
    assert BitErasure(30).fit_transform(X)[0, 0] == 1


def test_bit_erasure_works_on_any_memory_layout() -> None:
    """Columns first, every other row, single precision, integers: the same values come out."""
    X = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    expected = BitErasure(50).fit_transform(X.astype(np.float64))
    np.testing.assert_array_equal(BitErasure(50).fit_transform(np.asfortranarray(X)), expected)
    np.testing.assert_array_equal(BitErasure(50).fit(X).transform(X[::2]), expected[::2])
    np.testing.assert_array_equal(BitErasure(52).fit_transform([[3, 5]]), [[2.0, 4.0]])


def test_codes_of_erased_bits_that_cannot_be_are_refused() -> None:
    """With 60 bits gone a code has 4 bits; with 64 gone it has none."""
    with pytest.raises(ValueError, match="from 0 to 15; got 0 to 16"):
        BitErasure(60).fit([[1.0, 2.0]]).decode(np.array([[0, 16]]))
    with pytest.raises(ValueError, match="from 0 to 0; got 0 to 1"):
        BitErasure(64).fit([[1.0, 2.0]]).decode(np.array([[0, 1]]))


@pytest.mark.parametrize(("n_bits", "bits"), [(0, 32), (32, 32), (33, 31), (52, 12), (63, 1), (64, 0)])
def test_bits_per_vector_of_erasure_start_from_a_float32(n_bits: int, bits: int) -> None:
    """The upper half of the double is what a float32 fills, so that erasing the lower half saves nothing."""
    assert BitErasure(n_bits).fit(np.eye(3)).bits_per_vector == 3 * bits


@pytest.mark.parametrize("n_bits", [-1, 65, 3.0])
def test_a_double_has_64_bits(n_bits: Any) -> None:
    """No more can be erased, and the error names the parameter."""
    with pytest.raises(ValueError, match="n_bits"):
        BitErasure(n_bits).fit([[1.0]])


@pytest.mark.parametrize("n_bits", [0, 1, 29, 52, 63, 64])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_bits_are_erased_in_one_array_that_is_not_the_input(n_bits: int, kind: type) -> None:
    """Bit for bit what encoding and decoding give; the rows that came in stay what they were."""
    X = np.random.default_rng(0).normal(size=(30, 7)).astype(kind)
    before, erasure = X.copy(), BitErasure(n_bits).fit(X)
    found = erasure.transform(X)
    np.testing.assert_array_equal(found.view(np.uint64), erasure.decode(erasure.encode(X)).view(np.uint64))
    np.testing.assert_array_equal(X, before)


def test_erasing_bits_takes_the_memory_of_its_result_alone() -> None:
    X = np.random.default_rng(0).normal(size=(500, 400))
    erasure = BitErasure(30).fit(X)
    tracemalloc.start()
    erasure.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * X.nbytes
