"""Masks made by code: regions of a picture at several scales, a curriculum for networks that start from nothing.

Felzenszwalb and Huttenlocher's graph segmentation (IJCV 2004), coarse to fine. They are no objects, but they teach a
network what belongs together before it sees its few human masks. Kept on disk, since each takes a tenth of a second.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_server.dataset import Picture, open_picture

LONG_SIDE = 320
SCALES_AND_MIN_SIZES = ((60, 40), (200, 120), (700, 400), (1600, 900))
SIGMA = 0.8

Regions = npt.NDArray[np.uint16]


def region_maps(picture: Picture, cache_dir: Path) -> Regions:
    """Region numbers from 1 on, (levels, height, width) at a long side of LONG_SIDE pixels, finest level first.

    Needs scikit-image unless they are in `cache_dir` already. Raises UnusableDataset for an unreadable picture.
    """
    digest = hashlib.sha256(picture.path.read_bytes())
    digest.update(repr((LONG_SIDE, SCALES_AND_MIN_SIZES, SIGMA)).encode())
    file = cache_dir / f"{digest.hexdigest()}.npz"
    if file.is_file():
        with np.load(file) as kept:
            found: Regions = kept["regions"]
            return found
    maps = _segment(open_picture(picture))
    cache_dir.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as opened:
        np.savez_compressed(opened, regions=maps)
    unfinished.replace(file)
    return maps


def _segment(image: Image.Image) -> Regions:
    from skimage.segmentation import felzenszwalb

    small = image.copy()
    small.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small)
    maps = [felzenszwalb(pixels, scale=scale, sigma=SIGMA, min_size=size) for scale, size in SCALES_AND_MIN_SIZES]
    return (np.stack(maps) + 1).astype(np.uint16)
