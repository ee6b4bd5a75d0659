"""Tables: the one reader of the CSV files that users write, lists of images and of labels; strict, and by line numbers.

Below the image sets. What is nearly right is taken only where it cannot mean anything else; the rest is refused.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = ",;\t"
"""What may stand between cells: the first of these that the header has."""


@dataclass(frozen=True)
class Table:
    """The lines of a CSV file.

    Attributes
    ----------
    path : pathlib.Path
    header : tuple of str
        Names of the columns as they are written, without blanks around them.
    lines : list of (int, tuple of str)
        Number and cells of each line after the header that is not blank.
    """

    path: Path
    header: tuple[str, ...]
    lines: list[tuple[int, tuple[str, ...]]]

    def find(self, *names: str) -> str | None:
        """Return the column of one of these names, or of one that differs in upper and lower case only; None without one.

        Raises
        ------
        ValueError
            When there are several.
        """
        exact = [column for column in self.header if column == names[0]]
        alike = exact or [column for column in self.header if column.casefold() in {name.casefold() for name in names}]
        if len(alike) > 1:
            raise ValueError(f"{self.path} has several columns {' and '.join(map(repr, alike))}; leave one of them")
        return alike[0] if alike else None

    def column(self, *names: str) -> list[tuple[int, str]]:
        """Return line numbers and cells of a column, found as by :meth:`find`.

        Raises
        ------
        ValueError
            When there is none, or several; or when a cell has a line break in it.
        """
        found = self.find(*names)
        if found is None:
            near = difflib.get_close_matches(names[0].casefold(), self.header, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; give the right one that name"
            raise ValueError(f"{self.path} has no column {names[0]!r}; it has {', '.join(self.header)}{hint}")
        place = self.header.index(found)
        for number, cells in self.lines:
            if len(cells[place].splitlines()) > 1:
                raise ValueError(f"{self.path}, line {number}: {found} goes over several lines; is a quote left open?")
        return [(number, cells[place]) for number, cells in self.lines]


def read_table(path: Path) -> Table:
    """Read a CSV file: UTF-8, cells separated by commas, semicolons or tabs, a header with the names of the columns.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not UTF-8 text, is empty, leaves a quote open, or a line has not one cell for each column; the message
        has the number of the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such CSV")
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((one for one in SEPARATORS if one in first), ",")
    rows = _rows(path, text, separator)
    header = tuple(next(rows, (0, ()))[1])
    if "".join(header).casefold() == "sep=" and separator in first:  # Excel writes its separator into a line of its own
        header = tuple(next(rows, (0, ()))[1])
    if not header:
        raise ValueError(f"{path} is empty; a header and a line for each row are needed")
    lines = []
    for number, cells in rows:
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise ValueError(
                f"{path}, line {number}: {len(header)} columns are needed ({', '.join(header)}), and it has {len(cells)}"
            )
        if cells == header:
            raise ValueError(
                f"{path}, line {number} is the header once more; take it out, or, where the first is not a header, write "
                "one with the names of the columns"
            )
        if _swallows_lines(cells, len(header), separator):
            raise ValueError(f"{path}, line {number}: a cell has whole lines in it; a quote is left open")
        lines.append((number, cells[: len(header)]))
    if not lines:
        raise ValueError(f"{path} has a header, but no lines")
    return Table(path, header, lines)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise ValueError(f"{path} is not UTF-8 text: it has bytes of value 0, or is UTF-16; save it as CSV in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path} is not UTF-8 text: line {line}, {error.reason}; save it as CSV in UTF-8") from error


def _rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    # Strict, since the lenient mode joins the lines behind an open quote without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = tuple(_plain(cell) for cell in next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"{path}, line {number}: {error}; is a quote left open, or one too many?") from error
        if cells not in ((), ("",)):
            yield number, cells


def _plain(cell: str) -> str:
    # Marks of no width come with files that were joined, and with text from web pages: nobody sees them.
    return cell.strip().strip("\ufeff\u200b").strip()


def _swallows_lines(cells: Collection[str], columns: int, separator: str) -> bool:
    """Return whether a cell has lines in it that look like lines of the table; a remark may be of several lines."""
    return any(line.count(separator) >= columns - 1 for cell in cells for line in cell.splitlines()[1:])
