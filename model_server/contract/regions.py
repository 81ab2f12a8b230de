"""The 8-connected regions of a mask, by runs along its columns."""

import numpy as np

from model_server.contract.masks import Positions
from model_server.contract.runs import Runs


def areas(runs: Runs) -> Positions:
    """For every run, the pixels of the 8-connected region that it belongs to."""
    if not runs.x.size:
        return runs.x
    region = regions(runs)
    return np.bincount(region, weights=runs.lengths).astype(np.int64)[region]


def regions(runs: Runs) -> Positions:
    """A number for every run, the same for all of a region: the index of its first run."""
    one, other = _neighbours(runs)
    region = np.arange(runs.x.size)
    while True:  # each round joins every region to the least it touches, then shortens the chains
        least = np.minimum(region[one], region[other])
        merged = region.copy()
        np.minimum.at(merged, region[one], least)
        np.minimum.at(merged, region[other], least)
        while not np.array_equal(merged, merged[merged]):
            merged = merged[merged]
        merged = merged[region]
        if np.array_equal(merged, region):
            return region
        region = merged


def _neighbours(runs: Runs) -> tuple[Positions, Positions]:
    """Pairs of runs in adjoining columns that touch, corners included."""
    span = int(runs.bottom.max()) + 2  # one row more than an end can reach into the next column's
    tops, bottoms = runs.x * span + runs.top, runs.x * span + runs.bottom
    # Of the next column, those that end at or below this run's top and start at or above its bottom.
    first = np.searchsorted(bottoms, tops + span, side="left")
    stop = np.searchsorted(tops, bottoms + span, side="right")
    counts = np.maximum(stop - first, 0)
    one = np.repeat(np.arange(runs.x.size), counts)
    other = first[one] + np.arange(one.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return one, other
