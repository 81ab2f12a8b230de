// The lines that load an export, unpacked into a folder `dataset`.
import type { ExportFormat } from "../../api/types";

export const LOADING_CODE: Readonly<Record<ExportFormat, string>> = {
  coco: [
    "from pycocotools.coco import COCO",
    'coco = COCO("dataset/annotations.json")',
    "masks = [coco.annToMask(annotation) for annotation in coco.loadAnns(coco.getAnnIds())]",
  ].join("\n"),
  sa1b: [
    "import json, pathlib; from pycocotools import mask",
    'images = [json.loads(path.read_text()) for path in pathlib.Path("dataset").glob("sa_*.json")]',
    'masks = [mask.decode(annotation["segmentation"]) for image in images for annotation in image["annotations"]]',
  ].join("\n"),
};
