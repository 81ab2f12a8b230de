// Taking a dataset away.
import type { ExportFormat } from "../../api/types";
import { plural } from "../counting";

const formats: Readonly<Record<ExportFormat, { label: string; description: string }>> = {
  coco: {
    label: "COCO",
    description: "One annotations.json with compressed run-length masks. pycocotools and most training code load it.",
  },
  sa1b: { label: "SA-1B", description: "One json per image beside its photo, with the fields of the SA-1B dataset." },
};

export const exporting = {
  title: "Exports",
  notRead: "Exports could not be read",
  safe: "Finished exports stay on the server.",
  none: "Nothing exported yet",
  noneText: "An export is a .zip with the masks, the photos if you want them, and a manifest of checksums.",
  older: "Show older exports",
  make: "Export the dataset",
  format: "Format",
  formats,
  withPhotos: "Include the photos",
  withPhotosText: "Original bytes. Without them the export holds masks and file names only.",
  notStarted: "The export was not started",
  nothingChanged: "Nothing was changed.",
  start: "Export dataset",
  noImages: "There are no images to export yet.",
  asOfNow: (masks: number, images: number) => `${plural(masks, "mask")} on ${plural(images, "image")} as of now`,
  noMasks: "No mask has been kept yet: the export will list the images without any.",

  name: (format: ExportFormat, hasPhotos: boolean) => `${formats[format].label}${hasPhotos ? " with photos" : ", masks only"}`,
  item: (id: number, name: string) => `Export ${id}, ${name}`,
  failed: "It failed without a reason; the worker's log says more.",
  download: "Download",
  cancel: "Cancel",
  runAgain: "Run again",
  remove: "Delete",
  keep: "Keep it",
  removeForGood: "Delete for good",
  images: (value: number) => plural(value, "image"),
  masks: (value: number) => plural(value, "mask"),
  checksum: "sha256 of the .zip",
  code: "Load it in Python, unpacked into a folder named dataset",
};
