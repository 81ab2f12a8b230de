// Pictures of masks, kept per mask and asked for again when the zoom wants more or less detail. The picture at hand is
// drawn until the better one has come, so nothing ever flickers.
import type { Border } from "../masks/bitmap";
import type { Rle } from "../masks/rle";
import { type Detail, detailFor, type Look } from "./bake";
import type { Painter } from "./painter";
import type { PaintedMask } from "./protocol";

/** The mask being made; its picture is painted before all others. */
export const DRAFT_ID = "draft";
/** The mask under the pointer; it changes faster than it is painted, so the picture of one just passed is shown, too. */
export const HOVER_ID = "hover";

interface Entry {
  rle: Rle;
  /** Detail and look of the last request; empty when the pixels have changed since. */
  askedKey: string;
  isAsked: boolean;
  painted: PaintedMask | null;
  /** The pixels that `painted` shows, and those of `border`; older than `rle` until the new ones have come. */
  paintedCounts: string;
  border: Border | null;
  borderCounts: string;
}

export interface Painted {
  readonly picture: PaintedMask | null;
  /** The border in image pixels; only there once asked for. */
  readonly border: Border | null;
  /** Whether `picture` shows the mask's pixels as they are now. */
  readonly isCurrent: boolean;
}

export interface MaskPictures {
  /** What there is of this mask now; asks for what is missing. */
  get(id: string, rle: Rle, look: Look, options: { scale: number; withBorder: boolean }): Painted;
  /** Lets the mask `id` begin with the picture of another one with the same pixels: a draft that has just been kept. */
  inherit(id: string, from: string): void;
  retain(ids: ReadonlySet<string>): void;
  clear(): void;
}

export function createMaskPictures(painter: Painter, onChange: (id: string) => void): MaskPictures {
  const entries = new Map<string, Entry>();
  const shared = new Map<ImageBitmap, number>();

  const hold = (picture: ImageBitmap | null): void => {
    if (picture !== null) shared.set(picture, (shared.get(picture) ?? 0) + 1);
  };
  const drop = (picture: ImageBitmap | null): void => {
    if (picture === null) return;
    const users = (shared.get(picture) ?? 1) - 1;
    if (users > 0) shared.set(picture, users);
    else {
      shared.delete(picture);
      picture.close();
    }
  };

  const ask = (entry: Entry, id: string, detail: Detail, look: Look, key: string): void => {
    const { rle } = entry;
    entry.askedKey = key;
    entry.isAsked = true;
    void painter.bake(rle, detail, look, id === DRAFT_ID || id === HOVER_ID).then(
      (painted) => {
        hold(painted.picture);
        entry.isAsked = false;
        if (entries.get(id) !== entry || (id !== HOVER_ID && entry.rle.counts !== rle.counts)) drop(painted.picture);
        else {
          drop(entry.painted?.picture ?? null);
          entry.painted = painted;
          entry.paintedCounts = rle.counts;
        }
        onChange(id);
      },
      () => {
        // A mask that cannot be decoded is not drawn; the list still names it.
        entry.isAsked = false;
        onChange(id);
      },
    );
  };

  const askBorder = (entry: Entry, id: string): void => {
    const { rle } = entry;
    entry.borderCounts = rle.counts;
    void painter.border(rle).then(
      (border) => {
        if (entry.rle.counts === rle.counts) entry.border = border;
        onChange(id);
      },
      () => onChange(id),
    );
  };

  return {
    get(id, rle, look, { scale, withBorder }) {
      let entry = entries.get(id);
      if (entry === undefined) {
        entry = { rle, askedKey: "", isAsked: false, painted: null, paintedCounts: "", border: null, borderCounts: "" };
        entries.set(id, entry);
      }
      if (entry.rle !== rle) {
        if (entry.rle.counts !== rle.counts) entry.askedKey = "";
        entry.rle = rle;
      }
      const detail = detailFor(scale);
      const key = `${detail.shift}/${detail.line}/${look.colour.join()}/${look.fillOpacity}/${look.isDashed}`;
      if (entry.askedKey !== key && !entry.isAsked) ask(entry, id, detail, look, key);
      if ((withBorder || detail.line === 0) && entry.borderCounts !== rle.counts) askBorder(entry, id);
      return { picture: entry.painted, border: entry.border, isCurrent: entry.paintedCounts === rle.counts };
    },

    inherit(id, from) {
      const [heir, source] = [entries.get(id), entries.get(from)];
      if (heir !== undefined || source === undefined || source.painted === null) return;
      hold(source.painted.picture);
      entries.set(id, { ...source, askedKey: "", isAsked: false, borderCounts: "" });
    },

    retain(ids) {
      for (const [id, entry] of entries) {
        if (ids.has(id)) continue;
        entries.delete(id);
        drop(entry.painted?.picture ?? null);
      }
    },

    clear() {
      this.retain(new Set());
    },
  };
}
