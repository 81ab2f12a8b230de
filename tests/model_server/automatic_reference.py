"""The published generators, segment-anything's and sam2's, beside ours: equal random weights, the same picture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from model_server.contract.automatic import AutomaticOptions
from model_server.engine import Engine
from model_server.networks.frame import padded
from model_server.networks.network import Embedding
from model_server.networks.official import convert_file
from model_server.settings import Settings, read_settings
from tests.model_server.conftest import put_bytes
from tests.model_server.reference import reference_module, stand_ins

Make = Callable[..., Any]


def batched_nms(boxes: torch.Tensor, scores: torch.Tensor, _: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """torchvision.ops.boxes.batched_nms of boxes of one category, by its definition."""
    order = [int(i) for i in scores.sort(descending=True, stable=True).indices]
    kept: list[int] = []
    for i in order:
        if all(box_iou(boxes[i], boxes[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def box_iou(a: torch.Tensor, b: torch.Tensor) -> float:
    sides = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0)
    common = sides.prod()
    either = box_area(a[None])[0] + box_area(b[None])[0] - common
    return float(common / either) if either > 0 else 0.0


def box_area(boxes: torch.Tensor) -> torch.Tensor:
    """torchvision.ops.boxes.box_area."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def photo(size_hw: tuple[int, int]) -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size_hw[::-1], Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def upsampled_at_once(logits: torch.Tensor, size_hw: tuple[int, int], input_size: int) -> torch.Tensor:
    """Bilinear from the low-resolution logits (n, masks, low, low) to the image in one step, as we do it."""
    frame = padded(size_hw, input_size=input_size, low_size=logits.shape[-1])
    step_y, step_x = frame.low_step_hw
    whole = functional.interpolate(
        logits, scale_factor=(1 / step_y, 1 / step_x), mode="bilinear", recompute_scale_factor=False
    )
    height, width = size_hw
    missing = (0, max(0, width - whole.shape[-1]), 0, max(0, height - whole.shape[-2]))
    return functional.pad(whole, missing, mode="replicate")[..., :height, :width]


@dataclass
class Both:
    """A reference network, an engine over its converted file that keeps embeddings exactly, and one picture."""

    reference: Any
    engine: Engine
    image: Image.Image
    image_sha256: str
    is_sam2: bool

    def theirs(self, options: AutomaticOptions, *, two_steps: bool = False) -> list[dict[str, Any]]:
        """The reference's own answer; SAM upsampling in one step as we do, or in two as published."""
        module = reference_module(("sam2" if self.is_sam2 else "segment_anything") + ".automatic_mask_generator")
        known = options.model_dump(exclude={"max_area_share", "mask_nms_thresh", "max_masks"})
        with stand_ins(), patch.object(torch.jit, "script", lambda module: module):
            name = "SAM2AutomaticMaskGenerator" if self.is_sam2 else "SamAutomaticMaskGenerator"
            generator = getattr(module, name)(self.reference, output_mode="coco_rle", **known)
        with patch.multiple(module, batched_nms=batched_nms, box_area=box_area):
            with self._same_input(generator.predictor), self._same_upsampling(two_steps):
                return generator.generate(np.asarray(self.image))

    @contextmanager
    def _same_input(self, predictor: Any) -> Iterator[None]:
        """sam2 resizes in floats, we in 8 bits: compared from the same input on."""
        if not self.is_sam2:
            yield
            return
        side = self.reference.image_size
        predictor._bb_feat_sizes = [(side // stride,) * 2 for stride in (4, 8, 16)]
        set_image, network = predictor.set_image, self.engine.models.load(self.engine.models.default)

        def prepared(pixels: np.ndarray) -> None:
            set_image(network.prepare(Image.fromarray(pixels)))
            predictor._orig_hw = [pixels.shape[:2]]

        with patch.object(predictor, "set_image", prepared):
            yield

    @contextmanager
    def _same_upsampling(self, two_steps: bool) -> Iterator[None]:
        if self.is_sam2 or two_steps:
            yield
            return
        side = self.reference.image_encoder.img_size

        def at_once(logits: torch.Tensor, _: Any, size_hw: tuple[int, int]) -> torch.Tensor:
            return upsampled_at_once(logits, tuple(size_hw), side)

        with patch.object(self.reference, "postprocess_masks", at_once):
            yield


def build_both(
    folder: Path, reference: Any, size_hw: tuple[int, int], change_config: Callable[[Path], None] | None = None
) -> Both:
    """Write the reference's official file, convert it, start an engine over it, store a picture."""
    is_sam2 = hasattr(reference, "sam_mask_decoder")
    model = folder / "models" / "same"
    model.mkdir(parents=True)
    torch.save({"model": reference.state_dict()} if is_sam2 else reference.state_dict(), folder / "official.pt")
    convert_file(folder / "official.pt", model)
    if change_config is not None:
        change_config(model / "config.json")
    settings = settings_of(folder)
    engine = Engine(settings)
    network: Any = engine.models.load(engine.models.default)

    def encode(pixels: Any, sizes_hw: Any) -> list[Embedding]:  # without the half precision of kept embeddings
        levels = network.encode_exactly(pixels)
        return [Embedding(tuple(level[i] for level in levels), size_hw) for i, size_hw in enumerate(sizes_hw)]

    network.encode = encode
    image = photo(size_hw)
    return Both(reference, engine, image, put_bytes(settings, png(image)), is_sam2)


def settings_of(folder: Path) -> Settings:
    return read_settings(
        {
            "SEGLOOP_DATA_DIR": str(folder),
            "SEGLOOP_MODELS_DIR": str(folder / "models"),
            "SEGLOOP_MODELS": "same",
            "SEGLOOP_MODEL_DEVICE": "cpu",
            "SEGLOOP_MODEL_THREADS": "1",
            "SEGLOOP_EMBEDDING_DISK_BYTES": "0",
        }
    )


def gap_near(scores: list[float], share: float) -> float:
    """A threshold that about this share of the scores exceeds, in the widest gap nearby: rounding cannot cross it."""
    ordered = np.sort(scores)
    middle, reach = int((1 - share) * (len(ordered) - 1)), max(1, len(ordered) // 50)
    near = ordered[max(0, middle - reach) : middle + reach + 1]
    widest = int(np.argmax(np.diff(near)))
    return float((near[widest] + near[widest + 1]) / 2)
