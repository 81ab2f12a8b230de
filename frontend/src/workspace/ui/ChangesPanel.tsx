// In a review: the selected mask beside what the model had proposed, pixel by pixel.
import { type ReactNode, useMemo } from "react";
import type { Look } from "../../canvas/render/bake";
import { ACCENT, cssColour, type Rgb } from "../../canvas/render/palette";
import { words } from "../../words/workspace";
import { changesOf } from "../changes";
import { selectedMaskOf } from "../state";
import panel from "../panel.module.css";
import workspace from "../workspace.module.css";
import { useWorkspace } from "./context";
import classes from "./help.module.css";
import { VersionPicture } from "./VersionPicture";

const AMBER: Rgb = [226, 163, 58];
const WHITE: Rgb = [255, 255, 255];
/** Apart by more than colour: what was taken away is hatched. */
const ADDED: Look = { colour: ACCENT, fillOpacity: 0.9, isDashed: false };
const REMOVED: Look = { colour: AMBER, fillOpacity: 0.9, isDashed: true };
const KEPT: Look = { colour: WHITE, fillOpacity: 0.2, isDashed: false };

export function ChangesPanel(): ReactNode {
  const mask = useWorkspace(selectedMaskOf);
  const imageId = useWorkspace((state) => state.work?.image.id);
  const changes = useMemo(() => (mask === null ? null : changesOf(mask)), [mask]);
  const layers = useMemo(
    () =>
      changes === null
        ? []
        : [
            { rle: changes.kept.rle, look: KEPT, hasOutline: false },
            { rle: changes.removed.rle, look: REMOVED, hasOutline: false },
            { rle: changes.added.rle, look: ADDED, hasOutline: false },
          ],
    [changes],
  );
  if (mask === null || imageId === undefined || mask.evidence.proposal === null) return null;
  const { heading, asProposed, added, removed, kept } = words.changes;
  return (
    <section className={panel["section"]} aria-label={heading(mask.number)} data-changes>
      <h2 className={panel["heading"]}>{heading(mask.number)}</h2>
      {changes === null ? (
        <p className={workspace["muted"]}>{asProposed}</p>
      ) : (
        <div className={classes["changes"]}>
          <VersionPicture imageId={imageId} layers={layers} frame={changes.bounds} label={words.changes.picture} />
          <ul>
            <Sign {...ADDED}>{added(changes.added.area)}</Sign>
            <Sign {...REMOVED}>{removed(changes.removed.area)}</Sign>
            <Sign {...KEPT}>{kept}</Sign>
          </ul>
        </div>
      )}
    </section>
  );
}

function Sign({ colour, isDashed, children }: Pick<Look, "colour" | "isDashed"> & { children: ReactNode }): ReactNode {
  const fill = cssColour(colour);
  const background = isDashed ? `repeating-linear-gradient(135deg, ${fill} 0 3px, transparent 3px 6px)` : fill;
  return (
    <li>
      <span className={panel["swatch"]} style={{ background }} aria-hidden /> {children}
    </li>
  );
}
