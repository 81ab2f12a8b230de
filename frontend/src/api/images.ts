// The images of a project, page by page, and where their pixels are.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, client, noteAnswer } from "./client";
import { setLost } from "./connection";
import { errorOf, noAnswer } from "./errors";
import { projectKey } from "./projects";
import { words } from "../words/errors";
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

/** Sends files in one request. XMLHttpRequest, because fetch cannot tell how much of a large .zip has gone out. */
export function uploadImages(
  projectId: number,
  files: readonly NamedFile[],
  { signal, onBytesSent }: { signal: AbortSignal; onBytesSent: (bytes: number) => void },
): Promise<UploadAnswer> {
  const path = `/api/projects/${projectId}/images`;
  const form = new FormData();
  for (const { path: name, file } of files) form.append("files", file, name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    request.open("POST", path);
    request.responseType = "json";
    request.upload.onprogress = (event) => onBytesSent(event.loaded);
    request.onload = () => {
      noteAnswer(request.status, path);
      if (request.status < 300) resolve(request.response as UploadAnswer);
      else reject(errorOf(request.status, request.response, headersOf(request)));
    };
    request.onerror = () => {
      setLost(true);
      reject(noAnswer());
    };
    request.onabort = () => reject(new DOMException(words.cancelledUpload, "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) request.onabort?.(new ProgressEvent("abort"));
    else request.send(form);
  });
}

function headersOf(request: XMLHttpRequest): Headers {
  const retryAfter = request.getResponseHeader("Retry-After");
  return new Headers(retryAfter === null ? {} : { "Retry-After": retryAfter });
}
