// The lines that load an unpacked export.
import type { ExportFormat } from "../../api/types";

export function loadingCode(format: ExportFormat, exportId: number): string {
  const folder = `segloop-export-${exportId}`;
  if (format === "coco") {
    return [
      "from pycocotools.coco import COCO",
      `coco = COCO("${folder}/annotations.json")`,
      "masks = [coco.annToMask(annotation) for annotation in coco.loadAnns(coco.getAnnIds())]",
    ].join("\n");
  }
  return [
    "import json, pathlib; from pycocotools import mask",
    `images = [json.loads(path.read_text()) for path in pathlib.Path("${folder}").rglob("sa_*.json")]`,
    'masks = [mask.decode(annotation["segmentation"]) for image in images for annotation in image["annotations"]]',
  ].join("\n");
}
