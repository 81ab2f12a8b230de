"""The layout of SA-1B: one sa_{image_id}.json an image, the picture beside it.

Fields exactly as in the dataset's description (github.com/facebookresearch/segment-anything, README, "Dataset").
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from backend.exports.archive import Archive
from backend.exports.dataset import Dataset, ImageRow, MaskRow
from backend.settings import VERSION
from model_server.contract import masks

SUFFIXES = {"jpeg": "jpg", "tiff": "tif"}

README = """\
SA-1B export of Segloop {version}

sa_ID.json      one image with its masks; the fields are those of SA-1B and no others.
sa_ID.jpg ...   the picture as it was uploaded, byte for byte (if pictures were asked for).
manifest.json   sha256 and size of every file here.

predicted_iou, stability_score   the model's, of what it proposed; 1.0 for a mask drawn without a model.
point_coords                     the first foreground click; where there was none, a pixel inside the mask.
crop_box                         always the whole image.

All images of the project are here, also those without masks. `width`, `height` and every coordinate are those of the
picture after its EXIF orientation. Pictures with "is_plain": false in manifest.json need care: their bytes decode to
other pixels than were annotated unless the reader applies the EXIF orientation, converts CMYK, palette, grey or 16 bit
to 8-bit RGB (16 bit: scaled over its whole range) and composes transparency on white.
"""


def write_sa1b(
    dataset: Dataset,
    archive: Archive,
    *,
    created_at: str,
    add_picture: Callable[[str, ImageRow], None],
    on_mask: Callable[[], None],
) -> None:
    """Writes README.txt and the json of every image; `add_picture(member name, image)` says what belongs beside it."""
    with archive.member("README.txt") as readme:
        readme.write(README.format(version=VERSION).encode())
    for image, rows in dataset.images_with_masks():
        file_name = f"sa_{image.id}.{_suffix(image.format)}"
        add_picture(file_name, image)
        facts = {"image_id": image.id, "width": image.width, "height": image.height, "file_name": file_name}
        with archive.member(f"sa_{image.id}.json") as member:
            member.write(b'{"image":')
            member.write_json(facts)
            member.write(b',"annotations":')
            member.write_list(_annotation(row, on_mask) for row in rows)
            member.write(b"}\n")


def _suffix(image_format: str) -> str:
    return SUFFIXES.get(image_format.lower(), image_format.lower())


def _annotation(row: MaskRow, on_mask: Callable[[], None]) -> dict[str, Any]:
    on_mask()
    proposal = row.proposal or {}
    return {
        "id": row.id,
        "segmentation": {"size": [row.height, row.width], "counts": row.counts},
        "bbox": row.bbox_xywh,
        "area": row.area,
        "predicted_iou": float(proposal.get("predicted_iou", 1.0)),
        "stability_score": float(proposal.get("stability_score", 1.0)),
        "crop_box": [0, 0, row.width, row.height],
        "point_coords": [_point_xy(row)],
    }


def _point_xy(row: MaskRow) -> list[float]:
    """The first foreground click; without one the centre of a pixel amid the mask's longest run."""
    for prompt in row.prompts:
        if prompt["type"] == "point" and prompt["label"] == 1:
            return [float(prompt["x"]), float(prompt["y"])]
    runs = masks.to_runs({"size": [row.height, row.width], "counts": row.counts})
    if runs.size < 2:  # an empty mask has no pixel
        return [row.width / 2, row.height / 2]
    longest = 1 + 2 * int(np.argmax(runs[1::2]))
    x, y = divmod(int(runs[:longest].sum() + runs[longest] // 2), row.height)
    return [x + 0.5, y + 0.5]
