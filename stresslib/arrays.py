"""Arrays: the one door through which arrays of every kind come in, and leave as plain NumPy arrays.

Below everything that takes vectors, labels or masks. What cannot be taken rightly is refused here, by its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def plain_array(values: Any, name: str) -> Array:
    """Return values as a NumPy array that is of no subclass, without a copy where none is needed.

    Parameters
    ----------
    values : array-like
        Also a pandas DataFrame, Series or Categorical, a matrix of NumPy, and a tensor of torch on any device; numbers of
        the latter that NumPy does not have, as bfloat16, become float32.
    name : str
        What the caller calls them, for the message.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        On masked values, on a sparse matrix, on records, and on rows of different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.arrays import plain_array
    >>> plain_array(np.ma.masked_invalid([1.0, np.nan]), "X")
    Traceback (most recent call last):
        ...
    ValueError: X has 1 masked value(s), of which nothing is known; leave these rows out, or fill them
    """
    values = unwrapped(values, name)
    if type(values).__module__.startswith("scipy.sparse"):
        raise ValueError(f"{name} is a sparse {type(values).__name__}; give {name}.toarray()")
    dtypes = getattr(values, "dtypes", None)
    if dtypes is not None and getattr(values, "ndim", 0) == 2 and all(_is_nullable_number(one) for one in dtypes):
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)  # otherwise a matrix of objects
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as an array: {str(error).splitlines()[0]}") from error
    if array.dtype.names is not None:
        raise ValueError(f"{name} has records with the fields {', '.join(array.dtype.names)}; give a plain array")
    return array


def unwrapped(values: Any, name: str) -> Any:
    """Return what a masked array, a matrix of NumPy or a tensor of torch holds; everything else as it is.

    For estimators, which pass it on to scikit-learn: that looks under masks, and reads the names of a DataFrame's columns.

    Parameters
    ----------
    values : array-like
    name : str
        What the caller calls them, for the message.

    Raises
    ------
    ValueError
        On masked values.
    """
    if np.ma.isMaskedArray(values):
        hidden = int(np.ma.count_masked(values))
        if hidden:
            raise ValueError(
                f"{name} has {hidden} masked value(s), of which nothing is known; leave these rows out, or fill them"
            )
        return np.ma.getdata(values)
    if isinstance(values, np.matrix):
        return np.asarray(values)
    if type(values).__module__.split(".")[0] == "torch" and hasattr(values, "detach"):
        values = values.detach().cpu()
        is_foreign = any(kind in str(values.dtype) for kind in ("bfloat16", "float8"))  # NumPy has no such numbers
        return (values.float() if is_foreign else values).numpy()
    return values


def _is_nullable_number(dtype: Any) -> bool:
    """Whether a type of pandas has numbers and pd.NA among them."""
    return hasattr(dtype, "na_value") and getattr(dtype, "kind", "O") in "iufb" and not isinstance(dtype, np.dtype)


def frozen(array: Array) -> Array:
    """Return an array that nobody changes: read-only, and a copy where its memory can still be written to.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    ndarray
        The memory of `array` itself where that is read-only all through, as of a file that is mapped for reading.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.arrays import frozen
    >>> mine = np.zeros(2)
    >>> kept = frozen(mine)
    >>> mine[0] = 5
    >>> kept, frozen(kept) is kept
    (array([0., 0.]), True)
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            array = array.copy(order="K")
            array.flags.writeable = False
            return array
        owner = owner.base
    return array


def plain_labels(y: Any, name: str, *, column_is_labels: bool = True) -> Array:
    """Return labels as a NumPy array, each of them known: a vector, or a matrix of one column a class.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, classes)
    name : str
        What the caller calls them, for the message.
    column_is_labels : bool, default=True
        Whether a matrix of one column that has no -1 is taken as labels: a column of a DataFrame is one.

    Returns
    -------
    ndarray of shape (n,) or (n, classes)
        Bytes are read as UTF-8.

    Raises
    ------
    ValueError
        As for :func:`plain_array`, on a label that is missing (None, NaN, NaT or pd.NA), and on labels that have no order
        because they are of several types.

    Warns
    -----
    sklearn.exceptions.DataConversionWarning
        On a matrix of one column that is taken as labels.

    Examples
    --------
    >>> from stresslib.arrays import plain_labels
    >>> plain_labels(["cat", None], "y")
    Traceback (most recent call last):
        ...
    ValueError: y has no label in row 1; give it one, or leave the row out
    """
    labels = plain_array(y, name)
    if labels.dtype.kind not in "biu":
        from pandas import isna  # only now: it takes half a second to load, and numbers of a class are never missing

        missing = np.argwhere(isna(np.atleast_1d(labels)))
        if len(missing):
            raise ValueError(f"{name} has no label in row {missing[0][0]}; give it one, or leave the row out")
        if labels.dtype.kind == "S":
            labels = np.char.decode(labels, "utf-8")
        kinds = {type(label).__name__ for label in labels.flat} if labels.dtype.kind == "O" else set()
        if len(kinds) > 1 and not kinds <= {"int", "float", "bool"}:
            raise ValueError(f"{name} has labels of several types, {', '.join(sorted(kinds))}; give them one")
    if column_is_labels and labels.ndim == 2 and labels.shape[1] == 1 and -1 not in labels:
        from sklearn.utils import column_or_1d  # takes a second to load

        return np.asarray(column_or_1d(labels, warn=True))
    return labels
