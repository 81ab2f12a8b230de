"""An embedding as it travels to a browser: the feature maps' raw fp16, finest first, described by a header."""

import json
from collections.abc import Sequence

# Counts up when the bytes or their description change, so that no browser goes on with old ones.
EMBEDDING_FORMAT = 1
EMBEDDING_HEADER = "Segloop-Embedding"


def embedding_etag(image_sha256: str, model_version: str) -> str:
    """A strong ETag: an image's pixels and a version's weights never change."""
    return f'"{image_sha256}-{model_version}-{EMBEDDING_FORMAT}"'


def describe_embedding(
    shapes_chw: Sequence[Sequence[int]],
    *,
    size_hw: tuple[int, int],
    model_version: str,
    encoder_fingerprint: str,
) -> str:
    """JSON of the header: where each feature map (channels, height, width) of little-endian fp16 begins.

    `size_hw` is the image's own (height, width), `model_version` the one whose decoder goes with it.
    """
    features, byte_offset = [], 0
    for channels, height, width in shapes_chw:
        features.append({"shape": [channels, height, width], "byte_offset": byte_offset})
        byte_offset += 2 * channels * height * width
    described = {
        "format": EMBEDDING_FORMAT,
        "model_version": model_version,
        "encoder_fingerprint": encoder_fingerprint,
        "size_hw": list(size_hw),
        "byte_length": byte_offset,
        "features": features,
    }
    return json.dumps(described, separators=(",", ":"))
