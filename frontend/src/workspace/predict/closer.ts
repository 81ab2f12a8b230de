// Parts of the photo are encoded for themselves by the server, so that small objects get sharper masks: what is on the
// screen of a person who has zoomed in, else the surroundings of an object that is being corrected. That takes a moment, in
// the background; until it is done, and for what lies outside, the whole photo answers.
import type { ImageBox, Size } from "../../canvas/geometry";
import type { Prompt } from "../../canvas/prompts";
import { predict } from "../server";
import { type Answer, type Predictor, shownIndex } from "./predictor";

export interface View {
  readonly imageId: number;
  readonly box: ImageBox;
  readonly image: Size;
}

export interface Closer extends Predictor {
  /** What is on the screen now; null: nothing yet. */
  look(view: View | null): void;
  /** The part that answers for itself; null: the whole photo answers. */
  part(): ImageBox | null;
  close(): void;
}

type Ask = typeof predict;

/** Seeing more of a side than this, there is no smaller part that holds it: 3/4 of a half (model_server/contract/view.py). */
const LARGEST_SHARE = 3 / 8;
/** The surroundings of an object are its box so many times, as for one who has zoomed in to it (ZOOM there). */
const ZOOM = 4;
const REST_MS = 250;
const AGAIN_MS = 400;
/** Each pause is twice the one before, 25 s in all. */
const MOST_ATTEMPTS = 7;

export function createCloser(whole: Predictor, ask: Ask = predict): Closer {
  let screen: View | null = null;
  let object: View | null = null;
  let part: { readonly imageId: number; readonly box: ImageBox } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let warming = new AbortController();
  let modelVersion: string | null = null;

  const stop = (): void => {
    clearTimeout(timer);
    warming.abort();
    warming = new AbortController();
  };

  /** A click that nobody sees has the part encoded, and tells when it is. */
  const warm = async (imageId: number, box: ImageBox, attempt: number): Promise<void> => {
    const { signal } = warming;
    const [x, y] = [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2];
    try {
      const answer = await ask(imageId, [{ type: "point", x, y, label: 1, candidate: null }], modelVersion, signal, tuple(box));
      if (signal.aborted) return;
      const found = answer.part_xyxy ?? null;
      if (found !== null) part = { imageId, box: boxOf(found) };
      else if (answer.is_part_pending && attempt + 1 < MOST_ATTEMPTS)
        timer = setTimeout(() => void warm(imageId, box, attempt + 1), AGAIN_MS * 2 ** attempt);
    } catch {
      // The whole photo goes on answering; what is wrong is said when a real click meets it.
    }
  };

  const lookedAt = (): View | null => (screen !== null && isClose(screen) ? screen : object);

  const partLookedAt = (): ImageBox | null => {
    const view = lookedAt();
    const isHeld = view !== null && part?.imageId === view.imageId && holds(part.box, [corner(view.box, 1), corner(view.box, 2)]);
    return isHeld && part !== null ? part.box : null;
  };

  /** A second click says that the first answer was not it: by the third the object's surroundings may be encoded. */
  const attend = (imageId: number, prompts: readonly Prompt[], answer: Answer): void => {
    const mask = answer.masks[shownIndex(answer, null)];
    object = null;
    if (screen?.imageId !== imageId || prompts.length < 2 || mask === undefined || mask.area === 0) return;
    const view = { imageId, image: screen.image, box: surroundings(mask.bbox_xywh, screen.image) };
    if (!isClose(view)) return;
    object = view;
    if (lookedAt() !== object || partLookedAt() !== null) return;
    stop();
    void warm(imageId, object.box, 0);
  };

  return {
    look(next) {
      screen = next;
      if (next === null || next.imageId !== part?.imageId) part = null;
      if (next === null || next.imageId !== object?.imageId) object = null;
      const isNear = next !== null && isClose(next);
      if (isNear || object === null) stop();
      if (isNear) timer = setTimeout(() => void warm(next.imageId, next.box, 0), REST_MS);
    },
    part: partLookedAt,
    lookedAt: () => tuple(partLookedAt() ?? WHOLE).join(),
    async predict(imageId, prompts, version, signal) {
      modelVersion = version;
      if (prompts.length < 2) object = null;
      const [view, near] = [lookedAt(), partLookedAt()];
      if (view?.imageId === imageId && near !== null && holds(near, prompts.flatMap(placesOf))) {
        const started = performance.now();
        try {
          const answer = await ask(imageId, [...prompts], version, signal, tuple(view.box));
          const isCloser = (answer.part_xyxy ?? null) !== null;
          return { where: "server", isCloser, modelVersion: answer.model_version, masks: answer.masks, milliseconds: performance.now() - started };
        } catch (error) {
          if (signal.aborted) throw error;
        }
      }
      const answer = await whole.predict(imageId, prompts, version, signal);
      if (!signal.aborted) attend(imageId, prompts, answer);
      return answer;
    },
    close: stop,
  };
}

const WHOLE: ImageBox = { x1: 0, y1: 0, x2: 0, y2: 0 };

const isClose = ({ box, image }: View): boolean =>
  box.x2 - box.x1 <= LARGEST_SHARE * image.width && box.y2 - box.y1 <= LARGEST_SHARE * image.height;

function surroundings([x = 0, y = 0, width = 0, height = 0]: readonly number[], image: Size): ImageBox {
  const [left, top] = [x + width / 2 - (ZOOM * width) / 2, y + height / 2 - (ZOOM * height) / 2];
  return {
    x1: Math.max(0, left),
    y1: Math.max(0, top),
    x2: Math.min(image.width, left + ZOOM * width),
    y2: Math.min(image.height, top + ZOOM * height),
  };
}

interface Place {
  readonly x: number;
  readonly y: number;
}
const corner = (box: ImageBox, which: 1 | 2): Place => (which === 1 ? { x: box.x1, y: box.y1 } : { x: box.x2, y: box.y2 });
const tuple = ({ x1, y1, x2, y2 }: ImageBox): [number, number, number, number] => [x1, y1, x2, y2];
const boxOf = ([x1 = 0, y1 = 0, x2 = 0, y2 = 0]: readonly number[]): ImageBox => ({ x1, y1, x2, y2 });

const holds = (box: ImageBox, places: readonly Place[]): boolean =>
  places.every(({ x, y }) => x >= box.x1 && x <= box.x2 && y >= box.y1 && y <= box.y2);

/** A mask is left to the server, which says by its answer whether the part held it. */
function placesOf(prompt: Prompt): Place[] {
  if (prompt.type === "point") return [{ x: prompt.x, y: prompt.y }];
  return prompt.type === "box" ? [{ x: prompt.x1, y: prompt.y1 }, { x: prompt.x2, y: prompt.y2 }] : [];
}
