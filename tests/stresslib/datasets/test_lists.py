"""Lists and labels in CSV files: what is nearly right is taken rightly or refused with its line, never read as a default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stresslib.datasets import from_csv, read_labels

ROWS = [("cat", "train"), ("dog", "train"), ("cat", "test"), ("dog", "test")]


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(header: str, *, separator: str = ",", words: dict[str, str] | None = None) -> str:
    lines = [f"{label}{separator}{(words or {}).get(part, part)}" for label, part in ROWS]
    return "\n".join([header, *lines]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        table("labels,split"),
        table("Labels,Split"),
        table(" labels, split "),
        table("LABEL,SPLIT"),
        table("labels;split", separator=";"),
        table("labels\tsplit", separator="\t"),
        *(table(f"labels,{name}") for name in ("subset", "set", "Fold", "partition")),
        table("labels,split", words={"train": "Training", "test": "VALID"}),
        table("labels,split", words={"train": " train", "test": "validation"}),
        "\ufeff" + table("labels,split"),
        table("labels,split").replace("\n", "\r\n"),
        table("labels,split").replace("\n", "\r"),
        table("labels,split").replace("\n", "\n\n"),
        table('"labels", "split"').replace("cat", ' "cat"'),
        "sep=;\n" + table("labels;split", separator=";"),
        table("labels,split").replace("cat", "cat\u200b", 1).replace("\ncat,test", "\n\ufeffcat\u00a0,test"),
        table("labels,split,note").replace("in\n", 'in,"two\nlines"\n').replace("st\n", "st,\n"),
    ],
)
def test_a_split_is_taken_however_it_is_spelt(tmp_path: Path, text: str) -> None:
    y, train, classes, metric, provenance = read_labels(write(tmp_path, text))
    assert (y.tolist(), classes, metric) == ([0, 1, 0, 1], ("cat", "dog"), "accuracy")
    assert train.tolist() == [True, True, False, False]
    assert provenance["split"].startswith("column ")


def test_a_drawn_split_is_said(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "labels\na\nb\na\nb\n"))[4]["split"] == "half of the rows train, drawn with seed 0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels,split\ncat,train\n,test\ndog,test\n", r"labels\.csv, line 3 has no label"),
        ("labels,split\ncat,train\n | ,test\ndog,test\n", "line 3 has no label"),
        ("labels,split\ncat,train\nnan,test\ndog,test\n", "line 3: label 'nan' stands for a missing one"),
        ("labels,split\ncat|NaN,train\ncat,test\n", "line 2: label 'cat|NaN' stands for a missing one"),
        ('labels,split\ncat,train\n"dog,test\ncat,test\n', "line 3.*quote"),
        ('labels,split\ncat,train\n"dog,test\ncat",test\n', "line 3.*quote left open"),
        ('labels\ncat\n"dog\ncat"\n', "line 3.*quote"),
        ('labels,split\n"cat"s,train\n', "line 2.*quote"),
        (f'labels,split\ncat,train\n"dog,{"x" * 140_000}\n', "line 3.*field larger than field limit"),
        ("labels,split,labels\ncat,train,0\n", "several columns 'labels' and 'labels'"),
        ("labels,Split,SPLIT\ncat,train,test\n", "several columns 'Split' and 'SPLIT'"),
        ("labels,split\ncat,train,dog,test\n", "line 2: 2 columns are needed .* it has 4"),
        ("labels,split,difficult\ncat,train\n", "line 2: 3 columns are needed .* it has 2"),
        ("labels,split\ncat,train\nlabels,split\ndog,test\n", "line 3 is the header once more"),
        ("labels,split\ncat,train\ndog,holdout\n", "line 3: split 'holdout' is unknown"),
        ("labels,split\ncat,train\ndog,\n", "line 3: split '' is unknown"),
        ("labels,fold\ncat,1\ndog,2\n", "line 2: split '1' is unknown.*'fold'"),
        ("lables,split\ncat,train\n", "no column 'labels'; it has lables, split; did you mean 'lables'"),
        ("labels,split,difficult\ncat|dog,train,0\ndog,test,1\n", "line 2: difficult '0' is not the label of any row"),
        ("labels,split,difficult\n0,train,0\n1,test,1\n", "difficult is 0 or 1 in every line; it lists the labels"),
        ("labels,split,difficult\ncat|dog,train,\ndog,test,cta\n", "line 3: difficult 'cta' .* did you mean 'cat'"),
        *(
            (f"labels,{name}\ncat,1\ndog,0\n", f"{name}' of 0 and 1; did you mean split")
            for name in ("train", "is_test", "Valid")
        ),
        ("labels,split\ncat,train\ndog,train\n", "column split says train in every line"),
        ("labels,split\ncat,val\ndog,val\n", "column split says val in every line"),
        ("labels,split\ncat,train\n#N/A,test\ndog,test\n", "line 3: label '#N/A' stands for a missing one"),
        ('labels,split\ncat,train\ndog,test\n"cat, dog",test\n', "line 4: 'cat, dog' means several labels; join them by |"),
        ("labels,split\n['cat'],train\n['dog'],test\n", "means several labels"),
        ("cat\ndog\ncat\n", "line 3 is the header once more; .* write one"),
        ("class,split\ncat,train\n", "no column 'labels'; it has class, split; give the right one that name"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        (b"labels,split\ncat,train\n\xe9,test\n", "is not UTF-8 text: line 3"),
        (table("labels,split").encode("utf-16"), "is UTF-16; save it as CSV in UTF-8"),
        (b"labels,split\ncat\0,train\n", "bytes of value 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_labels(write(tmp_path, text))
    assert "labels.csv" in str(caught.value)


def test_letters_written_in_two_ways_are_one_label(tmp_path: Path) -> None:
    text = "labels,split\ncaf\u00e9,train\ndog,train\ncafe\u0301,test\ndog,test\n"
    assert read_labels(write(tmp_path, text))[2] == ("caf\u00e9", "dog")


def test_a_split_is_drawn_with_seeds_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed -1: seeds are from 0 to 4294967295"):
        read_labels(write(tmp_path, "labels\na\nb\na\nb\n"), seed=-1)


def test_a_column_of_flags_may_have_any_other_name(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "labels,indoors,test\na,1,7\nb,0,8\na,1,9\nb,0,9\n"))[2] == ("a", "b")


@pytest.mark.parametrize("again", ["./cat/1.png", "../{folder}/cat/1.png", "{absolute}/cat/1.png", "cat\\1.png"])
def test_one_image_is_listed_once_however_it_is_written(tmp_path: Path, again: str) -> None:
    again = again.format(folder=tmp_path.name, absolute=tmp_path)
    with pytest.raises(ValueError, match="more than once, in lines 2 and 4"):
        from_csv(write(tmp_path, f"file,labels\ncat/1.png,cat\ndog/1.png,dog\n{again},cat\n"))


def test_names_of_windows_are_read_everywhere(tmp_path: Path) -> None:
    images = from_csv(write(tmp_path, "file,labels\ncat\\1.png,cat\ncat\\2.png,cat\ndog\\1.png,dog\ndog\\2.png,dog\n"))
    assert images.files == ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")


def test_rows_without_a_label_are_negative_where_others_have_several_or_map_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "labels,split\na,train\n,train\na,test\n,test\n")
    y, _, classes, metric, _ = read_labels(path, metric="mAP")
    assert (metric, classes, y[:, 0].tolist()) == ("mAP", ("a",), [1, -1, 1, -1])
    path = write(tmp_path, "labels,split\na|b,train\n,train\na||b|,test\n,test\n")
    y, _, classes, metric, _ = read_labels(path)
    assert (metric, classes, y.tolist()) == ("mAP", ("a", "b"), [[1, 1], [-1, -1]] * 2)


def test_a_class_that_is_left_out_is_named_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path, "labels,split\na|b,train\na,train\nb,train\nrare,train\na,test\nb,test\n")
    provenance = read_labels(path)[4]
    assert provenance["classes_left_out"] == ["rare"] and provenance["why_left_out"] == {"rare": "no test positive"}


def test_an_exact_name_is_preferred_to_a_near_one(tmp_path: Path) -> None:
    path = write(tmp_path, "labels,Labels,split,Split,set\n" + "".join(f"{a},x,{b},y,z\n" for a, b in ROWS))
    _, train, classes, _, _ = read_labels(path)
    assert classes == ("cat", "dog") and np.flatnonzero(train).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.jpg,cat", "b.jpg,dog", "./a.jpg,cat"], r"lists '\./a\.jpg' more than once, in lines 2 and 4"),
        (["a.jpg,cat", ",dog"], "line 3 names no file"),
    ],
)
def test_files_are_named_once(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_csv(write(tmp_path, "\n".join(["file,labels", *lines])))
