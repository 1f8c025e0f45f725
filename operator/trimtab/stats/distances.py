"""How far two sets of counts in the same bins are apart: one number between 0 and 1, and one that people know from banks.

Both look at shares, so that windows of any size compare. Neither says whether a distance is more than chance would bring;
that is for a null to say (`blocked.py`, `independent.py`): a fixed cut-off alarms on every small window.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]

SMOOTHING = 0.5
"""Counts added to every bin for the PSI, which is infinite where one side of a bin is empty."""


def jensen_shannon(window: Numbers, reference: Numbers) -> Floats:
    """Jensen-Shannon distance (base 2) along the last axis: the root of the divergence, a metric.

    Parameters
    ----------
    window, reference : arrays of shape (..., bins) that broadcast; counts, not negative

    Returns
    -------
    array of shape (...); 0 where the shares agree, 1 where no bin is shared, NaN where either side has no rows

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991).

    Examples
    --------
    >>> jensen_shannon(np.array([10, 0]), np.array([0, 3])).item()
    1.0
    >>> jensen_shannon(np.array([[5, 5], [10, 0]]), np.array([50, 50])).round(3).tolist()
    [0.0, 0.558]
    """
    p, q = _shares(window), _shares(reference)
    middle = (p + q) / 2
    divergence = (_information(p, middle) + _information(q, middle)) / 2
    return np.asarray(np.sqrt(np.clip(divergence, 0, 1)), dtype=np.float64)


def psi(window: Numbers, reference: Numbers) -> Floats:
    """Population stability index (natural logarithm) along the last axis, half a count added to every bin.

    Parameters
    ----------
    window, reference : arrays of shape (..., bins) that broadcast; counts, not negative

    Returns
    -------
    array of shape (...); 0 where the shares agree. It has no upper end and grows as windows get smaller: it is
    reported, never decided upon.

    Examples
    --------
    >>> psi(np.array([20, 80]), np.array([500, 500])).round(2).item()
    0.41
    """
    p, q = _shares(window + SMOOTHING), _shares(reference + SMOOTHING)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1), dtype=np.float64)


def _shares(counts: Numbers) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=-1, keepdims=True), dtype=np.float64)


def _information(p: Floats, q: Floats) -> Floats:
    """Kullback-Leibler divergence in bits; an empty bin of p adds nothing."""
    ratio = np.divide(p, q, out=np.ones(np.broadcast_shapes(p.shape, q.shape)), where=p > 0)
    return np.asarray((p * np.log2(ratio)).sum(axis=-1), dtype=np.float64)
