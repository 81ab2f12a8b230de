// The images of a project and adding more.
import type { ImageState } from "../../api/types";
import { count, plural } from "../counting";

const states: Readonly<Record<ImageState, string>> = {
  ready: "To do",
  claimed: "In work",
  done: "Done",
  skipped: "Skipped",
  proposing: "Being prepared",
};

export const images = {
  title: "Images",
  states,
  all: "All",
  filter: "Filter by state",
  loading: "Loading images",
  notRead: "Images could not be read",
  masks: (value: number): string => (value === 1 ? "mask" : "masks"),
  skippedFor: "Put aside:",
  add: "Add images",
  addFiles: "Photos or a .zip",
  addFolder: "A folder",
  busy: "An upload is under way: these files were not taken. Add them again when it has ended.",
  drop: "Drop photos, folders or a .zip to add them",
  none: "No images yet",
  noneText: "An admin of this project can add photos.",
  noneForAdmin: "Drop photos, folders or a .zip anywhere on this page. JPEG, PNG, WebP and TIFF, up to 100 megapixels each.",
  noneInState: (state: ImageState) => `No image is in the state "${states[state].toLowerCase()}"`,
  inAll: (value: number) => `The project has ${count(value)} images in all.`,
  showAll: "Show all images",

  upload: "Upload",
  sending: "Sending",
  reading: "The server is reading the last files",
  files: (answered: number, of: number) => `${count(answered)} of ${plural(of, "file")}`,
  bytes: (sent: string, of: string) => `${sent} of ${of}`,
  cancel: "Cancel",
  shareSent: "Share sent",
  receipt: {
    cancelled: "The upload was cancelled; what had arrived is kept.",
    leftOut: (files: number) => `${plural(files, "system file")} of the folder left out.`,
    close: "Close",
    refusedFiles: (files: number) => `${plural(files, "file")} refused`,
    notSentFiles: (files: number) => `${plural(files, "file")} not sent`,
    duplicateFiles: (files: number) => `${plural(files, "file")} already there`,
    duplicatesWhy: (title: string) => `${title}: the same bytes are one image`,
    reasonOf: (fileName: string) => `${fileName}:`,
    added: (files: number) => `${count(files)} added`,
    duplicates: (files: number) => `${count(files)} already there`,
    refused: (files: number) => `${count(files)} refused`,
    notSent: (files: number) => `${count(files)} not sent`,
  },
};
