// What the workspace asks of the server, under the workspace's names.
import { call, client, noteAnswer } from "../api/client";
import { setLost } from "../api/connection";
import { ApiError, errorOf, noAnswer } from "../api/errors";
import type { components } from "../api/schema";
import { decodePicture, type Picture } from "../canvas/render/picture";
import { words } from "../words/workspace";

type Schemas = components["schemas"];

export type StageName = NonNullable<Schemas["NextIn"]["stage"]>;
export type NextIn = Schemas["NextIn"];
export type WorkItem = Schemas["WorkItemOut"];
export type Annotation = Schemas["AnnotationOut"];
export type AnnotationIn = Schemas["AnnotationIn"];
export type PromptJson = NonNullable<AnnotationIn["prompts"]>[number];
export type PredictOut = Awaited<ReturnType<typeof predict>>;

const GONE = ["project_not_found", "project_deleted", "image_not_found", "image_deleted", "work_not_found"];

/** Whether the photo or its project is no longer there, as against some part of a request. */
export const isGone = ({ status, code }: ApiError): boolean => status === 410 || GONE.includes(code);

/** The item this person holds (unless it is finished by this), else the next of the queue, or the one asked for; null when nothing is left. */
export async function lend(projectId: number, wanted: NextIn): Promise<WorkItem | null> {
  const params = { path: { project_id: projectId } };
  const item = (await call(client.POST("/api/projects/{project_id}/work/next", { params, body: wanted }))) as WorkItem | undefined;
  return item ?? null; // 204: nothing is left
}

export function heartbeat(item: WorkItem): Promise<WorkItem> {
  return call(client.POST("/api/work/{work_id}/heartbeat", { params: pathOf(item), body: leaseOf(item) }));
}

/** Gives the image back to the queue; its masks stay. */
export function release(item: WorkItem): Promise<WorkItem> {
  return call(client.POST("/api/work/{work_id}/release", { params: pathOf(item), body: leaseOf(item) }));
}

export function skip(item: WorkItem, reason: string): Promise<WorkItem> {
  return call(client.POST("/api/work/{work_id}/skip", { params: pathOf(item), body: { ...leaseOf(item), reason } }));
}

const pathOf = (item: WorkItem) => ({ path: { work_id: item.id } });
const leaseOf = (item: WorkItem) => ({ lease_token: item.lease_token ?? "" });

export async function listAnnotations(imageId: number): Promise<Annotation[]> {
  const params = { path: { image_id: imageId } };
  return (await call(client.GET("/api/images/{image_id}/annotations", { params }))).items;
}

/** The annotation as it stands now; null when it is deleted, or the image is. */
export async function findAnnotation(imageId: number, annotationId: number): Promise<Annotation | null> {
  const standing = await listAnnotations(imageId).catch((error: unknown) => {
    if (error instanceof ApiError && [404, 410].includes(error.status)) return [];
    throw error;
  });
  return standing.find(({ id }) => id === annotationId) ?? null;
}

/** What is probably lent next, without a lease; null when nothing else waits. */
export async function findUpcoming(projectId: number, stage: StageName | null): Promise<WorkItem | null> {
  const params = { path: { project_id: projectId }, query: stage === null ? {} : { stage } };
  return (await call(client.GET("/api/projects/{project_id}/work/upcoming", { params }))).item;
}

/** The image is done; saying it twice is no error. */
export async function sayFinished(workId: number, leaseToken: string): Promise<void> {
  await call(client.POST("/api/work/{work_id}/finish", { params: { path: { work_id: workId } }, body: { lease_token: leaseToken } }));
}

/** The calls through which kept masks reach the server. */
export interface AnnotationCalls {
  create(imageId: number, body: AnnotationIn, key: string): Promise<Annotation>;
  change(annotationId: number, body: AnnotationIn, revision: number): Promise<Annotation>;
  remove(annotationId: number, revision: number): Promise<void>;
  restore(annotationId: number): Promise<Annotation>;
  /** Makes a mask the proposal again that it was. */
  propose(annotationId: number, revision: number): Promise<Annotation>;
}

export const annotationCalls: AnnotationCalls = {
  create(imageId, body, key) {
    const params = { path: { image_id: imageId }, header: { "idempotency-key": key } };
    return call(client.POST("/api/images/{image_id}/annotations", { params, body }));
  },
  change(annotationId, body, revision) {
    const params = { path: { annotation_id: annotationId }, header: { "if-match": `"${revision}"` } };
    return call(client.PUT("/api/annotations/{annotation_id}", { params, body }));
  },
  async remove(annotationId, revision) {
    const params = { path: { annotation_id: annotationId }, header: { "if-match": `"${revision}"` } };
    await call(client.DELETE("/api/annotations/{annotation_id}", { params }));
  },
  propose(annotationId, revision) {
    const params = { path: { annotation_id: annotationId }, header: { "if-match": `"${revision}"` } };
    return call(client.POST("/api/annotations/{annotation_id}/propose", { params }));
  },
  restore(annotationId) {
    const params = { path: { annotation_id: annotationId } };
    return call(client.POST("/api/annotations/{annotation_id}/restore", { params }));
  },
};

/** `view`: the part of the image on the screen, [x1, y1, x2, y2] in its pixels. */
export function predict(
  imageId: number,
  prompts: PromptJson[],
  modelVersion: string | null,
  signal: AbortSignal,
  view: [number, number, number, number] | null = null,
) {
  const params = { path: { image_id: imageId } };
  return call(client.POST("/api/images/{image_id}/predict", { params, body: { prompts, multimask: "auto", model_version: modelVersion, view_xyxy: view }, signal }));
}

/** The decoded picture behind an address of an image. */
export async function loadPicture(imageId: number, which: "display" | "thumbnail", signal: AbortSignal): Promise<Picture> {
  const path = `/api/images/${imageId}/${which}`;
  const response = await fetch(path, { signal, credentials: "same-origin" }).catch((reason: unknown) => {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    setLost(true);
    throw noAnswer();
  });
  noteAnswer(response.status, path);
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null), response.headers);
  return decodePicture(await response.blob()).catch(() => {
    throw new ApiError(0, "unreadable_picture", words.notice.unreadablePhoto);
  });
}
