// The server's words under the names the page uses. Everything comes from the generated schema.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["UserOut"];
export type Me = Schemas["MeOut"];
export type Role = User["role"];
export type Token = Schemas["TokenOut"];
export type Project = Schemas["ProjectOut"];
export type Member = Schemas["MemberOut"];
export type Category = Schemas["CategoryOut"];
export type Image = Schemas["ImageOut"];
export type ImageState = Image["state"];
export type UploadAnswer = Schemas["ImportOut"];
export type Job = Schemas["JobOut"];
export type JobState = Job["state"];
export type JobProgress = Job["progress"];
export type Export = Schemas["ExportOut"];
export type ExportFormat = Export["format"];
export type Model = Schemas["ModelOut"];

export const IMAGE_STATES: readonly ImageState[] = ["proposing", "ready", "claimed", "done", "skipped"];

export type StageName = "assisted_manual" | "semi_automatic" | "fully_automatic";

/** In the order images go through them. */
export const STAGE_NAMES: readonly StageName[] = ["assisted_manual", "semi_automatic", "fully_automatic"];
