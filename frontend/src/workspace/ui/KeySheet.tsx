// Every action with its keys; each can be given another one.
import { Button, Group, Modal, Switch } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { words } from "../../words/workspace";
import { capOf, doesOf, GROUPS, type Key, KEYMAP, POINTER_KEYS, withOwnKeys } from "../keymap";
import { bind, capturedChord, chordsOf, holderOf, isReserved, keyPreferences, type KeyPreferences, reset } from "../preferences/keys";
import panel from "../panel.module.css";
import workspace from "../workspace.module.css";
import classes from "./help.module.css";
import { Cap } from "./Panels";


/** What is being changed. `wanted`: the chord was pressed, but another action has it. */
interface Change {
  readonly key: Key;
  readonly wanted: { readonly chord: string; readonly holder: Key } | null;
  readonly problem: string | null;
}

const change = (next: (preferences: KeyPreferences) => KeyPreferences): void =>
  keyPreferences.store.setState(next(keyPreferences.store.getState()), true);

export function KeySheet({ onClose }: { onClose: () => void }): ReactNode {
  const preferences = useStore(keyPreferences.store);
  const [changing, setChanging] = useState<Change | null>(null);
  const [said, setSaid] = useState("");
  const isListening = changing !== null && changing.wanted === null;
  const take = (key: Key, chord: string): void => {
    change((now) => bind(KEYMAP, key, [chord], now));
    setChanging(null);
    setSaid(words.keysDialog.bound(doesOf(key, preferences), capOf(chord)));
  };
  useCapture(isListening, (chord) => {
    if (changing === null) return;
    const { key } = changing;
    if (chord === null) return setChanging(null);
    if (isReserved(chord)) return setChanging({ key, wanted: null, problem: words.keysDialog.reserved(capOf(chord)) });
    const holder = holderOf(KEYMAP, chord, key, preferences);
    if (holder !== null) return setChanging({ key, wanted: { chord, holder }, problem: words.keysDialog.taken(capOf(chord), doesOf(holder, preferences)) });
    take(key, chord);
  });
  return (
    <Modal opened onClose={onClose} title={words.keysDialog.title} size="min(1180px, 94vw)" closeOnEscape={changing === null}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="md">
        <Switch
          checked={!preferences.areSingleKeysOff}
          label={words.keysDialog.single}
          description={withOwnKeys(words.keysDialog.singleWhat, preferences)}
          onChange={(event) => {
            const areSingleKeysOff = !event.currentTarget.checked;
            change((now) => ({ ...now, areSingleKeysOff }));
          }}
        />
        <Button
          variant="default"
          style={{ flex: "none" }}
          disabled={Object.keys(preferences.chords).length === 0}
          onClick={() => change((now) => ({ ...now, chords: {} }))}
        >
          {words.keysDialog.resetAll}
        </Button>
      </Group>
      <p className={workspace["muted"]}>{words.keysDialog.how}</p>
      <div className={workspace["hidden"]} role="status">{said}</div>
      <div className={classes["sheet"]}>
        {GROUPS.map((group) => (
          <section key={group} aria-label={words.keys.groups[group]}>
            <h3 className={panel["heading"]}>{words.keys.groups[group]}</h3>
            <ul>
              {KEYMAP.filter((key) => key.group === group).map((key) => (
                <Row
                  key={key.id}
                  {...{ action: key, preferences, onTake: take }}
                  change={changing?.key === key ? changing : null}
                  onChange={() => setChanging({ key, wanted: null, problem: null })}
                  onLeave={() => setChanging(null)}
                />
              ))}
            </ul>
          </section>
        ))}
        <section aria-label={words.keysDialog.pointer}>
          <h3 className={panel["heading"]}>{words.keysDialog.pointer}</h3>
          <ul>
            {POINTER_KEYS.map(({ keys, does }) => (
              <li key={does} className={classes["pointer"]}>
                <span className={classes["caps"]}>{keys.map((chord) => <Cap key={chord} chord={chord} />)}</span>
                <span className={classes["does"]}>{does}</span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </Modal>
  );
}

interface RowProps {
  action: Key;
  preferences: KeyPreferences;
  change: Change | null;
  onChange: () => void;
  onTake: (key: Key, chord: string) => void;
  onLeave: () => void;
}

function Row({ action, preferences, change: changing, onChange, onTake, onLeave }: RowProps): ReactNode {
  const caps = [...new Set(chordsOf(action, preferences).map(capOf))];
  const isListening = changing !== null && changing.wanted === null;
  const does = doesOf(action, preferences);
  return (
    <li data-changing={changing !== null}>
      <div className={classes["row"]}>
        <button type="button" className={classes["action"]} onClick={onChange} data-action-id={action.id}>
          <span className={classes["caps"]}>
            {isListening ? <em>{words.keysDialog.press}</em> : caps.map((chord) => <Cap key={chord} chord={chord} />)}
            {!isListening && caps.length === 0 && <em>{words.keysDialog.none}</em>}
          </span>
          <span className={classes["does"]}>{does}</span>
        </button>
        {action.id in preferences.chords && (
          <Button size="compact-xs" variant="subtle" color="gray" aria-label={words.keysDialog.resetOf(does)} onClick={() => change((now) => reset(KEYMAP, action, now))}>{words.keysDialog.reset}</Button>
        )}
      </div>
      {changing !== null && (
        <div className={classes["problem"]} role="alert">
          {changing.problem} {isListening && <span className={workspace["muted"]}>{words.keysDialog.stop}</span>}
          {changing.wanted !== null && (
            <Group gap={6} mt={4}>
              <Button size="compact-xs" autoFocus onClick={() => onTake(action, changing.wanted?.chord ?? "")}>{words.keysDialog.swap}</Button>
              <Button size="compact-xs" variant="default" onClick={onLeave}>{words.keysDialog.leave}</Button>
            </Group>
          )}
        </div>
      )}
    </li>
  );
}

/** While listening, the next chord goes here and nowhere else; null: Escape. Tab stays with the browser and is refused. */
function useCapture(isListening: boolean, onChord: (chord: string | null) => void): void {
  useEffect(() => {
    if (!isListening) return undefined;
    const onDown = (event: KeyboardEvent): void => {
      const chord = capturedChord(event);
      if (chord === null) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      onChord(event.key === "Escape" ? null : chord);
    };
    window.addEventListener("keydown", onDown, { capture: true });
    return () => window.removeEventListener("keydown", onDown, { capture: true });
  });
}
