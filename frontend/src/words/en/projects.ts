// The list of projects, and making one.
import { count, plural } from "../counting";

export const projects = {
  title: "Projects",
  create: "Create project",
  notRead: "Projects could not be read",
  none: "No projects yet",
  noneForAdmin: "A project holds photos, the masks made on them, and the people who make them.",
  noneForOthers: "You are not a member of any project. An admin can add you to one under its Settings.",
  noImages: "No images yet",
  done: (done: number, images: number) => `${count(done)} of ${plural(images, "image")} done`,
  shareDone: (name: string) => `Share of images done in ${name}`,
  masks: (masks: number) => plural(masks, "mask"),
  name: "Name",
  nameExample: "Street furniture 2026",
  description: "Description (optional)",
  descriptionExample: "What is in the photos, and what counts as one mask",
  cancel: "Cancel",
  deleted: "Deleted",
  deletedOn: (when: string, images: number, masks: number) => `Deleted ${when}, ${plural(images, "image")}, ${plural(masks, "mask")}`,
  restore: "Restore",
  restoreThis: (name: string) => `Restore ${name}`,
  restored: (name: string) => `${name} is back.`,
};
