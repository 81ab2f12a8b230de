"""Which masks of a dataset are evaluated: all, or a seeded part of it, by whole images (SAM, appendix D.1)."""

from dataclasses import dataclass, replace

import numpy as np

from model_server.dataset import Dataset, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit. `masks` is reached with the image that passes it, as SAM samples images until about N masks.

    `min_area` is in pixels of the image as stored.
    """

    images: int | None = None
    masks: int | None = None
    masks_per_image: int | None = None
    min_area: int = 1


def draw(dataset: Dataset, limits: Limits, *, seed: int) -> list[Picture]:
    """Pictures with the masks to evaluate, in the dataset's order; the same for the same seed and dataset."""
    generator = np.random.default_rng(seed)
    drawn: dict[int, Picture] = {}
    masks = 0
    for index in generator.permutation(len(dataset.pictures)):
        if limits.images is not None and len(drawn) >= limits.images:
            break
        if limits.masks is not None and masks >= limits.masks:
            break
        picture = dataset.pictures[index]
        if limits.min_area > 1:
            picture = replace(picture, masks=tuple(mask for mask in picture.masks if mask.area >= limits.min_area))
        if not picture.masks:
            continue
        if limits.masks_per_image is not None and len(picture.masks) > limits.masks_per_image:
            kept = np.sort(generator.choice(len(picture.masks), limits.masks_per_image, replace=False))
            picture = replace(picture, masks=tuple(picture.masks[i] for i in kept))
        drawn[int(index)] = picture
        masks += len(picture.masks)
    return [drawn[index] for index in sorted(drawn)]
