// Masks that the server refused, and conflicts: each waits for the person's word.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { type ReactNode, useMemo } from "react";
import { useStore } from "zustand";
import { messageOf } from "../../api/errors";
import type { Bounds } from "../../canvas/document";
import { boundsOf, type Rle, runsOf } from "../../canvas/masks/rle";
import { DRAFT_LOOK } from "../../canvas/render/draw";
import { words } from "../../words/workspace";
import type { OutboxRecord } from "../save/database";
import { type Annotation, findAnnotation } from "../server";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { VersionPicture } from "./VersionPicture";

export function RefusedDialog({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Modal opened onClose={onClose} title={words.refusedDialog.title} size="lg">
      <RefusedList onClose={onClose} />
    </Modal>
  );
}

function RefusedList({ onClose }: { onClose: () => void }): ReactNode {
  const { session } = useWorkplace();
  const refused = useStore(session.outbox.state, (state) => state.refused);
  return (
    <Stack gap="sm">
      <Text c="dimmed" size="sm">{words.refusedDialog.why}</Text>
      {refused.map((record) => <Refused key={record.maskId} record={record} />)}
      <Group>
        <Button variant="default" onClick={onClose}>{words.refusedDialog.close}</Button>
      </Group>
    </Stack>
  );
}

function around(a: Bounds, b: Bounds): Bounds {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const [right, bottom] = [Math.max(a.x + a.width, b.x + b.width), Math.max(a.y + a.height, b.y + b.height)];
  return { x, y, width: right - x, height: bottom - y };
}

function Version({ rle, ...place }: { imageId: number; rle: Rle; frame: Bounds; label: string }): ReactNode {
  const layers = useMemo(() => [{ rle, look: DRAFT_LOOK, hasOutline: true }], [rle]);
  return <VersionPicture {...place} layers={layers} />;
}

/** In words, when it is not another mask. */
function standsAs({ state }: Annotation): string | null {
  if (state === "proposed") return words.refusedDialog.undecided;
  return state === "accepted" ? null : words.refusedDialog.theirRemoval;
}

function Refused({ record }: { record: OutboxRecord }): ReactNode {
  const { session } = useWorkplace();
  const categories = useWorkspace((state) => state.categories);
  const current = record.refusal?.current as Annotation | null | undefined;
  const frame = useMemo(() => (current ? around(boundsOf(runsOf(record.body.rle)), boundsOf(runsOf(current.rle))) : null), [record, current]);
  const nameOf = (id: number | null | undefined): string => categories.find((category) => category.id === id)?.name ?? words.mask.noCategory;
  const report = (error: unknown): void => session.store.setState({ notice: messageOf(error) });
  const giveUp = async (): Promise<void> => {
    const standing = current ?? (record.server === null ? null : await findAnnotation(record.imageId, record.server.annotationId));
    await session.outbox.giveUp(record.maskId);
    session.editing.acceptRefusal(record, standing);
  };
  return (
    <article className={classes["refused"]}>
      <Text size="sm">
        {current ? words.refusedDialog.conflict : record.refusal?.message} <span className={classes["muted"]}>{words.refusedDialog.of(record.imageName)}</span>
      </Text>
      {current && frame !== null && (
        <div className={panel["row"]}>
          <Version imageId={record.imageId} rle={record.body.rle} frame={frame} label={words.refusedDialog.mineIs} />
          <Version imageId={record.imageId} rle={current.rle} frame={frame} label={words.refusedDialog.theirsIs} />
        </div>
      )}
      {current && (
        <dl className={classes["versions"]}>
          <dt>{words.refusedDialog.mineIs}</dt>
          <dd>{record.wanted === "removed" ? words.refusedDialog.removal : record.wanted === "proposed" ? words.refusedDialog.undecided : nameOf(record.body.category_id)}</dd>
          <dt>{words.refusedDialog.theirsIs}</dt>
          <dd>{standsAs(current) ?? words.refusedDialog.describe(words.list.pixels(current.area), nameOf(current.category_id))}</dd>
        </dl>
      )}
      <Group gap={6} mt={6}>
        <Button size="compact-sm" onClick={() => void session.outbox.sendAgain(record.maskId).catch(report)}>{current ? words.refusedDialog.mine : words.refusedDialog.again}</Button>
        <Button size="compact-sm" variant="default" onClick={() => void giveUp().catch(report)}>{current ? words.refusedDialog.theirs : words.refusedDialog.giveUp}</Button>
        <Button
          size="compact-sm"
          variant="subtle"
          component="a"
          href={`data:application/json,${encodeURIComponent(JSON.stringify(record))}`}
          download={`mask-${record.maskId}.json`}
        >
          {words.refusedDialog.download}
        </Button>
      </Group>
    </article>
  );
}
