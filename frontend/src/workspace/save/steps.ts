// One mask on its way to the server: what has to be sent next follows from what is wanted and what the server has.
import { ApiError } from "../../api/errors";
import type { Annotation, AnnotationCalls, AnnotationIn } from "../server";
import { type OutboxRecord, saidAs, type SentStep, type ServerMask } from "./database";

/** What has to be sent next so that the server has what is wanted. What was sent without an answer is sent again first. */
export function stepOf({ wanted, server, tried, version, sentVersion }: OutboxRecord): SentStep | "none" {
  if (tried !== null) return tried.step;
  if (server === null) return wanted === "kept" ? "create" : "none";
  if (wanted === "removed") return server.state === "gone" ? "none" : "remove";
  if (server.state === "gone") return "restore";
  if (wanted === "proposed") return server.state === "proposed" ? "none" : "propose";
  // A proposal is taken by the same request as it is corrected by.
  return version === sentVersion && server.state === "accepted" ? "none" : "change";
}

/** Sends it; returns what the server has then. */
export async function sendStep(calls: AnnotationCalls, step: SentStep, record: OutboxRecord, body: AnnotationIn): Promise<ServerMask> {
  const { server } = record;
  if (step === "create" || server === null) return serverMaskOf(await calls.create(record.imageId, body, record.maskId));
  const { annotationId, revision } = server;
  if (step === "propose") return serverMaskOf(await calls.propose(annotationId, revision));
  if (step === "restore") return serverMaskOf(await calls.restore(annotationId));
  if (step === "change") return serverMaskOf(await calls.change(annotationId, body, revision).catch(acceptOwn(body)));
  await calls.remove(annotationId, revision).catch(acceptAbsence);
  return { ...server, state: "gone" };
}

/** Whether the server has this body already. */
export const isAsOn = (server: ServerMask, body: AnnotationIn): boolean =>
  server.counts === body.rle.counts &&
  server.categoryId === (body.category_id ?? null) &&
  server.clicks === body.clicks &&
  (server.said ?? "") === saidAs(body);

export const serverMaskOf = ({ id, revision, state, rle, category_id, clicks, flags, comment }: Annotation): ServerMask => ({
  annotationId: id,
  revision,
  state: state === "accepted" || state === "proposed" ? state : "gone",
  counts: rle.counts,
  categoryId: category_id,
  clicks,
  said: saidAs({ flags, comment }),
});

/** A conflict with our own change, whose answer got lost, is none. */
const acceptOwn = (sent: AnnotationIn) => (error: unknown): Annotation => {
  const current = error instanceof ApiError ? (error.body["current"] as Annotation | undefined) : undefined;
  if (current?.state !== "accepted" || !isAsOn(serverMaskOf(current), sent)) throw error;
  return current;
};

function acceptAbsence(error: unknown): void {
  if (!(error instanceof ApiError) || ![404, 410].includes(error.status)) throw error;
}
