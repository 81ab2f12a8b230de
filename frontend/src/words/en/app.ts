// The frame of the page, the head of a project, and pages that could not be opened.
import { count, plural } from "../counting";

export const app = {
  skip: "Skip to the content",
  main: "Main",
  projects: "Projects",
  people: "People",
  lost: "The server does not answer. What is shown may be old; this page goes on by itself once it answers.",
  close: "Close",
  closeMessage: "Close this message",

  scheme: { choose: "Light or dark", auto: "As the system", dark: "Dark", light: "Light" },
  chosen: "chosen",
  language: "Language",
  accountOf: (name: string) => `Account of ${name}`,
  addressAndRole: (email: string, role: string) => `${email ? `${email}, ` : ""}${role.toLowerCase()}`,
  passwordAndTokens: "Password and tokens",
  signOut: "Sign out",

  project: {
    none: "No images yet",
    done: (done: number, images: number, masks: number) => `${count(done)} of ${plural(images, "image")} done, ${plural(masks, "mask")}`,
    review: "Review",
    annotate: "Annotate",
    addFirst: "Add images first",
    tabs: "Project",
    images: "Images",
    pipeline: "Pipeline",
    flywheel: "Flywheel",
    models: "Models",
    exports: "Exports",
    jobs: "Jobs",
    activity: "Activity",
    settings: "Settings",
    modelServer: "The model server does not answer: clicks get no masks for now. Images, kept masks and exports are not touched by it.",
  },

  notFound: {
    title: "There is no such page",
    text: "The address may have been shortened on its way here, or what it led to is gone.",
  },
  showProjects: "Show projects",
  noAnswer: {
    title: "The server does not answer",
    text: "It may be starting or stopped. This page opens by itself once it answers.",
  },
  notOpened: "This page could not be opened",
  nothingChanged: "Nothing was changed.",
  deleted: {
    title: "This project has been deleted",
    text: "Somebody deleted it. Its images and masks are kept; an administrator can restore it on the Projects page.",
  },
  unknown: {
    title: "There is no such project",
    text: "Either it never was, or you are not a member of it. An admin of the project can add you under Settings.",
  },
};
