"""Counterparts of the published numbers, the figures of the supplement, and the pages about results/ as a whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import stresslib as sl
from stressbook.chapters.reference.provenance import page as provenance_page
from stressbook.chapters.rerun.bit_erasure import measure as bit_erasure_measure
from stressbook.chapters.rerun.bit_erasure import page as bit_erasure_page
from stressbook.chapters.rerun.layers import measure as layers_measure
from stressbook.chapters.rerun.layers import page as layers_page
from stressbook.chapters.verdicts.coverage import page as coverage_page
from stressbook.digests import result_digest, template_of
from stressbook.reproduce import run
from stressbook.reproduce.catalogue import figures, project_root
from stressbook.reproduce.check import check
from stressbook.reproduce.run import reproduce
from stresslib.classical import LAYERS as LAYERS_OF_METHODS
from stresslib.classical import is_method
from stresslib.cli.main import main, parse
from stresslib.paper.counterparts import COLUMNS, FIGURES, LAYERS, STAND_INS, command, counterparts, rival
from stresslib.paper.published import published, with_shares
from stresslib.results import FEATURES, SETTING, results_table

ROOT = project_root()
CALTECH, SCENES = "caltech101/efficientnet-lite0/pooled", "scenes15/efficientnet-lite0/pooled"


def row(features: str, stress: str, score: float, **changes: Any) -> dict[str, Any]:
    """One result of a feature set of 1,280 numbers."""
    names = dict(zip(FEATURES, features.split("/"), strict=True))
    common = {"n_features": 1280, "metric": "accuracy", "objective_gap": 1e-9}
    return {**names, **common, "stress": stress, "score": score, **changes}


def toy() -> pd.DataFrame:
    """15-Scenes: of 80, 128 dimensions keep 60 and 64, 8 bits 40. Caltech-101, in two metrics: of 40, 2 values keep 20."""
    return results_table(
        [
            row(SCENES, "none", 80),
            row(SCENES, "random-selection", 60, dimensions=128, repeat=0),
            row(SCENES, "random-selection", 64, dimensions=128, repeat=1),
            row(SCENES, "bit-erasure", 40, removed_bits=56),
            row(CALTECH, "none", 40, metric="mean-class-accuracy"),
            row(CALTECH, "none", 50),
            row(CALTECH, "uniform-shared", 20, values=2, metric="mean-class-accuracy"),
            row(CALTECH, "uniform-shared", 49, values=2),
        ]
    )


def found(table: pd.DataFrame) -> pd.DataFrame:
    return table.dropna(subset=["difference"])


def curve(specs: list[str], features: str, *, metric: str = "accuracy", full: float = 90.0) -> pd.DataFrame:
    """A results table of some stresses, the score falling a little from each to the next."""
    from stresslib.stress.spec import parse_spec

    rows = []
    for place, spec in enumerate(map(parse_spec, specs)):
        setting = {"dimensions": spec.dimensions, "values": spec.dictionary_size, "removed_bits": spec.removed_bits}
        repeat = 0 if spec.is_random else None
        rows.append(row(features, spec.stress, full - place / 10, repeat=repeat, metric=metric, **setting))
    return results_table(rows)


BITS = pd.concat(
    [
        curve(bit_erasure_measure.specs(), CALTECH, metric="mean-class-accuracy"),
        curve(bit_erasure_measure.specs(), SCENES),
        curve(bit_erasure_measure.specs(), "digits/efficientnet-lite0/pooled", full=80),
        curve(bit_erasure_measure.specs(), "caltech101/bvlc-googlenet/pooled", metric="mean-class-accuracy", full=70),
    ],
    ignore_index=True,
)
DEPTHS = pd.concat(
    [
        curve(
            layers_measure.specs(1280, [1, 2, 20], [2, 4, 30]),
            f"caltech101/efficientnet-lite0/{name}",
            metric="mean-class-accuracy",
            full=60 + 5 * depth,
        )
        for depth, name in enumerate(LAYERS.values())
    ],
    ignore_index=True,
)


def test_every_published_curve_is_declared() -> None:
    """None is forgotten, none invented; each source has a figure in the book."""
    table = published()
    curves = set(zip(table["source"], table["dataset"] + "/" + table["model"] + "/" + table["layer"], strict=True))
    assert curves == set(STAND_INS)
    assert set(FIGURES) == set(table["source"])
    assert list(LAYERS) == ["pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "softmax"]
    template = (ROOT / "notebooks" / "layers.ipynb").read_text()
    assert json.dumps(list(LAYERS.values())) in template.replace('\\"', '"')
    assert {features for (_, features), ours in STAND_INS.items() if not ours} == {"voc2007/vgg-m-128/relu7"}


def test_each_published_row_appears_once() -> None:
    """1,210 rows in their own order, 1,112 settings, with or without counterparts."""
    for results in (results_table([]), toy()):
        table = counterparts(results)
        assert table.index.tolist() == published().index.tolist() and len(table) == 1210
        assert table.columns.tolist() == COLUMNS
        theirs = table[["source", "paper_name", "stress", "values", "removed_bits"]]
        pd.testing.assert_frame_equal(theirs, published()[theirs.columns.tolist()])
        for name in (*FEATURES, "n_features", "dimensions", "metric", "score", "score_sd"):
            pd.testing.assert_series_equal(table[f"published_{name}"], published()[name], check_names=False)
        assert coverage_page.table(table).loc["all", "settings"] == 1112
        assert (table["reason"].isna() == table["difference"].notna()).all()
        assert (table["command"].isna() == table["difference"].notna()).all()


def test_counterparts_of_a_toy_table_by_hand() -> None:
    """62 of 80 beside MIT-67's 85.6%, 40 of 80 beside its 91.1%, and the first metric, 20 of 40, beside VOC's 48.9%.

    The last layer but one stands for fc8 in the supplement, too.
    """
    table = found(counterparts(toy())).set_index(["source", "published_dataset"])
    assert table.index.tolist() == [
        ("figure-3", "mit67"),
        ("figure-4", "voc2007"),
        ("supplement-bits", "mit67"),
        ("supplement-multilayer", "voc2007"),
    ]
    assert table["ours"].tolist() == [77.5, 50, 50, 50]
    assert table["theirs"].tolist() == pytest.approx([85.58, 48.85, 91.07, 92.91], abs=0.01)
    assert table["difference"].tolist() == (table["ours"] - table["theirs"]).tolist()
    assert set(table["scale"]) == {"kept"}
    draws = table.loc[("figure-3", "mit67")]
    assert (draws["score"], draws["score_sd"], draws["repeats"], draws["dimensions"]) == (62, 2, 2, 128)
    assert table["score_sd"].isna().tolist() == [False, True, True, True]
    assert (table.loc[("figure-4", "voc2007"), "metric"], draws["step"]) == ("mean-class-accuracy", 2)


def test_counterparts_of_one_source_are_its_part_of_all() -> None:
    pd.testing.assert_frame_equal(counterparts(toy(), source="figure-3"), counterparts(toy()).query("source == 'figure-3'"))
    with pytest.raises(ValueError, match="source 'figure-9' is unknown; there are figure-2, "):
        counterparts(toy(), source="figure-9")


def test_reasons_by_hand() -> None:
    """No stand-in, one that was not measured under the stress, one not at the place, one without its full score."""
    table = counterparts(toy()).set_index(["source", "published_model", "published_dataset", "stress"])
    reasons = table["reason"].dropna().sort_index()
    near = "these results have no voc2007/bossanova/pyramid under this stress"
    assert reasons.loc[("figure-2", "bossanova")].unique().tolist() == [near]
    assert "weights of VGG-M-128" in reasons.loc[("supplement-bits", "vgg-m-128")].iloc[0]
    unmeasured = reasons.loc[("figure-2", "vgg-m", "voc2007", "pca")].unique().tolist()
    assert unmeasured == ["these results have no voc2007-val/efficientnet-lite0/pooled under this stress"]
    elsewhere = reasons.loc[("figure-3", "vgg-m", "mit67")].unique().tolist()
    assert elsewhere == [f"these results have {SCENES} under this stress, but not at this place"]
    without = counterparts(toy()[toy()["stress"].ne("none")])
    assert len(found(without)) == 0
    assert f"these results lack the full score of {SCENES}" in set(without["reason"])


def test_the_papers_own_features_go_before_a_stand_in() -> None:
    """Where everything is theirs, scores are compared as they are; without an unstressed row too."""
    own = results_table(
        [
            row("voc2007/vgg-m/relu7", "uniform-shared", 38, values=2, metric="mAP", n_features=4096),
            *toy().to_dict("records"),
        ]
    )
    table = counterparts(own)
    both = found(table[table["published_layer"] == "relu7"]).set_index("source")
    assert both.loc["figure-4", ["ours", "scale", "model"]].tolist() == [38, "score", "vgg-m"]
    assert both.loc["figure-4", "theirs"] == pytest.approx(37.593652)
    assert both.loc["figure-4", "difference"] == pytest.approx(38 - 37.593652)


def test_erased_bits_of_googlenet_stand_beside_the_map_or_else_the_pooled_layer() -> None:
    """Whichever the results have, the map first."""
    rows = {
        layer: [
            row(f"caltech101/bvlc-googlenet/{layer}", "none", 80),
            row(f"caltech101/bvlc-googlenet/{layer}", "bit-erasure", score, removed_bits=52),
        ]
        for layer, score in (("pooled", 40), ("inception5b", 60))
    }
    for have, expected in ((["pooled"], 50), (["pooled", "inception5b"], 75)):
        table = found(counterparts(results_table([one for layer in have for one in rows[layer]])))
        assert table[["published_model", "ours"]].to_numpy().tolist() == [["googlenet", expected]]


def test_bossanova_of_the_papers_images_stands_before_that_of_others() -> None:
    """The paper's settings are unknown, so that neither is its own; the share that is kept is compared."""
    found_of = {}
    for dataset, metric in (("caltech101", "mean-class-accuracy"), ("voc2007", "mAP")):
        features = {"metric": metric, "n_features": 24576}
        rows = [
            row(f"{dataset}/bossanova/pyramid", "none", 60, **features),
            row(f"{dataset}/bossanova/pyramid", "random-selection", 57, dimensions=1228, repeat=0, **features),
        ]
        found_of[dataset] = rows
        table = found(counterparts(results_table([one for rows in found_of.values() for one in rows])))
        assert table[["source", "dataset", "step", "scale"]].to_numpy().tolist() == [["figure-2", dataset, 1, "kept"]]
        assert table["ours"].tolist() == [95] and table["theirs"].tolist() == pytest.approx([87.54], abs=0.01)


def test_an_agreement_sums_counterparts_up() -> None:
    """The joined table has the columns that summary and order need."""
    table = found(counterparts(pd.concat([BITS, DEPTHS])))
    bits = table[table["source"] == "supplement-bits"]
    assert len(bits) == 100 and (sl.agreement_summary(bits)["points"] == 25).all()
    assert sl.curve_order(bits)[["curves", "places", "pairs"]].to_numpy().tolist() == [[4, 25, 150]]
    # The seven layers by depth: six have each reduction, all have each quantisation; three places each.
    multilayer = table[table["source"] == "supplement-multilayer"]
    assert multilayer.groupby("stress").size().to_dict() == {
        "pca": 18,
        "random-selection": 18,
        "uniform-per-dimension": 21,
        "uniform-shared": 21,
    }
    assert dict(zip(multilayer["published_layer"], multilayer["layer"], strict=True)) == LAYERS


def commands() -> list[str]:
    """Every command that a reader may be shown: of all curves, of the paper's own features, and on the pages."""
    lines = list(counterparts(results_table([]))["command"].unique())
    lines += list(coverage_page.own_features()["command"])
    lines += [
        command(features, [FIGURES[source]], name) for (source, features), names in STAND_INS.items() for name in names
    ]
    for page in ("bit-erasure", "layers", "coverage", "provenance"):
        cells = nbformat.read(ROOT / "notebooks" / f"{page}.ipynb", 4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        lines += re.findall(r"```bash\n(.*?)\n```", text, flags=re.S)
    return list(dict.fromkeys(line for text in lines for line in text.splitlines()))


def test_every_command_works_today() -> None:
    """It parses; its figures have these parameters; its networks and layers are known."""
    papermill = pytest.importorskip("papermill")
    from stresslib.datasets import DATASETS
    from stresslib.extraction import NETWORKS
    from stresslib.extraction.graph import split_layer

    known = figures(ROOT)
    seen = set()
    for line in commands():
        words = shlex.split(line, comments=True)
        if words[0] == "papermill":
            continue
        assert words[0] == "stresslib", line
        options = parse(words[1:])
        seen.add(words[1])
        if words[1] == "extract":
            assert options["images"] in DATASETS or options["images"].endswith(".csv"), line
            known_layers = LAYERS_OF_METHODS if is_method(options["model"]) else NETWORKS[options["model"]].layers
            assert all(split_layer(layer)[0] in known_layers for layer in options["layer"]), line
        if words[1] == "reproduce":
            assert options["profile"] in ("quick", "full", "paper")
            for name in options["figure"]:
                if name != "all":
                    parameters = papermill.inspect_notebook(str(ROOT / "notebooks" / known[name]["template"]))
                    assert {text.partition("=")[0] for text in options["parameters"]} <= set(parameters), line
    assert seen == {"import", "extract", "reproduce"}


def test_imported_vectors_carry_the_names_of_their_file(tmp_path: Path) -> None:
    """As the commands for the paper's own features say; a plain name is the data set's."""
    np.save(tmp_path / "X.npy", np.random.default_rng(0).random((8, 3)))
    (tmp_path / "labels.csv").write_text("labels\n" + "a\nb\n" * 4)
    for name, expected in (
        ("voc2007--vgg-m-128--relu7", "voc2007/vgg-m-128/relu7"),
        ("mine", "mine/own/own"),
    ):
        arguments = ["import", str(tmp_path / "X.npy"), str(tmp_path / "labels.csv"), "-o", str(tmp_path / name)]
        assert main([*arguments[:-1], f"{arguments[-1]}.safetensors"]) == 0
        assert sl.load_features(tmp_path / f"{name}.safetensors").name == expected


def test_rival_is_ones_own_curve_or_the_declared_one_or_vgg_m() -> None:
    def names(features: str) -> set[tuple[str, ...]]:
        return set(rival("supplement-bits", features)[FEATURES].itertuples(index=False, name=None))

    assert names("voc2007/vgg-m-128/relu7") == {("voc2007", "vgg-m-128", "relu7")}
    assert names("caltech101/bvlc-googlenet/pooled") == {("voc2007", "googlenet", "inception5b")}
    assert names(SCENES) == {("mit67", "vgg-m", "relu7")}
    assert names("mine/own/own") == {("voc2007", "vgg-m", "relu7")}


def test_the_grids_are_the_papers() -> None:
    table = published()
    bits = table[table["source"] == "supplement-bits"]
    assert list(bit_erasure_measure.BITS) == sorted(set(bits["removed_bits"]))
    multilayer = with_shares(table)[table["source"] == "supplement-multilayer"]
    assert set(multilayer["step"].dropna()) == set(range(1, 21)) and set(multilayer["values"].dropna()) == set(range(2, 31))
    profiles = {name: figures(ROOT)[name]["profiles"] for name in ("bit-erasure", "layers")}
    assert profiles["bit-erasure"]["full"]["bits"] == list(bit_erasure_measure.BITS)
    assert (profiles["layers"]["full"]["steps"], profiles["layers"]["full"]["values"]) == ([*range(1, 21)], [*range(2, 31)])
    for profile in profiles.values():
        for name, values in profile["quick"].items():
            if name in ("bits", "steps", "values"):
                assert set(values) <= set(profile["full"][name])


def test_bits_are_drawn_over_the_paper() -> None:
    figure = bit_erasure_page.plot(BITS)
    assert len(figure.axes) == 4
    for ax, features in zip(figure.axes, dict.fromkeys(BITS["dataset"] + "/" + BITS["model"]), strict=True):
        ours, theirs = (line for line in ax.lines if len(line.get_xdata()) == 25)
        assert theirs.get_markerfacecolor() == "white" and theirs.get_linewidth() < ours.get_linewidth()
        dataset, model = features.split("/")
        drawn = BITS[BITS["dataset"].eq(dataset) & BITS["model"].eq(model) & BITS["stress"].eq("bit-erasure")]
        full = BITS.loc[BITS["dataset"].eq(dataset) & BITS["model"].eq(model) & BITS["stress"].eq("none"), "score"].iloc[0]
        assert ours.get_ydata() == pytest.approx((100 * drawn["score"] / full).to_numpy())
    assert figure.axes[1].texts[0].get_text() == "paper: VGG-M\non MIT-67"


def test_words_about_bits_hold_the_tables_numbers() -> None:
    small = bit_erasure_page.table(BITS)
    assert small.loc["paper: VGG-M on MIT-67", "56 bits"] == 91.1
    assert f"{small.loc['digits · EffNet-Lite0', '56 bits']:.1f}%" in bit_erasure_page.alt_text(BITS)
    words = bit_erasure_page.verdicts(BITS)
    assert words.count("\n") == 4 and "pairs of panels, over 25 places" in words
    few = BITS[BITS["dataset"].eq("scenes15") & BITS["removed_bits"].isin([0, 10, pd.NA])]
    assert "With 10 bits erased" in bit_erasure_page.alt_text(few)
    assert "pairs" not in bit_erasure_page.verdicts(few)


@pytest.mark.parametrize(("page", "table"), [(bit_erasure_page, BITS), (layers_page, DEPTHS)])
def test_the_supplements_figures_fit_a_screen_and_their_text_a_phone(page: Any, table: pd.DataFrame) -> None:
    """As the paper's figures do; and each has its answer and its caption."""
    drawn = page.plot(table)
    width, height = drawn.get_size_inches() * 96
    assert width == 672 and height < 640
    drawn.draw_without_rendering()
    written = [text for text in drawn.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() for text in written) * 96 / 72 * 358 / width >= 7
    assert page.headline(table).startswith("**With ") and page.caption(table).endswith(".")


def test_layers_stand_beside_the_papers() -> None:
    """Left ours, right theirs, on one scale; a colour for each depth; pool5 under quantisation only."""
    figure = layers_page.plot(DEPTHS)
    assert len(figure.axes) == 8
    for place, (left, right) in enumerate(zip(figure.axes[::2], figure.axes[1::2], strict=True)):
        ours, theirs = ([line for line in ax.lines if not line.get_label().startswith("_")] for ax in (left, right))
        assert [line.get_label() for line in ours] == list(LAYERS.values())
        assert [line.get_label() for line in theirs] == list(LAYERS)
        assert [len(line.get_ydata()) > 0 for line in theirs] == [place > 1, *[True] * 6]
        assert left.get_ylim() == right.get_ylim()
        assert [line.get_color().tolist() for line in ours] == [line.get_color().tolist() for line in theirs]


def test_words_about_layers_hold_the_tables_numbers() -> None:
    small = layers_page.table(DEPTHS)
    assert small.loc[("paper", "relu7"), "full score"] == pytest.approx(77.0)
    assert np.isnan(small.loc[("paper", "pool5"), "full score"])
    assert small.loc[("paper", "relu7")].tolist() == [4096, 77.0, 95.2, 99.1, 96.8, 100.1]
    assert small.loc[("ours", "pooled"), "full score"] == 85
    text = layers_page.alt_text(DEPTHS)
    assert f"{small['Q-1, 4 values'].min():.1f}% (pool5)" in text
    words = layers_page.verdicts(DEPTHS)
    assert words.count("\n") == 3 and "pairs of layers, over 3 places" in words
    assert "pairs" not in layers_page.verdicts(DEPTHS[DEPTHS["layer"] == "pooled"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder of results: the committed figures 2 and 4, and drawn ones for the supplement."""
    path = tmp_path / "results"
    path.mkdir()
    for name in ("figure-2", "figure-4"):
        shutil.copy(ROOT / "results" / f"{name}.csv", path)
    sl.write_results(BITS, path / "bit-erasure.csv")
    sl.write_results(DEPTHS, path / "layers.csv")
    return path


@pytest.mark.parametrize(
    ("name", "change", "source"),
    [
        ("figure-2", {"stress": "random-selection", "dimensions": 128, "repeat": 3}, "figure-2"),
        ("figure-4", {"stress": "uniform-shared", "values": 8}, "figure-4"),
        ("bit-erasure", {"stress": "bit-erasure", "removed_bits": 52}, "supplement-bits"),
        ("layers", {"layer": "pooled", "stress": "pca", "dimensions": 64}, "supplement-multilayer"),
    ],
)
def test_one_number_changed_in_a_table_changes_page_and_figure(
    folder: Path, name: str, change: dict[str, Any], source: str
) -> None:
    """Nothing on the page comes from anywhere else."""
    before = coverage_page.join(folder)
    table = sl.read_results(folder / f"{name}.csv")
    first = "caltech101" if name in ("bit-erasure", "layers") else "voc2007-val"  # these two are small tables
    wanted = table["dataset"].eq(first) & table["model"].eq("efficientnet-lite0")
    for column, value in change.items():
        wanted &= table[column].eq(value)
    one = table.index[wanted & table["metric"].eq(table.loc[wanted, "metric"].iloc[0])][0]
    table.loc[one, "score"] -= 30
    sl.write_results(table, folder / f"{name}.csv")
    after = coverage_page.join(folder)
    changed = after.index[after["ours"].ne(before["ours"]) & after["ours"].notna()]
    assert set(after.loc[changed, "source"]) == {source} and len(changed) >= 1
    assert coverage_page.alt_text(before) != coverage_page.alt_text(after)
    for ours, figure in ((before["ours"], coverage_page.plot(before)), (after["ours"], coverage_page.plot(after))):
        drawn = np.concatenate([line.get_ydata() for line in figure.axes[1].lines])
        assert sorted(drawn) == pytest.approx(sorted(ours.dropna()))


def test_coverage_counts_and_lists(folder: Path) -> None:
    joined = coverage_page.join(folder)
    small = coverage_page.table(joined)
    assert small["numbers"].tolist() == [80, 40, 58, 261, 125, 646, 1210]
    beside = small[["same", "stand_in", "none"]]
    assert (beside.sum(axis=1) == small["numbers"]).all()
    assert beside.loc["supplement-bits"].tolist() == [0, 100, 25] and beside.loc["figure-3", "none"] == 40
    said = [int(count.replace(",", "")) for count in re.findall(r"[\d,]+\d|\d", coverage_page.headline(joined))]
    assert said[:4] == [1210, *beside.loc["all"]]
    listed = coverage_page.missing(joined)
    numbers = [int(count) for count in re.findall(r"\*\*, (\d+) numbers", listed)]
    assert sum(numbers) == small.loc["all", "none"]
    assert "**figure-5, FC of voc2007, vgg-m, relu7**, 261 numbers" in listed
    assert "stresslib reproduce bit-erasure --profile full -p dataset=voc2007/vgg-m-128/relu7" in listed


def test_the_papers_data_set_is_told_from_a_stand_in(folder: Path, tmp_path: Path) -> None:
    """The same share by hand: beside VOC 2007 itself, beside another data set, and beside nothing."""
    voc = curve(["none", "Q1:2"], CALTECH.replace("caltech101", "voc2007-val"), full=50)
    sl.write_results(voc, tmp_path / "mine.csv")
    joined = coverage_page.join(folder, [str(tmp_path / "mine.csv")])
    kinds = coverage_page.beside(joined[joined["source"].eq("figure-4") & joined["stress"].eq("uniform-shared")])
    assert kinds.value_counts().to_dict() == {"none": 28, "same": 1}
    assert "| `voc2007/vgg-m/relu7` | `voc2007-val/efficientnet-lite0/pooled` | on the same data set | 1 |" in (
        coverage_page.stand_ins(joined)
    )


def test_own_tables_go_before_those_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """As a user joins what the commands of the page made; what is not in the folder is found, too."""
    sl.write_results(curve(["none", "DR1:128"], SCENES, full=50), tmp_path / "mine.csv")
    joined = coverage_page.join(folder, [str(tmp_path / "mine.csv")])
    mine = found(joined[joined["source"] == "figure-3"])
    assert mine["ours"].tolist() == pytest.approx([100 * 49.9 / 50])
    empty = coverage_page.join(tmp_path / "nothing")
    assert len(found(empty)) == 0 and "1,210 beside nothing" in coverage_page.headline(empty)
    assert coverage_page.missing(empty).count("- **") == 40
    assert len(coverage_page.plot(empty).axes) == 3


def test_provenance_says_what_was_edited(folder: Path) -> None:
    for name in ("figure-2", "figure-4"):
        shutil.copy(ROOT / "results" / f"{name}.json", folder)
    manifest = json.loads((ROOT / "results" / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({name: manifest[name] for name in ("figure-2", "figure-4")}))
    table = provenance_page.runs(folder)
    assert table["table"].tolist() == ["as made", "as made"]
    committed = sl.read_results(folder / "figure-4.csv").drop(columns=["repeat", "metric", "score", "objective_gap"])
    assert table.loc["figure-4", "settings"] == len(committed.drop_duplicates())
    recorded = json.loads((folder / "figure-4.json").read_text())
    assert table.loc["figure-4", "minutes"] == round(recorded["seconds"] / 60, 1)
    (folder / "figure-2.csv").write_text((folder / "figure-2.csv").read_text() + "\n")
    assert provenance_page.runs(folder)["table"].to_dict() == {"figure-2": "edited", "figure-4": "as made"}
    assert "Edited since their run: figure-2." in provenance_page.headline(folder)
    assert set(recorded["features"]) <= set(provenance_page.features(folder).index)
    assert (
        provenance_page.versions(folder).loc["python", ", ".join(provenance_page.records(folder))]
        == recorded["versions"]["python"]
    )
    code = result_digest(template_of("figure-4"), folder / "figure-4.csv")
    entries = {"figure-2": manifest["figure-2"] | {"code": "0" * 64}, "figure-4": manifest["figure-4"] | {"code": code}}
    (folder / "manifest.json").write_text(json.dumps(entries))
    assert provenance_page.runs(folder)["code"].to_dict() == {"figure-2": "other", "figure-4": "this"}
    assert "Measured by code that has changed since: figure-2." in provenance_page.headline(folder)
    recorded["versions"]["numpy"] = "0"
    (folder / "figure-4.json").write_text(json.dumps(recorded))
    assert provenance_page.versions(folder).loc["numpy", "figure-4"] == "0"


@pytest.fixture
def own(tmp_path: Path, small: sl.FeatureSet) -> str:
    return str(small.save(tmp_path / "own.safetensors"))


@pytest.mark.parametrize(
    ("name", "parameters", "specs"),
    [
        ("bit-erasure", {"bits": [50, 56]}, ["none", "QB:50", "QB:56"]),
        (
            "layers",
            {"steps": [2, 10], "values": [2], "repeats": 1},
            ["none", "DR1:4", "DR1:19", "DR2:4", "DR2:19", "Q1:2", "Q2:2"],
        ),
    ],
)
def test_templates_have_the_numbers_of_a_sweep(
    tmp_path: Path, own: str, name: str, parameters: dict[str, Any], specs: list[str]
) -> None:
    executed = reproduce(name, parameters={"dataset": own, **parameters}, output=tmp_path / "out")
    table = sl.read_results(tmp_path / "out" / f"{name}.csv")
    expected = sl.sweep(sl.load_features(own), specs, progress=False)
    pd.testing.assert_frame_equal(table[SETTING], expected[SETTING])
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)
    for ending in ("svg", "png"):
        assert (tmp_path / "out" / f"{name}.{ending}").stat().st_size > 5_000
    assert "ine plots of the share" in json.dumps(nbformat.read(executed, 4).cells)


def test_pages_about_results_read_that_folder_and_keep_nothing_there(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full run commits nothing, a check passes them by, and what they show is in the folder beside the template."""
    for name in ("figure-2", "figure-4"):
        shutil.copy(ROOT / "results" / f"{name}.json", folder)
    manifest = json.loads((ROOT / "results" / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({name: manifest[name] for name in ("figure-2", "figure-4")}))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    pages = {name: figures(ROOT)[name] for name in ("coverage", "provenance")}
    (tmp_path / "notebooks" / "figures.yml").write_text(json.dumps(pages))
    monkeypatch.setattr(run, "project_root", lambda: tmp_path)
    monkeypatch.setattr("stressbook.reproduce.check.project_root", lambda: tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shown = "".join(json.dumps(nbformat.read(reproduce(name, profile="full"), 4).cells) for name in pages)
    joined = coverage_page.join(folder)
    assert coverage_page.headline(joined) in shown and "Every objective is within" in shown
    written = pd.read_csv(tmp_path / "build" / "full" / "coverage.csv")
    assert written["ours"].to_numpy() == pytest.approx(joined["ours"].to_numpy(), abs=1e-6, nan_ok=True)
    assert len(pd.read_csv(tmp_path / "build" / "full" / "provenance.csv")) == 2
    assert check(["all"]) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
