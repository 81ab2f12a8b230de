"""From datasets to training inputs. Sample i is a function of (seed, i) alone, so a resumed run sees the same."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from model_server.contract import masks as rle
from model_server.dataset import (
    Dataset,
    Picture,
    UnusableDataset,
    by_distinct_names,
    open_picture,
    read_dataset,
    without_unreadable,
)
from model_server.training.augment import Augmentation, View, change_colours, choose_closer_view, choose_view
from model_server.training.configuration import DataChoice
from model_server.training.regions import region_maps
from model_server.training.scenes import paste_instances, procedural_scene

Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

KEPT_BYTES = 1_000_000_000
MOST_OF_PICTURE = 0.9  # SAM, appendix A: masks over 90 % of the image are left out
DECODED_PER_PROMPT = 3  # masks looked at for each one wanted: some fall outside the crop
TRIES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A dataset and how often it is drawn, relative to the others."""

    dataset: Dataset
    weight: float


def read_sources(choices: Sequence[DataChoice], *, skip_unusable: bool) -> list[Source]:
    """The datasets, each under a name of its own. With `skip_unusable` every picture is opened once, here: what cannot
    be read is left out and counted before the run begins. Raises UnusableDataset.
    """
    datasets = [read_dataset(Path(one.folder), split=one.split, skip_unusable=skip_unusable) for one in choices]
    if skip_unusable:
        datasets = [without_unreadable(dataset) for dataset in datasets]
    return [
        Source(dataset=dataset, weight=choice.weight)
        for dataset, choice in zip(by_distinct_names(datasets), choices, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What a sample is made of. `region_share` of the samples take masks made by code, from `region_cache`;
    `scene_share` are drawn by code; instances of other pictures are pasted onto `paste_share`. `closer_share` of the
    views are the parts that are encoded for a person who has zoomed in to one of the masks.

    `min_area` is in pixels of the input.
    """

    input_size: int
    prompts_per_image: int
    stretched: bool
    augmentation: Augmentation = field(default_factory=Augmentation)
    region_share: float = 0.0
    region_cache: Path | None = None
    scene_share: float = 0.0
    paste_share: float = 0.0
    closer_share: float = 0.0
    min_area: int = 16

    def useful_size(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """The width and height beyond which a picture shows nothing more in any view. Stretched, its short side fills
        the input, too.
        """
        if self.closer_share:
            return size_wh
        side = min(size_wh) if self.stretched else max(size_wh)
        shrink = min(1.0, self.input_size * self.augmentation.scale[1] / side)
        return math.ceil(size_wh[0] * shrink), math.ceil(size_wh[1] * shrink)


Sample = tuple[Tensor, Tensor, Tensor]
Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An UnusableDataset on its way between processes, which exceptions do not survive with their code."""

    code: str
    message: str


class Samples(TorchDataset[Sample]):
    """Endless samples: 8-bit pixels (3, S, S), masks (prompts_per_image, S, S), none of them empty, and the picture's
    number (), which says that the pixels are the same again; -1 where they are not.
    """

    def __init__(self, sources: Sequence[Source], sampling: Sampling, *, seed: int) -> None:
        self._sources, self._sampling, self._seed = sources, sampling, seed
        weights = np.array([source.weight for source in sources], np.float64)
        self._share = np.cumsum(weights / weights.sum())
        self._kept: OrderedDict[Path, Image.Image] = OrderedDict()
        self._kept_bytes = 0

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`. Raises UnusableDataset when no drawn picture yields a mask."""
        rng = np.random.default_rng((self._seed, index))
        sampling = self._sampling
        for attempt in range(2 * TRIES):
            # Where the whole picture shows no mask large enough, parts of it may, as people see them who zoom in.
            pixels, masks, number = self._draw(rng, is_closer=attempt >= TRIES)
            masks = [mask for mask in masks if sampling.min_area <= mask.sum() <= MOST_OF_PICTURE * mask.size]
            if masks:
                break
        else:
            raise UnusableDataset(
                "masks_unusable",
                f"{2 * TRIES} views in a row, half of them of small parts, held no mask between {sampling.min_area} "
                f"pixels and {MOST_OF_PICTURE:.0%} of the input of {sampling.input_size} pixels.",
            )
        pixels = change_colours(pixels, sampling.augmentation.colour, rng)
        count = sampling.prompts_per_image
        order = np.concatenate([rng.permutation(len(masks)) for _ in range(-(-count // len(masks)))])[:count]
        return (
            torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            torch.from_numpy(np.stack([masks[i] for i in order])),
            torch.tensor(number),
        )

    def _draw(self, rng: np.random.Generator, *, is_closer: bool) -> tuple[Pixels, list[Bools], int]:
        sampling = self._sampling
        if sampling.scene_share and rng.random() < sampling.scene_share:
            return *procedural_scene(sampling.input_size, rng, self._texture(rng)), -1
        picture, number = self._choose(rng)
        view, pixels = self._look(picture, rng, is_closer=is_closer)
        is_same = sampling.augmentation.is_none and not sampling.closer_share and not is_closer
        if sampling.region_share and rng.random() < sampling.region_share:
            assert sampling.region_cache is not None, "checked by the configuration"
            return pixels, self._regions(picture, view, rng, sampling.region_cache), number if is_same else -1
        masks = self._masks(picture, view, rng, sampling.prompts_per_image)
        if sampling.paste_share and rng.random() < sampling.paste_share:
            return *paste_instances(pixels, masks, self._instances(rng), rng), -1
        return pixels, masks, number if is_same else -1

    def _choose(self, rng: np.random.Generator) -> tuple[Picture, int]:
        """A picture, and its number over all sources."""
        at = min(int(np.searchsorted(self._share, rng.random())), len(self._sources) - 1)
        pictures = self._sources[at].dataset.pictures
        chosen = int(rng.integers(len(pictures)))
        return pictures[chosen], sum(len(source.dataset.pictures) for source in self._sources[:at]) + chosen

    def _look(self, picture: Picture, rng: np.random.Generator, *, is_closer: bool) -> tuple[View, Pixels]:
        """A view in the picture's own pixels, and what it shows."""
        sampling = self._sampling
        view = None
        if picture.masks and (is_closer or (sampling.closer_share and rng.random() < sampling.closer_share)):
            mask = picture.masks[rng.integers(len(picture.masks))]
            view = choose_closer_view(
                rle.bbox_xywh(mask.segmentation), picture.size_hw, sampling.input_size, sampling.augmentation, rng
            )
        if view is None:
            view = choose_view(
                picture.size_hw, sampling.input_size, sampling.augmentation, rng, stretched=sampling.stretched
            )
        # What is kept is no larger than the usual views need.
        kept = open_picture(picture) if is_closer else self._picture(picture)
        ratio = (kept.width / picture.size_hw[1], kept.height / picture.size_hw[0])
        return view, view.scaled(ratio).of_picture(kept)

    def _picture(self, picture: Picture) -> Image.Image:
        """The picture, no larger than it is needed, from memory while it is among the last KEPT_BYTES."""
        if picture.path not in self._kept:
            image = open_picture(picture)
            image = image.resize(self._sampling.useful_size(image.size), Image.Resampling.BOX)
            self._kept[picture.path] = image
            self._kept_bytes += _bytes(image)
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= _bytes(self._kept.popitem(last=False)[1])
        self._kept.move_to_end(picture.path)
        return self._kept[picture.path]

    def _masks(self, picture: Picture, view: View, rng: np.random.Generator, wanted: int) -> list[Bools]:
        order = rng.permutation(len(picture.masks))[: wanted * DECODED_PER_PROMPT]
        masks: list[Bools] = []
        for i in order:
            mask = view.of_mask(rle.decode(picture.masks[i].segmentation))
            if mask.sum() >= self._sampling.min_area:
                masks.append(mask)
            if len(masks) == wanted:
                break
        return masks

    def _regions(self, picture: Picture, view: View, rng: np.random.Generator, cache: Path) -> list[Bools]:
        """Regions of every scale in equal parts, together with a few of the picture's own masks."""
        maps = region_maps(picture, cache)
        ratio = (maps.shape[2] / picture.size_hw[1], maps.shape[1] / picture.size_hw[0])
        seen = view.scaled(ratio)
        each = max(1, self._sampling.prompts_per_image // len(maps))
        masks: list[Bools] = []
        for level in maps:
            numbers = seen.of_numbers(level)
            present, areas = np.unique(numbers, return_counts=True)
            usable = present[(present > 0) & (areas >= self._sampling.min_area)]
            masks += [numbers == number for number in rng.permutation(usable)[:each]]
        return masks + self._masks(picture, view, rng, max(1, each))

    def _instances(self, rng: np.random.Generator) -> list[tuple[Pixels, Bools]]:
        """One to three masks of another picture, cut out with their pixels."""
        cut_outs: list[tuple[Pixels, Bools]] = []
        for _ in range(int(rng.integers(1, 4))):
            picture, _ = self._choose(rng)
            kept = self._picture(picture)
            chosen = picture.masks[rng.integers(len(picture.masks))]
            whole = Image.fromarray(
                np.ascontiguousarray(rle.decode(chosen.segmentation)).view(np.uint8) * np.uint8(255)
            )
            mask = np.asarray(whole.resize(kept.size, Image.Resampling.BILINEAR)) > 127
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if len(rows) and len(columns):
                part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                cut_outs.append((np.asarray(kept)[part], mask[part]))
        return cut_outs

    def _texture(self, rng: np.random.Generator) -> Pixels:
        """A stretch of some picture, to fill a drawn shape with."""
        return self._look(self._choose(rng)[0], rng, is_closer=False)[1]


def _bytes(image: Image.Image) -> int:
    return 3 * image.width * image.height


class Refusing(TorchDataset[Sample | Refusal]):
    """Samples, or why one cannot be made."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitem__(self, index: int) -> Sample | Refusal:
        """Sample `index`."""
        try:
            return self._samples[index]
        except UnusableDataset as error:
            return Refusal(error.code, error.message)


def collate(samples: list[Sample | Refusal]) -> Batch | Refusal:
    """Samples side by side; a single refusal refuses the batch."""
    made: list[Sample] = []
    for sample in samples:
        if isinstance(sample, Refusal):
            return sample
        made.append(sample)
    pixels, masks, pictures = zip(*made, strict=True)
    return torch.stack(pixels), torch.stack(masks), torch.stack(pictures)
