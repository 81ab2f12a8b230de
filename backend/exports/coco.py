"""COCO: one annotations.json, masks as compressed run-length encoding, exactly as they are stored."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from backend.exports.archive import Archive, Member
from backend.exports.dataset import Dataset, ImageRow, MaskRow
from backend.images.files import clean_name
from backend.settings import VERSION

UNCATEGORISED = "object"

README = """\
COCO export of Segloop {version}

annotations.json   images, categories, annotations; loads with pycocotools.
images/            the pictures as they were uploaded, byte for byte (if they were asked for). `file_name` is relative
                   to this folder.
manifest.json      sha256 and size of every file here.

Masks are `segmentation: {{"size": [height, width], "counts": "..."}}`, COCO's compressed run-length encoding, lossless;
`area` and `bbox` [x, y, width, height] are computed from the mask. `iscrowd` is 1 where the annotator flagged the
mask as one for many objects ("crowd").

All images of the project are listed, also those without masks. `segloop.work` of an image says how far it is in each
stage: only "done" without annotations means that somebody looked and found nothing.

A mask without a category is given one called "object", added for it, as the format asks for a category.

`segloop` of an annotation is how the mask came about: prompts in order of use (image pixels, pixel centres at +0.5),
clicks, active seconds, origin, stage, model version, the model's own proposal, and its predicted_iou and
stability_score (null for a mask drawn without a model). A corrected mask keeps the scores of the proposal. `flags` are
what the annotator said of it (unsure, crowd, cut_by_border), `comment` is what they wrote to the reviewer.

`width`, `height` and every coordinate are those of the picture after its EXIF orientation. Images with
`segloop.is_plain` false need care: their bytes decode to other pixels than were annotated unless the reader applies the
EXIF orientation, converts CMYK, palette, grey or 16 bit to 8-bit RGB (16 bit: scaled over its whole range) and
composes transparency on white.
"""


class FileNames:
    """Gives every image a name of its own: the original one unless taken, then `{stem}-{id}{suffix}`."""

    def __init__(self) -> None:
        # 64 bits of each name, without case: a chance clash costs a longer name, a million names 100 MB less.
        self._taken: set[int] = set()

    def take(self, file_name: str, image_id: int) -> str:
        """A name no other image of this export has, on any file system."""
        name = clean_name(file_name)
        path = PurePosixPath(name)
        number = 1
        while not self._is_new(name):
            ending = f"-{image_id}" if number == 1 else f"-{image_id}-{number}"
            name = str(path.with_name(f"{path.stem}{ending}{path.suffix}"))
            number += 1
        return name

    def _is_new(self, name: str) -> bool:
        digest = int.from_bytes(hashlib.blake2b(name.casefold().encode(), digest_size=8).digest())
        is_new = digest not in self._taken
        self._taken.add(digest)
        return is_new


def write_coco(
    dataset: Dataset,
    archive: Archive,
    *,
    created_at: str,
    add_picture: Callable[[str, ImageRow], None],
    on_mask: Callable[[], None],
) -> None:
    """Writes README.txt and annotations.json; `add_picture(member name, image)` says which picture belongs where."""
    with archive.member("README.txt") as readme:
        readme.write(README.format(version=VERSION).encode())
    categories, extra_id = category_entries(dataset)

    def masks() -> Iterator[dict[str, Any]]:
        for _, rows in dataset.images_with_masks():
            for row in rows:
                on_mask()
                yield annotation_entry(row, extra_id)

    with archive.member("annotations.json") as member:
        info = {"description": dataset.project_name, "version": f"Segloop {VERSION}", "date_created": created_at}
        write_document(member, info, categories, _images(dataset, add_picture), masks())


def write_document(
    member: Member,
    info: dict[str, Any],
    categories: list[dict[str, Any]],
    images: Iterator[dict[str, Any]],
    annotations: Iterator[dict[str, Any]],
) -> None:
    """COCO's json, one image and one annotation a line."""
    member.write(b'{"info":')
    member.write_json(info)
    member.write(b',\n"licenses":[],\n"categories":')
    member.write_json(categories)
    member.write(b',\n"images":')
    member.write_list(images)
    member.write(b',\n"annotations":')
    member.write_list(annotations)
    member.write(b"}\n")


def category_entries(dataset: Dataset) -> tuple[list[dict[str, Any]], int]:
    """The project's categories as COCO lists them, and the id of the one for masks without any."""
    categories = [{"id": row.id, "name": row.name, "supercategory": ""} for row in dataset.categories]
    extra_id = 1 + max((row.id for row in dataset.categories), default=0)
    if dataset.uncategorised_count:
        categories.append({"id": extra_id, "name": _free_name(dataset), "supercategory": ""})
    return categories, extra_id


def _free_name(dataset: Dataset) -> str:
    # Somebody's own category "object" means something; masks without one must not slip into it.
    names = {row.name for row in dataset.categories}
    return UNCATEGORISED if UNCATEGORISED not in names else f"{UNCATEGORISED} (no category)"


def _images(dataset: Dataset, add_picture: Callable[[str, ImageRow], None]) -> Iterator[dict[str, Any]]:
    names = FileNames()
    for image, work in dataset.images():
        name = names.take(image.file_name, image.id)
        add_picture(f"images/{name}", image)
        yield {
            "id": image.id,
            "file_name": name,
            "width": image.width,
            "height": image.height,
            "segloop": {"sha256": image.sha256, "is_plain": image.is_plain, "work": work},
        }


def annotation_entry(row: MaskRow, extra_id: int) -> dict[str, Any]:
    """A mask as COCO lists it; `extra_id`: its category if it has none."""
    proposal = row.proposal or {}
    return {
        "id": row.id,
        "image_id": row.image_id,
        "category_id": row.category_id if row.category_id is not None else extra_id,
        "segmentation": {"size": [row.height, row.width], "counts": row.counts},
        "area": row.area,
        "bbox": row.bbox_xywh,
        "iscrowd": int("crowd" in row.flags),
        "segloop": {
            "origin": row.origin,
            "stage": row.stage,
            "author_id": row.author_id,
            "model_version": row.model_version,
            "prompts": row.prompts,
            "clicks": row.clicks,
            "active_seconds": row.active_seconds,
            "candidate": row.candidate,
            "predicted_iou": proposal.get("predicted_iou"),
            "stability_score": proposal.get("stability_score"),
            "proposal": row.proposal,
            "flags": row.flags,
            "comment": row.comment,
            "revision": row.revision,
            "created_at": row.created_at.isoformat(),
            "updated_at": row.updated_at.isoformat(),
        },
    }
