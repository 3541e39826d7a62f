"""Principal components of an exact integer Gram matrix: a transformer that forgets."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.linalg
from sklearn.utils.validation import check_array, check_is_fitted

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import ONE, Encoding, Scaled
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.gram import one_thread
from expunge.learners.exact.table import TableLearner, TableState
from expunge.learners.exact.transformer import Transformer
from expunge.learners.served.turns import Project, Turn

Floats = npt.NDArray[np.float64]

NONE = 1e-12
"""A direction with a smaller share of the largest variance has none."""
TIED = 1e-6
"""Entries of a component are as large as the largest where they are so near to it, as a share."""


class Found(NamedTuple):
    """What is derived from the integers: components (n_components, width), their variances, their sum, the mean."""

    components: Floats
    variances: Floats
    total: float
    mean: Floats


class PCA(Transformer, TableLearner):
    """Principal components of a table: the directions in which its rows differ most, first the largest.

    Columns are scaled to [-1, 1] by their range and rounded to steps of 2**-15; a word has a place of its own, 0 or 1,
    and so has that a cell is missing. A component's sign is such that the first of its largest entries is above 0.

    Parameters
    ----------
    n_components : int, float or None
        How many: at most so many; the fewest that have more than this share of the variance, for a float between 0 and
        1; all that have variance, for None.
    whiten : bool
        Whether components are scaled to variance 1.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    components_ : ndarray (n_components_, n_places)
        Over the places of `TableEncoder`, in units of 1.
    explained_variance_ : ndarray (n_components_,)
    explained_variance_ratio_ : ndarray (n_components_,)
    mean_ : ndarray (n_places,)
    n_components_ : int
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 9)
    >>> pca = PCA().fit(np.column_stack([x, -x]), subjects=np.arange(9) + 1000)
    >>> pca.components_.round(3).tolist(), pca.explained_variance_ratio_.round(3).tolist()
    ([[0.707, 0.0, -0.707, 0.0]], [1.0])
    >>> pca.forget([1000]).records
    1
    """

    portable: ClassVar[bool] = False  # an eigenvector's last bits are the machine's

    def __init__(
        self,
        n_components: float | None = None,
        whiten: bool = False,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.schema = schema
        self.key = key

    def inverse_transform(self, X: Any) -> Floats:
        """Return the places, in units of 1, that have these components: ndarray of float64 (n_rows, n_places)."""
        check_is_fitted(self)
        return np.asarray(check_array(X) * self._scales @ self._found.components + self._found.mean)

    def _outputs(self, state: TableState) -> tuple[Feature, ...]:
        del state  # components are cached in it, where `_found` finds them
        return tuple(Feature(f"pca{number}", Kind.NUMERIC) for number in range(len(self._found.components)))

    def _turn(self, state: TableState) -> Turn:
        found = self._found
        return Project(state.encoding, found.components, found.mean, self._scales * np.ones(len(found.components)))

    @property
    def components_(self) -> Floats:
        """Directions of largest variance."""
        return self._found.components

    @property
    def explained_variance_(self) -> Floats:
        """Variance of each component."""
        return self._found.variances

    @property
    def explained_variance_ratio_(self) -> Floats:
        """Share of the whole variance that each component has."""
        return self._found.variances / (self._found.total or 1.0)

    @property
    def mean_(self) -> Floats:
        """Mean of the rows."""
        return self._found.mean

    @property
    def n_components_(self) -> int:
        """How many components there are."""
        return len(self._found.components)

    @property
    def _scales(self) -> Floats | float:
        return np.sqrt(np.where(self._found.variances > 0, self._found.variances, 1.0)) if self.whiten else 1.0

    @property
    def _found(self) -> Found:
        state = self._fitted()
        found: Found | None = state.__dict__.get("found")
        if found is None:
            learned: Any = state.moments
            found = components(learned.rows, learned.sums / ONE, learned.products / ONE**2, self.n_components)
            state.__dict__["found"] = found  # as cached_property does
        return found

    def _coding(self) -> tuple[type[Encoding], int]:
        wanted = self.n_components
        whole = isinstance(wanted, Integral) and not isinstance(wanted, bool) and wanted >= 1
        share = isinstance(wanted, Real) and not isinstance(wanted, Integral) and 0 < wanted < 1
        if not (wanted is None or whole or share):
            raise InputError(
                f"n_components={wanted!r} is neither a number of components nor a share.",
                mend="Give an int of at least 1, a float between 0 and 1, or None.",
            )
        if not isinstance(self.whiten, bool):
            raise InputError(f"whiten={self.whiten!r} is not a bool.", mend="Give True or False.")
        return Scaled, 2


@one_thread
def components(rows: int, sums: Floats, products: Floats, wanted: float | None) -> Found:
    """Return the eigenvectors of the covariance, by one fixed formula, of largest values first; one at the least."""
    mean = sums / rows
    covariance = (products - np.outer(mean, sums)) / max(rows - 1, 1)
    values, vectors = scipy.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
    kept = max(int(np.count_nonzero(values > NONE * values[0])), 1)
    if isinstance(wanted, Integral):
        kept = min(kept, int(wanted))
    elif wanted is not None:
        kept = min(kept, 1 + int(np.searchsorted(np.cumsum(values) / (values.sum() or 1.0), wanted, side="right")))
    found = vectors[:kept]
    sizes = np.abs(found)
    first = (sizes >= (1 - TIED) * sizes.max(axis=1, keepdims=True)).argmax(axis=1)
    signs = np.where(found[np.arange(kept), first] < 0, -1.0, 1.0)
    return Found(found * signs[:, None] + 0.0, values[:kept], float(values.sum()), mean)
