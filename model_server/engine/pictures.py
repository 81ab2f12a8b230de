"""From an image's name to pixels a network can encode: fetch, decode, resize. Off the device thread."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from PIL import Image

from model_server.contract.blobs import BlobNotFound, BlobStore, image_key
from model_server.contract.pixels import decode_rgb, inspect
from model_server.engine.errors import EngineError
from model_server.networks.network import Network, Pixels

Box = tuple[int, int, int, int]

LARGE_PIXELS = 24_000_000  # more take hundreds of megabytes to decode: one at a time


class Pictures:
    """Reads the images of a store."""

    def __init__(self, store: BlobStore, max_pixels: int) -> None:
        self._store, self._max_pixels = store, max_pixels
        self._large = threading.Lock()

    def prepare(
        self, image_sha256: str, network: Network, part_xyxy: Box | None = None
    ) -> tuple[Pixels, tuple[int, int]]:
        """The network's input and the own (height, width) of the image, or of a part of it.

        Raises EngineError unknown_image, image_size_mismatch, UnreadableImage.
        """
        with self._decoded(image_sha256) as image:
            if part_xyxy is not None:
                if part_xyxy[2] > image.width or part_xyxy[3] > image.height:
                    raise EngineError("image_size_mismatch", f"The stored image ends at {image.width}, {image.height}.")
                image = image.crop(part_xyxy)
            return network.prepare(image), (image.height, image.width)

    def prepare_crops(self, image_sha256: str, network: Network, boxes_xyxy: Sequence[Box]) -> list[Pixels]:
        """The network's inputs for parts of the image, each cut at the image's own resolution. Raises as `prepare`."""
        with self._decoded(image_sha256) as image:
            return [network.prepare(image.crop(box)) for box in boxes_xyxy]

    @contextmanager
    def _decoded(self, image_sha256: str) -> Iterator[Image.Image]:
        key = image_key(image_sha256)
        try:
            source = self._store.local_path(key) or self._store.get(key)
            height, width = inspect(source, self._max_pixels).size_hw
            with self._large if height * width >= LARGE_PIXELS else nullcontext():
                yield decode_rgb(source, max_pixels=self._max_pixels)
        except (BlobNotFound, FileNotFoundError) as error:
            raise EngineError("unknown_image", f"There is no image {image_sha256} in the storage.") from error
