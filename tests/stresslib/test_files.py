"""Files: an output that cannot be written is refused before the work."""

from pathlib import Path

import pytest

from stresslib.files import cache_dir, check_output


def test_check_output_takes_new_files_old_files_and_folders_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("before")
    for name in ("new.csv", "old.csv", "to/be/made.csv"):
        check_output(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "before"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder; give a file, such as .*/mine.safetensors"),
        ("missing/", "is a folder; give a file, such as .*/missing/mine.safetensors"),
        ("file/below", "cannot write .*/file/below: Not a directory"),
        ("x" * 250, "cannot write .*xxx: File name too long"),
    ],
)
def test_check_output_refuses_what_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=message):
        check_output(f"{tmp_path}/{name}", "mine.safetensors")


def test_check_output_refuses_a_device() -> None:
    with pytest.raises(OSError, match="/dev/null is not a plain file"):
        check_output("/dev/null")


def test_the_cache_may_be_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell replaces no ~ inside of quotes, nor does a file of variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STRESSLIB_CACHE", "~/vectors")
    assert cache_dir() == tmp_path / "vectors"
