"""Pages about cost: the benchmark's tables are read and drawn as they are, and the paper's sizes are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage
from places import ROOT

from stressbook.chapters.running.paper_data import measure as paper_data_measure
from stressbook.chapters.running.paper_data import page as paper_data_page
from stressbook.chapters.running.performance import page as performance_page
from stresslib.results import TOLERANCE


@pytest.fixture
def scaling() -> pd.DataFrame:
    """Seconds that grow with the square of the rows, and not at all with the classes."""
    sizes = [10, 100, 1000, 10_000]
    return pd.DataFrame(
        [{"what grows": "rows", "size": n, "seconds": 1e-6 * n**2} for n in sizes]
        + [{"what grows": "classes", "size": n, "seconds": 0.5} for n in sizes]
    )


def test_growth_is_the_slope_of_logarithms(scaling: pd.DataFrame) -> None:
    powers = {kind: performance_page.growth(rows) for kind, rows in scaling.groupby("what grows")}
    assert powers == pytest.approx({"rows": 2, "classes": 0}, abs=1e-9)


def test_the_figure_draws_what_was_measured(scaling: pd.DataFrame) -> None:
    axes = performance_page.plot(scaling).axes
    assert [ax.get_xlabel() for ax in axes] == ["rows", "classes"]
    proportional, measured = axes[0].lines
    assert list(measured.get_ydata()) == pytest.approx([1e-4, 1e-2, 1, 100])
    assert proportional.get_ydata()[0] == pytest.approx(0.1), "through the last point"
    said = performance_page.alt_text(scaling)
    assert "rows, from 10 to 10,000: 0.0001 to 1e+02 seconds, power 2.00" in said and "power 0.00" in said


def test_the_peer_is_the_fastest_that_gets_as_near() -> None:
    """One that stops before the gap is no peer, however fast."""
    setting = pd.DataFrame(
        [
            ["stresslib", 1e-3, 0.5, 9e-4],
            ["LinearSVC, dual", 0.1, 1.0, 0.2],
            ["LinearSVC, dual", 0.01, 4.0, 9e-4],
            ["LinearSVC, primal", 1e-3, 6.0, 1e-4],
            ["LogisticRegression, another objective", 1e-4, 0.1, np.nan],
        ],
        columns=["solver", "tol", "seconds", "gap"],
    )
    grids = pd.DataFrame([{"grid": "DR-1, Figure 2", "ratio": 12.34}])
    said = performance_page.headline({"setting": setting, "grids": grids})
    assert "takes 0.50 s, LinearSVC, dual 4.00 s: 8.0 times as long" in said and "12.3 for DR-1, Figure 2" in said


def test_a_missing_table_is_named_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"solver-setting\.csv is missing; 'python benchmarks/solver\.py setting'"):
        performance_page.tables(tmp_path)


def test_agreement_counts_settings_images_and_points() -> None:
    compared = pd.DataFrame(
        {
            "features": ["a", "a", "b"],
            "stress": ["none", "DR1:2", "none"],
            "images": [200, 200, 50],
            "images, tol=1e-05": [0, 3, 0],
            "points, tol=1e-05": [0.0, -1.5, 0.0],
        }
    )
    table = performance_page.agreement(compared).set_index("features")
    assert table.loc["a"].tolist() == [200, 2, 1e-5, 1, 3, 1.5] and table.loc["b"].tolist() == [50, 1, 1e-5, 0, 0, 0.0]


def test_the_committed_tables_make_the_page() -> None:
    measured = performance_page.tables(ROOT / "benchmarks" / "results")
    assert "times as long" in performance_page.headline(measured)
    assert (measured["scaling"].groupby("what grows").size() >= 4).all()
    compared = measured["agreement"]
    assert (performance_page.agreement(compared)["settings"] >= 7).all()
    assert ((compared["images, tol=1e-06"] <= 2) | (compared["points, tol=1e-06"].abs() <= 0.05)).all()
    assert (compared["points, tol=1e-05"].abs() <= TOLERANCE).all()


def test_what_the_papers_features_cost_by_hand() -> None:
    """9,963 images of 50,176 float32 are 2 GB; at 10 a second they take 16.6 minutes."""
    costs = paper_data_page.costs(pd.Series({"vgg-m": 1.0, "vgg-m-128": 1.0, "googlenet": 10.0}))
    row = costs.loc["voc2007/googlenet/inception5b"]
    assert row.to_dict() == {"images": "9,963", "numbers an image": "50,176", "file (GB)": 2.0, "minutes to extract": 16.6}
    assert set(costs.index) == {
        *("voc2007/vgg-m/relu7", "voc2007/vgg-m-128/relu7", "voc2007/googlenet/inception5b"),
        *("mit67/vgg-m/relu7", "upmc-food101/vgg-m/relu7"),
    }


def test_what_to_compare_with_is_the_published_table() -> None:
    expected = paper_data_page.expected()
    assert expected["published numbers"].sum() == 1210
    assert expected.loc["voc2007/vgg-m/relu7", "full score (%)"] == pytest.approx(76.952, abs=5e-4)
    assert expected.loc["upmc-food101/vgg-m/relu7", "metric"] == "accuracy"


def test_the_registries_say_where_things_come_from() -> None:
    assert paper_data_page.data_sets()["from"].str.len().min() > 20
    networks = paper_data_page.networks()
    assert networks["numbers an image"].to_dict() == {"vgg-m": 4096, "vgg-m-128": 128, "googlenet": 50176}
    assert networks.loc["vgg-m", "parameters (million)"] == 102.9


def test_speed_is_measured() -> None:
    photograph = Path(skimage.__file__).parent / "data" / "coffee.png"
    speeds = paper_data_measure.measure([photograph], repeats=1)
    assert list(speeds.index) == ["vgg-m", "vgg-m-128", "googlenet"] and (speeds > 0).all()


def test_a_table_is_shown_with_the_digits_that_matter() -> None:
    table = pd.DataFrame({"solver": ["a", "b"], "tol": [1e-3, np.nan], "seconds": [0.63191, 660.598], "settings": [200, 13]})
    shown = performance_page.readable(table)
    assert shown.loc["a"].tolist() == ["0.001", "0.632", 200] and shown.loc["b"].tolist() == ["", "661", 13]


def test_the_codec_is_said_to_be_slower_where_it_is(tmp_path: Path) -> None:
    def said() -> str:
        return performance_page.codec_headline(performance_page.codec(tmp_path))

    assert "benchmarks/codec.py faiss" in said()
    rows = [["SQ8", 8, "encode", 1.5, 1.0, 6.0, 1.5], ["SQ8", 8, "decode", 2.4, 2.0, 6.0, 1.2]]
    columns = ["peer", "bits", "what", "ours GB/s", "peer GB/s", "memcpy GB/s", "ratio"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "codec-faiss.csv", index=False)
    assert "at least 1.2 times as fast" in said()
    rows[1][-1] = 0.84
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "codec-faiss.csv", index=False)
    assert "1.5 to 1.5 times as fast" in said() and "not everywhere" in said() and "SQ8 decode 0.84" in said()
    assert len(performance_page.codec(tmp_path)) == 2
    rows[0][-1] = 0.5
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "codec-faiss.csv", index=False)
    assert "slower than" in said() and "SQ8 encode 0.50, SQ8 decode" in said()


def test_training_is_said_to_miss_its_goal_where_it_does(tmp_path: Path) -> None:
    assert "benchmarks/training.py" in performance_page.training_headline(performance_page.training(tmp_path))
    ways = [["plain loop, 0 processes load", 2, 400.0, 1.0], ["fit", 2, 600.0, 1.5], ["fit, memory kept", 2, 720.0, 1.8]]
    shares = [["convolution", 3.0, 2, 2.0, 0.6, 1.5], ["all else", 3.0, 2, 2.0, 0.4, 1.5]]
    columns = ["operation", "1 thread, s", "threads", "threads, s", "share", "speed-up"]
    pd.DataFrame(shares, columns=columns).to_csv(tmp_path / "training-shares.csv", index=False)
    assert performance_page.training(tmp_path) == {}, "both tables are needed"

    def said() -> str:
        pd.DataFrame(ways, columns=["way", "threads", "images/s", "ratio"]).to_csv(
            tmp_path / "training-speed.csv", index=False
        )
        return performance_page.training_headline(performance_page.training(tmp_path))

    assert "1.80 times as many images a second as a plain loop** (fit, memory kept), **not twice** as many" in said()
    assert "take 60 % of our time: were all else free, the ratio would be 3.0" in said()
    assert "2 threads are 1.50 times as fast as one." in said()
    ways.append(["fit, memory kept, bfloat16", 2, 1200.0, 3.0])
    assert "3.00 times as many" in said() and "(fit, memory kept, bfloat16), at least twice as many" in said()


def extraction_speed() -> pd.DataFrame:
    """Two ways and one that is fast and wrong, in batches of 1 and 4, of one network."""
    ways = [
        ("plain PyTorch", "float32", 10.0, 1.0),
        ("OpenVINO", "bfloat16", 100.0, 0.9995),
        ("ONNX Runtime", "float32", 900.0, 0.5),
        ("stresslib, torch", "bfloat16", 50.0, 0.9996),
        ("stresslib, openvino", "float32", 90.0, 1.0),
        ("stresslib, openvino", "bfloat16", 120.0, 0.9995),
    ]
    rows = [
        {"model": "m", "way": way, "precision": precision, "from": source, "batch": batch, "images/s": speed * times}
        | {"least cosine": cosine, "share of peak": speed / 400 if source == "memory" else np.nan}
        for way, precision, speed, cosine in ways
        for source, times in (("JPEG files", 1), ("memory", 2))
        for batch in (1, 4)
    ]
    return pd.DataFrame(rows).assign(threads=2, AMX=True, **{"peak GFLOP/s": 1234.0})


def test_extraction_is_compared_with_the_fastest_that_computes_the_same(tmp_path: Path) -> None:
    assert "benchmarks/extraction.py" in performance_page.extraction_headline(performance_page.extraction(tmp_path))
    extraction_speed().to_csv(tmp_path / "extraction-speed.csv", index=False)
    assert performance_page.extraction(tmp_path) == {}, "both tables are needed"
    shares = [["m", "torch", "float32", "decode", 2.0, 0.1], ["m", "torch", "float32", "network", 18.0, 0.9]]
    columns = ["model", "engine", "precision", "step", "ms", "share"]
    pd.DataFrame(shares, columns=columns).to_csv(tmp_path / "extraction-shares.csv", index=False)
    measured = performance_page.extraction(tmp_path)
    said = performance_page.extraction_headline(measured)
    assert 'm, from JPEG files: 120 by `engine="openvino"` and 50 by `engine="torch"` images a second' in said
    assert "the fastest peer, OpenVINO in bfloat16, 100" in said, "not the one whose vectors are others"
    assert "does 30 % of the operations" in said and "2 cores, with AMX, 1,234 GFLOP/s" in said
    wide = performance_page.extraction_shares(measured["shares"])
    assert wide.loc[0, ["decode", "network"]].tolist() == [2.0, 18.0]


def test_the_figure_of_extraction_draws_each_way_in_its_faster_precision() -> None:
    speed = extraction_speed()
    axes = performance_page.extraction_plot(speed).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["m, from JPEG files", "m, the network alone"]
    lines = {line.get_label(): list(line.get_ydata()) for line in axes[0].lines}
    assert lines["stresslib, openvino"] == [120, 120] and lines["OpenVINO"] == [100, 100] and "ONNX Runtime" not in lines
    assert "stresslib, openvino 240" in performance_page.extraction_alt_text(speed)
    table = performance_page.extraction_table(speed).set_index("way")
    assert len(table) == 6 and table.loc["stresslib, openvino, float32", ["from files", "network alone"]].tolist() == [
        90,
        180,
    ]
