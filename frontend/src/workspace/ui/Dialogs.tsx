// The dialogs: all keys, why a photo is skipped, and masks that the server refused.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useStore } from "zustand";
import { messageOf } from "../../api/errors";
import { GROUPS, KEYMAP, POINTER_KEYS } from "../keymap";
import type { OutboxRecord } from "../save/database";
import { type Annotation, findAnnotation } from "../server";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap } from "./Panels";

export function Dialogs(): ReactNode {
  const { session } = useWorkplace();
  const dialog = useWorkspace((state) => state.dialog);
  const close = (): void => session.store.setState({ dialog: null });
  return (
    <>
      <Modal opened={dialog === "keys"} onClose={close} title={strings.keysDialog.title} size="xl">
        <KeySheet />
      </Modal>
      <Modal opened={dialog === "skip"} onClose={close} title={strings.skipDialog.title}>
        <SkipForm onClose={close} />
      </Modal>
      <Modal opened={dialog === "refused"} onClose={close} title={strings.refusedDialog.title} size="lg">
        <RefusedList onClose={close} />
      </Modal>
    </>
  );
}

function KeySheet(): ReactNode {
  return (
    <div className={classes["sheet"]}>
      {GROUPS.map((group) => (
        <section key={group}>
          <h3 className={classes["heading"]}>{group}</h3>
          <dl>
            {[...POINTER_KEYS, ...KEYMAP].filter((key) => key.group === group).map(({ keys, does }) => (
              <div key={does}>
                <dt>{keys.filter((chord) => !/^Shift\+(Arrow|\+|\?)/.test(chord)).map((chord) => <KeyCap key={chord}>{capOf(chord)}</KeyCap>)}</dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

const ARROW_CAPS: Readonly<Record<string, string>> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const capOf = (chord: string): string => ARROW_CAPS[chord] ?? chord;

let lastReason: string = strings.skipDialog.reasons[0];

function SkipForm({ onClose }: { onClose: () => void }): ReactNode {
  const { session } = useWorkplace();
  const [reason, setReason] = useState(lastReason);
  const skip = (): void => {
    lastReason = reason.trim();
    onClose();
    void session.queue.skip(lastReason);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        skip();
      }}
    >
      <Stack gap="sm">
        <TextInput label={strings.skipDialog.reason} value={reason} maxLength={500} data-autofocus onFocus={(event) => event.target.select()} onChange={(event) => setReason(event.target.value)} />
        <Group gap={6}>
          {strings.skipDialog.reasons.map((known) => (
            <Button key={known} size="compact-xs" variant={known === reason ? "light" : "default"} onClick={() => setReason(known)}>{known}</Button>
          ))}
        </Group>
        <Group gap="xs">
          <Button type="submit">{strings.skipDialog.skip}</Button>
          <Button variant="default" onClick={onClose}>{strings.skipDialog.cancel}</Button>
        </Group>
      </Stack>
    </form>
  );
}

function RefusedList({ onClose }: { onClose: () => void }): ReactNode {
  const { session } = useWorkplace();
  const refused = useStore(session.outbox.state, (state) => state.refused);
  return (
    <Stack gap="sm">
      <Text c="dimmed" size="sm">{strings.refusedDialog.why}</Text>
      {refused.map((record) => <Refused key={record.maskId} record={record} />)}
      <Group>
        <Button variant="default" onClick={onClose}>{strings.refusedDialog.close}</Button>
      </Group>
    </Stack>
  );
}

/** In words, when it is not another mask. */
function standsAs({ state }: Annotation): string | null {
  if (state === "proposed") return strings.refusedDialog.undecided;
  return state === "accepted" ? null : strings.refusedDialog.theirRemoval;
}

function Refused({ record }: { record: OutboxRecord }): ReactNode {
  const { session } = useWorkplace();
  const categories = useWorkspace((state) => state.categories);
  const current = record.refusal?.current as Annotation | null | undefined;
  const words = strings.refusedDialog;
  const nameOf = (id: number | null | undefined): string => categories.find((category) => category.id === id)?.name ?? strings.mask.noCategory;
  const report = (error: unknown): void => session.store.setState({ notice: messageOf(error) });
  const giveUp = async (): Promise<void> => {
    const standing = current ?? (record.server === null ? null : await findAnnotation(record.imageId, record.server.annotationId));
    await session.outbox.giveUp(record.maskId);
    session.editing.acceptRefusal(record, standing);
  };
  return (
    <article className={classes["refused"]}>
      <Text size="sm">
        {current ? words.conflict : record.refusal?.message} <span className={classes["muted"]}>{words.of(record.imageName)}</span>
      </Text>
      {current && (
        <dl className={classes["versions"]}>
          <dt>{words.mineIs}</dt>
          <dd>{record.wanted === "removed" ? words.removal : record.wanted === "proposed" ? words.undecided : nameOf(record.body.category_id)}</dd>
          <dt>{words.theirsIs}</dt>
          <dd>{standsAs(current) ?? words.describe(strings.list.pixels(current.area), nameOf(current.category_id))}</dd>
        </dl>
      )}
      <Group gap={6} mt={6}>
        <Button size="compact-sm" onClick={() => void session.outbox.sendAgain(record.maskId).catch(report)}>{current ? words.mine : words.again}</Button>
        <Button size="compact-sm" variant="default" onClick={() => void giveUp().catch(report)}>{current ? words.theirs : words.giveUp}</Button>
        <Button
          size="compact-sm"
          variant="subtle"
          component="a"
          href={`data:application/json,${encodeURIComponent(JSON.stringify(record))}`}
          download={`mask-${record.maskId}.json`}
        >
          {words.download}
        </Button>
      </Group>
    </article>
  );
}
