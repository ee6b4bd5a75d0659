"""Stress strings: what is understood, what is refused, and how many bits are counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from stresslib import bits_per_vector, compression_rate, make_stress
from stresslib.stress.registry import FEATURE_STRESSES
from stresslib.stress.spec import Spec, parse_spec


def said(role: str) -> st.SearchStrategy[tuple[str, int] | None]:
    """A token of the registry with a number that it takes, or none."""
    entries = [stress for stress in FEATURE_STRESSES.values() if stress.role == role]
    ranges = [(one.token, st.integers(one.lowest, one.highest or 10**9 - 1)) for one in entries]
    return st.one_of(st.none(), *(st.tuples(st.just(token), numbers) for token, numbers in ranges))


reductions, quantizers = said("reduction"), said("quantizer")


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Any stress that can be said."""
    reduction, quantizer = draw(reductions) or (None, None), draw(quantizers) or (None, None)
    return Spec(*reduction, *quantizer)


@given(specs(), st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_a_stress_survives_its_own_string(spec: Spec, lower: bool, space: str) -> None:
    """Writing and reading again gives the same stress, and case and spaces leave no trace in the canonical form."""
    assert parse_spec(str(spec)) == spec
    assert parse_spec(spec) is spec
    written = str(spec).replace(",", f"{space},{space}")
    assert str(parse_spec(written.lower() if lower else written)) == str(spec)


@given(specs(), st.sampled_from([int, float, str]))
def test_a_stress_survives_a_row_of_a_results_table(spec: Spec, kind: type) -> None:
    """Whatever a reader makes of its numbers; the bits of QA are in the name."""
    cells = {name: kind(cell) if isinstance(cell, int) else cell for name, cell in parse_spec(str(spec)).cells.items()}
    if kind is float or kind is int:
        assert Spec.from_row(cells) == spec
    else:
        assert Spec.from_row({name: "" if cell is None else cell for name, cell in cells.items()}) == spec


@pytest.mark.parametrize(
    "row",
    [
        {"stress": "zstd: float16"},
        {"stress": "faiss-pca-sq: PCA64,SQ8", "dimensions": 64},
        {"stress": "pca"},
        {"stress": "pca", "dimensions": None},
        {"stress": "pca", "dimensions": float("nan")},
        {"stress": "pca", "dimensions": 0},
        {"stress": "uniform-shared+pca", "dimensions": 8, "values": 4},
        {"stress": "pca+weights-pruned", "dimensions": 8},
        {"stress": "allocated-0-bits"},
        {"stress": None},
        {},
    ],
)
def test_a_row_that_says_no_whole_stress_has_none(row: dict[str, object]) -> None:
    assert Spec.from_row(row) is None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("dr2:409, q2:27", "DR2:409,Q2:27"),
        (" DR1 : 5 ", "DR1:5"),
        ("qb:052", "QB:52"),
        ("None", "none"),
        ("NONE ", "none"),
        ("Q1:2", "Q1:2"),
    ],
)
def test_the_canonical_form_is_one(written: str, canonical: str) -> None:
    """Cache keys and results tables depend on it."""
    assert str(parse_spec(written)) == canonical


@pytest.mark.parametrize(
    ("spec", "token"),
    [
        ("", "''"),
        ("DR3:4", "'DR3:4'"),
        ("DR1", "'DR1'"),
        ("DR1:", "'DR1:'"),
        ("DR1:4.5", "'DR1:4.5'"),
        ("DR1:-4", "'DR1:-4'"),
        ("DR1:0", "'DR1:0'"),
        ("DR2:0", "'DR2:0'"),
        ("Q1:1", "'Q1:1'"),
        ("DR2:4,Q2:1", "'Q2:1'"),
        ("QB:65", "'QB:65'"),
        ("DR1:4,DR2:4", "'DR2:4'"),
        ("Q1:4,Q2:4", "'Q2:4'"),
        ("Q2:4,QB:4", "'QB:4'"),
        ("Q2:4,DR1:4", "'DR1:4'"),
        ("none,Q2:4", "'NONE'"),
        ("DR1:4,", "''"),
        ("DR1:4;Q2:4", "'DR1:4;Q2:4'"),
        ("DR1:1e3", "'DR1:1E3'"),
        ("DR1:9999999999", "'DR1:9999999999'"),
    ],
)
def test_a_bad_token_is_named_and_the_allowed_ones_are_listed(spec: str, token: str) -> None:
    """The reader of the message knows which token is meant and what to write in its place."""
    with pytest.raises(ValueError) as caught:
        parse_spec(spec)
    assert token in str(caught.value)
    assert "DR1:k" in str(caught.value) and "QB:b" in str(caught.value)


@pytest.mark.parametrize("spec", [None, 5, ["DR1:4"]])
def test_only_a_string_is_a_stress(spec: object) -> None:
    """A forgotten argument must not pass for ``"none"``, the full-score setting."""
    with pytest.raises((TypeError, ValueError)):
        parse_spec(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "stress", "dimensions", "values", "removed_bits", "is_random"),
    [
        ("none", "none", None, None, None, False),
        ("DR1:7", "random-selection", 7, None, None, True),
        ("DR2:7", "pca", 7, None, None, False),
        ("Q1:3", "uniform-shared", None, 3, None, False),
        ("Q2:3", "uniform-per-dimension", None, 3, None, False),
        ("QB:0", "bit-erasure", None, None, 0, False),
        ("DR2:7,Q2:3", "pca+uniform", 7, 3, None, False),
        ("DR2:7,Q1:3", "pca+uniform-shared", 7, 3, None, False),
        ("DR1:7,QB:3", "random-selection+bit-erasure", 7, None, 3, True),
    ],
)
def test_the_words_of_the_published_table(
    spec: str, stress: str, dimensions: int | None, values: int | None, removed_bits: int | None, is_random: bool
) -> None:
    """Results join the published rows by these columns."""
    parsed = parse_spec(spec)
    found = (parsed.stress, parsed.dimensions, parsed.dictionary_size, parsed.removed_bits, parsed.is_random)
    assert found == (stress, dimensions, values, removed_bits, is_random)


@pytest.mark.parametrize(
    ("spec", "bits", "rate"),
    [("DR2:409,Q2:8", 1227, 0.99064), ("DR2:409,Q2:27", 2045, 0.98440), ("DR2:819,Q2:24", 4095, 0.96876)],
)
def test_the_three_marks_of_the_papers_figure_5(spec: str, bits: int, rate: float) -> None:
    """Bits of a vector and share saved, as the caption has them."""
    assert bits_per_vector(spec, n_features=4096) == bits
    assert compression_rate(spec, n_features=4096) == pytest.approx(rate, abs=5e-6)


@pytest.mark.parametrize(
    ("spec", "bits"),
    [
        ("none", 3200),
        ("DR1:10", 320),
        ("DR2:10", 320),
        ("Q1:2", 100),
        ("Q2:4", 200),
        ("Q2:5", 300),
        ("QB:0", 3200),
        ("QB:32", 3200),
        ("QB:52", 1200),
        ("QB:64", 0),
        ("DR1:10,QB:52", 120),
        ("DR2:100,Q1:2", 100),
    ],
)
def test_bits_of_a_hundred_dimensions(spec: str, bits: int) -> None:
    """32 bits a number untouched, ceil(log2 v) with a dictionary, what is left of 64, at most 32, after erasure."""
    assert bits_per_vector(spec, n_features=100) == bits
    assert compression_rate(spec, n_features=100) == 1 - bits / 3200


@pytest.mark.parametrize("spec", ["Q1:5", "Q2:27", "QB:40"])
def test_the_string_and_the_fitted_quantizer_count_the_same(spec: str) -> None:
    """There is one price of a vector, whether one asks the string or the estimator."""
    quantizer = make_stress(spec).fit(np.eye(6))[-1]
    assert quantizer.bits_per_vector == bits_per_vector(spec, n_features=6)


def test_more_dimensions_than_there_are_cost_no_bits_but_an_error() -> None:
    """The message has the stress and the width."""
    with pytest.raises(ValueError, match=r"'DR2:409,Q2:27' keeps 409 dimensions of only 408"):
        bits_per_vector("DR2:409,Q2:27", n_features=408)
    with pytest.raises(ValueError, match="n_features=0"):
        compression_rate("none", n_features=0)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("none", ["a", "b", "c"]),
        ("DR1:2", ["b", "c"]),
        ("DR2:2", ["principalcomponents0", "principalcomponents1"]),
        ("Q1:3", ["a", "b", "c"]),
        ("Q2:3", ["a", "b", "c"]),
        ("QB:50", ["a", "b", "c"]),
        ("DR2:1,Q2:3", ["principalcomponents0"]),
        ("DR1:2,QB:50", ["b", "c"]),
    ],
)
def test_a_stress_is_a_pipeline_that_clones_and_names_its_output(spec: str, names: list[str]) -> None:
    """A copy gives the same numbers, in as many columns as there are names."""
    X = np.random.default_rng(0).random((10, 3))
    stress = make_stress(spec, random_state=0)
    out = stress.fit_transform(X)
    assert list(stress.get_feature_names_out(["a", "b", "c"])) == names
    assert out.shape == (10, len(names))
    np.testing.assert_array_equal(clone(stress).fit(X).transform(X), out)
    assert [name for name, _ in stress.steps] == [token.split(":")[0] for token in spec.split(",")]


def test_no_stress_hands_its_input_on() -> None:
    """``"none"`` is the baseline: not a bit changes."""
    X = np.random.default_rng(0).random((4, 3)).astype(np.float32)
    assert make_stress("none").fit_transform(X).tobytes() == X.tobytes()


def test_the_dictionary_is_learnt_on_the_reduced_features() -> None:
    """Reduction first, then quantization, as in the authors' combined experiment."""
    X = np.random.default_rng(0).random((20, 6))
    combined = make_stress("DR2:2,Q2:4").fit(X)
    projected = combined[:1].transform(X)
    expected = make_stress("Q2:4").fit_transform(projected)
    np.testing.assert_array_equal(combined.transform(X), expected)


def test_the_seed_reaches_the_random_selection() -> None:
    """Two seeds are two draws; the other stresses do not care."""
    X = np.arange(20.0)[None]
    draws = {tuple(make_stress("DR1:5", random_state=seed).fit_transform(X)[0]) for seed in range(4)}
    assert len(draws) > 1


def test_the_bits_of_an_allocated_vector_are_in_its_token() -> None:
    spec = parse_spec("dr2:128, qa:640")
    assert (str(spec), spec.stress, spec.allocated_bits) == ("DR2:128,QA:640", "pca+allocated-640-bits", 640)
    assert spec.dictionary_size is None and spec.removed_bits is None
    assert bits_per_vector(spec, 1280) == 640
    assert parse_spec("QA:5").stress == "allocated-5-bits"
    with pytest.raises(ValueError, match="out of range"):
        parse_spec("QA:0")
