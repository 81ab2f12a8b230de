// The images of a project, page by page, and where their pixels are.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { projectKey } from "./projects";
import { sendForm, type Watch } from "./sendForm";
import type { ImageState, UploadAnswer } from "./types";

export const IMAGES_PER_PAGE = 200;

export const imagesKey = (projectId: number) => [...projectKey(projectId), "images"];

export const imagesQuery = (projectId: number, state: ImageState | null) =>
  infiniteQueryOptions({
    queryKey: [...imagesKey(projectId), state],
    queryFn: ({ pageParam, signal }) => readImages(projectId, { cursor: pageParam, limit: IMAGES_PER_PAGE, state, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    // Comparing ten thousand images with what they were, at each page, costs frames.
    structuralSharing: false,
  });

/** The first few images, for a strip of thumbnails. */
export const firstImagesQuery = (projectId: number, count: number) =>
  queryOptions({
    queryKey: [...imagesKey(projectId), "first", count],
    queryFn: ({ signal }) => readImages(projectId, { cursor: null, limit: count, state: null, signal }),
    staleTime: 60_000,
  });

interface PageWanted {
  cursor: string | null;
  limit: number;
  state: ImageState | null;
  signal: AbortSignal;
}

function readImages(projectId: number, { cursor, limit, state, signal }: PageWanted) {
  const query = { limit, ...(cursor === null ? {} : { cursor: Number(cursor) }), ...(state === null ? {} : { state }) };
  const params = { path: { project_id: projectId }, query };
  return call(client.GET("/api/projects/{project_id}/images", { params, signal }));
}

export async function deleteImage(imageId: number): Promise<void> {
  await call(client.DELETE("/api/images/{image_id}", { params: { path: { image_id: imageId } } }));
}

export const thumbnailUrl = (imageId: number): string => `/api/images/${imageId}/thumbnail`;

/** What a browser shows of an image: the original, or a derivative of at most 4096 px. */
export const displayUrl = (imageId: number): string => `/api/images/${imageId}/display`;

export interface NamedFile {
  /** Name with the folders it came in, such as `holiday/day 2/IMG_1.jpg`. */
  path: string;
  file: File;
}

/** Sends files in one request. */
export function uploadImages(projectId: number, files: readonly NamedFile[], watch: Watch): Promise<UploadAnswer> {
  const form = new FormData();
  for (const { path: name, file } of files) form.append("files", file, name);
  return sendForm(`/api/projects/${projectId}/images`, form, watch);
}
