"""Thompson sampling as probability matching: each offer is shown as often as it is likely to be the best.

An arm's success rate has a Beta posterior; its score is rate x value. Thompson's rule (Thompson 1933,
"On the likelihood that one unknown probability exceeds another") draws one score per arm and takes the
largest. The probability of that is

    p_i = P(score_i is the largest) = ∫ f_i(x) Π_{j≠i} F_j(x) dx = ∫ exp(S(x)) d log F_i(x),   S = Σ_j log F_j

which is integrated here instead of sampled, so that the propensity is known. On a grid x_0 < x_1 < ...
cell g adds  (log F_i(x_g) - log F_i(x_g-1)) * w_g,  where w_g is the mean of exp(S) while S runs linearly
through the cell: (exp S_g - exp S_g-1) / (S_g - S_g-1). Over all arms this telescopes to 1, whatever the grid.
"""

from __future__ import annotations

import numpy as np

from duyen.decide.policy import Arms, BoolArray, FloatArray, Weighed

FLOOR = 0.01
"""This share of all draws is spread evenly over the eligible arms, so that none is ever lost for good."""

_NODES = 72
"""Points at which each arm's own distribution is integrated, in log odds of its rate."""
_REACH = 6.0
"""How many standard deviations (of the log odds) those points reach to each side."""
_GRID = 144
_BLOCK = 128
"""Rows worked on at a time, so that they stay in the processor's cache."""
_COARSE = 0.2
"""A cell holding more than this share of the maximum's distribution asks for a finer grid.

Up to there a probability is wrong by less than 0.006 (tests/decide/test_thompson.py).
"""
_POINTS = 11
"""How many points each arm proposes for the grid."""
_KEPT = 256
"""How many eligible sets a table remembers."""
_LOWEST = -700.0
_NOTHING = -60.0
"""A logarithm of a probability below which a cell adds nothing that a sum of others would show."""
_STRIDE = 24
"""Points of the grid that are looked at together, from its upper end."""


class Thompson:
    """Probability matching on Beta posteriors, with a floor."""

    name = "thompson"
    version = "1"

    def __init__(self, floor: float = FLOOR) -> None:
        self.floor = floor

    def weigh(self, arms: Arms, eligible: BoolArray) -> Weighed:
        """Scores (value x expected rate) and probabilities of the eligible arms."""
        table = arms.memo.get(self.name)
        if table is None:
            table = arms.memo[self.name] = Table(*posterior(arms), arms.values)
        best = table.best(eligible)
        even = eligible / np.count_nonzero(eligible)
        return Weighed(table.scores, (1 - self.floor) * best + self.floor * even)


def posterior(arms: Arms) -> tuple[FloatArray, FloatArray]:
    """Beta parameters (a, b) per arm. A new arm starts as one success at the placement's average rate.

    With no data at all that is Beta(1, 1), where every rate is equally likely.
    """
    successes = np.minimum(arms.successes, arms.views)
    pooled = (successes.sum() + 1) / (arms.views.sum() + 2)
    failures = max(1.0, (1 - pooled) / pooled)
    return 1.0 + successes, failures + arms.views - successes


class Table:
    """Everything that does not depend on who is eligible, computed once per state of the counters."""

    def __init__(self, a: FloatArray, b: FloatArray, values: FloatArray) -> None:
        self.scores: FloatArray = values * a / (a + b)
        top = float(values.max(initial=0.0))
        weights = np.maximum(values / top if top > 0 else np.ones_like(values), 1e-9)
        first, self._kind = _distinct(a, b, weights)
        self._arms = _Scores(a[first], b[first], weights[first])
        self._grid = self._arms.grid(_GRID)
        log_cdf = self._arms.log_cdf(self._grid)
        log_cdf[:, -1] = 0.0  # every score is below the last point
        # A row for each point of the grid: what is asked for are its upper rows, side by side in memory.
        self._log_cdf = np.ascontiguousarray(log_cdf.T)
        self._rises = np.diff(self._log_cdf, axis=0)
        self._known: dict[bytes, FloatArray] = {}

    def best(self, eligible: BoolArray) -> FloatArray:
        """For each arm the probability of having the largest score among the eligible ones."""
        key = np.packbits(eligible).tobytes()
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key] = self._best(eligible)
        return found

    def _best(self, eligible: BoolArray) -> FloatArray:
        counts = np.bincount(self._kind[eligible], minlength=len(self._arms)).astype(np.float64)
        start, total = self._total(counts)
        weights, coarsest = _weights(total)
        shares = weights @ self._rises[start:]
        if coarsest > _COARSE:
            shares = self._refined(counts, shares, self._grid[start:], total)
        result = np.where(eligible, shares[self._kind], 0.0)
        return np.asarray(result / result.sum(), np.float64)

    def _total(self, counts: FloatArray) -> tuple[int, FloatArray]:
        """S from some point of the grid upwards: below it exp(S) is less than what rounding loses anyway."""
        start, parts = len(self._grid), list[FloatArray]()
        while start and not (parts and parts[0][0] < _NOTHING):
            end, start = start, max(0, start - _STRIDE)
            parts.insert(0, self._log_cdf[start:end] @ counts)
        return start, np.concatenate(parts)

    def _refined(
        self, counts: FloatArray, shares: FloatArray, grid: FloatArray, total: FloatArray
    ) -> FloatArray:
        """The same on finer grids, among the arms that still can be the best."""
        near = np.flatnonzero((counts > 0) & (shares > 1e-12))
        arms = self._arms.only(near)
        for _ in range(4):
            grid = _even_mass(grid, total)
            log_cdf = arms.log_cdf(grid)
            log_cdf[:, -1] = 0.0
            total = counts[near] @ log_cdf
            weights, coarsest = _weights(total)
            shares = np.diff(log_cdf, axis=1) @ weights
            if coarsest <= _COARSE:
                break
        result = np.zeros(len(counts))
        result[near] = shares
        return result


class _Scores:
    """Distributions of scores: each arm's log F tabulated at even steps of its rate's log odds."""

    def __init__(self, a: FloatArray, b: FloatArray, weights: FloatArray) -> None:
        self.a, self.weights = a, weights
        self.middle = np.log(a / b)
        self.spread = np.sqrt(1 / a + 1 / b)
        self.lowest = self.middle - _REACH * self.spread
        self.step = 2 * _REACH * self.spread / (_NODES - 1)
        self.table = np.empty((len(a), _NODES))
        for start in range(0, len(a), _BLOCK):
            rows = slice(start, start + _BLOCK)
            self.table[rows] = _log_cdf_nodes(a[rows], b[rows], self.lowest[rows], self.step[rows])

    def __len__(self) -> int:
        return len(self.a)

    def only(self, rows: np.ndarray) -> _Scores:
        """The same for some of the arms."""
        part = object.__new__(_Scores)
        for name in ("a", "weights", "middle", "spread", "lowest", "step", "table"):
            setattr(part, name, getattr(self, name)[rows])
        return part

    def grid(self, size: int) -> FloatArray:
        """Scores, ascending: dense where good arms have their upper halves, wide enough for all.

        The maximum of any set of arms lies there; the better an arm's prospects, the more its points weigh.
        """
        away = np.linspace(-2.0, 4.0, max(_POINTS, size // len(self)))
        points = self._score(self.middle[:, None] + self.spread[:, None] * away)
        rank = np.argsort(np.argsort(-points[:, 2 * len(away) // 3]))
        weights = np.repeat(1 / (4.0 + rank), len(away))
        flat = points.ravel()
        order = np.argsort(flat)
        heaped = np.cumsum(weights[order])
        wanted = np.linspace(0, heaped[-1], size - 2)
        picked = flat[order][np.minimum(np.searchsorted(heaped, wanted), len(flat) - 1)]
        low = self._score((self.middle - _REACH * self.spread)[:, None]).min()
        high = self._score((self.middle + _REACH * self.spread)[:, None]).max()
        return np.unique(np.concatenate(([low], picked, [high])))

    def log_cdf(self, grid: FloatArray) -> FloatArray:
        """log P(score <= x) for each arm (rows) at each x of the grid (columns)."""
        result = np.empty((len(self), len(grid)))
        for start in range(0, len(self), _BLOCK):
            rows = slice(start, start + _BLOCK)
            self._log_cdf_rows(grid, rows, result[rows])
        return np.maximum(result, _LOWEST, out=result)

    def _log_cdf_rows(self, grid: FloatArray, rows: slice, out: FloatArray) -> None:
        weights = self.weights[rows, None]
        odds = np.maximum(weights - grid, 1e-300)
        np.divide(grid, odds, out=odds)
        place = np.log(odds, out=odds)
        place -= self.lowest[rows, None]
        place /= self.step[rows, None]
        # Left of its table F falls as the a-th power of the odds; right of it F is 1.
        np.minimum(place, 0.0, out=out)
        out *= (self.a[rows] * self.step[rows])[:, None]
        np.clip(place, 0.0, _NODES - 1.0, out=place)
        node = np.minimum(place.astype(np.intp), _NODES - 2)
        place -= node
        node += (np.arange(len(out)) * _NODES)[:, None]
        table = self.table[rows]
        climbs = np.diff(table, axis=1, append=0.0)
        place *= climbs.ravel().take(node)
        out += table.ravel().take(node)
        out += place

    def _score(self, odds: FloatArray) -> FloatArray:
        return np.asarray(self.weights[:, None] / (1 + np.exp(-odds)), np.float64)


def _log_cdf_nodes(
    a: FloatArray, b: FloatArray, lowest: FloatArray, step: FloatArray
) -> FloatArray:
    """log F at even steps of the log odds t, where the density is exp(a t - (a + b) log(1 + e^t)).

    Cumulated by the trapezoid rule with its Euler-Maclaurin correction; both tails in closed form.
    """
    t = lowest[:, None] + step[:, None] * np.arange(_NODES)
    odds = np.exp(-np.abs(t))
    both = a + b
    log_density = a[:, None] * t - both[:, None] * (np.maximum(t, 0) + np.log1p(odds))
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    slope = a[:, None] - both[:, None] * np.where(t >= 0, 1.0, odds) / (1 + odds)
    below = density[:, 0] / slope[:, 0]
    above = density[:, -1] / -slope[:, -1]
    cells = (density[:, 1:] + density[:, :-1]) * (step / 2)[:, None]
    density *= slope
    cells -= np.diff(density, axis=1) * (step**2 / 12)[:, None]
    cumulated = np.cumsum(np.column_stack((below, np.maximum(cells, 0.0))), axis=1)
    return np.asarray(np.log(cumulated / (cumulated[:, -1:] + above[:, None])), np.float64)


def _weights(total: FloatArray) -> tuple[FloatArray, float]:
    """w of each cell, and the largest share of the maximum's distribution in one of them."""
    reached = np.exp(total)
    mass = np.diff(reached)
    climbs = np.diff(total)
    mean = np.where(climbs > 1e-9, mass / np.maximum(climbs, 1e-300), reached[1:])
    return mean, float(mass.max(initial=0.0))


def _even_mass(grid: FloatArray, total: FloatArray) -> FloatArray:
    """A new grid over the same range, with the same share of the maximum's distribution in each cell."""
    reached = np.exp(total)
    inner = np.interp(np.linspace(1e-6, 1 - 1e-6, _GRID - 2), reached, grid)
    return np.unique(np.concatenate((grid[:1], inner, grid[-1:])))


def _distinct(*columns: FloatArray) -> tuple[np.ndarray, np.ndarray]:
    """Index of one row of each kind, and the kind of each row."""
    order = np.lexsort(columns)
    changes = np.zeros(len(order), np.bool_)
    changes[:1] = True
    for column in columns:
        ranked = column[order]
        changes[1:] |= ranked[1:] != ranked[:-1]
    kind = np.empty(len(order), np.int64)
    kind[order] = np.cumsum(changes) - 1
    return order[changes], kind


thompson = Thompson()
