// Embeddings and decoders from the server, for the worker. What is still being made (202) is asked for again.
import { DECODER_FORMAT, type Description, EMBEDDING_FORMAT, type EmbeddingLayout } from "./description";

/** The server cannot give it. `isPassing`: it may in a while. */
export class NotServed extends Error {
  constructor(
    message: string,
    readonly isPassing: boolean,
  ) {
    super(message);
  }
}

const FIRST_EXPORT_MS = 15 * 60_000;

export interface Embedding {
  readonly etag: string;
  readonly layout: EmbeddingLayout;
  /** fp16, as it came. */
  readonly features: readonly Uint16Array[];
}

/** The image's embedding by the project's live model; `known` again when it is still the one. */
export async function fetchEmbedding(imageId: number, known: Embedding | undefined): Promise<Embedding> {
  const response = await fetchMade(`/api/images/${imageId}/embedding`);
  const etag = response.headers.get("ETag") ?? "";
  if (known !== undefined && known.etag === etag) {
    await response.body?.cancel();
    return known;
  }
  const layout = describedIn(response, "Segloop-Embedding") as EmbeddingLayout;
  requireFormat(layout.format, EMBEDDING_FORMAT);
  const bytes = await response.arrayBuffer();
  if (bytes.byteLength !== layout.byte_length) throw new NotServed("The embedding came incomplete.", true);
  const features = layout.features.map(
    ({ shape: [channels, height, width], byte_offset: start }) => new Uint16Array(bytes, start, channels * height * width),
  );
  return { etag, layout, features };
}

export async function fetchDecoder(modelVersion: string): Promise<{ description: Description; model: ArrayBuffer }> {
  const response = await fetchMade(`/api/models/${encodeURIComponent(modelVersion)}/decoder.onnx?weights=smallest`);
  const description = describedIn(response, "Segloop-Decoder") as Description;
  requireFormat(description.format, DECODER_FORMAT);
  return { description, model: await response.arrayBuffer() };
}

async function fetchMade(path: string): Promise<Response> {
  for (const started = performance.now(); performance.now() - started < FIRST_EXPORT_MS; ) {
    const response = await fetch(path, { credentials: "same-origin", priority: "low" }).catch((error: unknown) => {
      throw new NotServed(String(error), true);
    });
    if (response.status === 200) return response;
    if (response.status !== 202) throw new NotServed(await messageIn(response), response.status >= 500 || response.status === 401);
    const seconds = Number(response.headers.get("Retry-After") ?? 1);
    await new Promise((done) => setTimeout(done, seconds * 1000));
  }
  throw new NotServed("The server takes too long to make it.", true);
}

async function messageIn(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
  return body?.error?.message ?? `The server answered ${response.status}.`;
}

function describedIn(response: Response, header: string): unknown {
  const text = response.headers.get(header);
  if (text === null) throw new NotServed(`The header ${header} is missing.`, false);
  return JSON.parse(text);
}

function requireFormat(format: number, known: number): void {
  if (format !== known) throw new NotServed("This page is older than the server; reload it.", false);
}
