// Everything that can be done, by name: every action with its key, the images, the pages of the project.
import "@mantine/spotlight/styles.css";
import { createSpotlight, Spotlight } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { projectQuery } from "../../api/projects";
import { canExport, canManage } from "../../api/roles";
import type { Project } from "../../api/types";
import { words as frame } from "../../words/app";
import { words } from "../../words/workspace";
import { capOf, GROUPS, isForReview, doesOf, KEYMAP } from "../keymap";
import { chordsOf, keyPreferences } from "../preferences/keys";
import { pagePreferences } from "../preferences/page";
import { findImages } from "../images";
import { useWorkplace } from "./context";
import classes from "./help.module.css";
import { Cap } from "./Panels";

interface Command {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly chords: readonly string[];
  readonly run: () => void;
}

const MOST_IMAGES = 8;
const [store, palette] = createSpotlight();
const LIST_ID = "segloop-actions";
const rowId = (id: string): string => `segloop-action-${id}`;

export function CommandPalette({ projectId, onClose }: { projectId: number; onClose: () => void }): ReactNode {
  const [query, setQuery] = useState("");
  /** Of the selected row; -1: none. */
  const [place, setPlace] = useState(-1);
  const commands = useCommands(projectId, query.trim());
  useEffect(() => {
    palette.open();
    return palette.close;
  }, []);
  const groups = [...new Set(commands.map((command) => command.group))];
  const shown = groups.flatMap((group) => commands.filter((command) => command.group === group));
  // Enter does the first one, also when it came later over the network: the library selects only as one types.
  const selected = Math.min(place, shown.length - 1);
  const selectedId = shown[selected]?.id;
  useEffect(() => {
    // The library knows the selected row by a mark on its element, which may stand for another action by now.
    store.updateState((state) => ({ ...state, selected }));
    for (const row of document.querySelectorAll("[data-action]")) row.toggleAttribute("data-selected", row.id === rowId(selectedId ?? ""));
  }, [selected, selectedId]);
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={(typed) => {
        setQuery(typed);
        setPlace(0);
      }}
      onKeyDown={() => setPlace(store.getState().selected)} // after the field's own: the library moves the selection without a word
      onSpotlightClose={onClose}
      shortcut={null}
      scrollable
      maxHeight={420}
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }}
      aria-label={words.commands.title}
      centered={false}
      classNames={{ actionsGroup: classes["group"] ?? "" }}
      styles={{ content: { background: "var(--sl-panel)", border: "1px solid var(--sl-line)" } }}
    >
      <Spotlight.Search
        placeholder={words.commands.placeholder}
        role="combobox"
        aria-label={words.commands.placeholder}
        aria-expanded={shown.length > 0}
        aria-controls={LIST_ID}
        aria-autocomplete="list"
        aria-activedescendant={selectedId === undefined ? undefined : rowId(selectedId)}
      />
      <Spotlight.ActionsList id={LIST_ID} role="listbox" aria-label={words.commands.title} tabIndex={0}>
        {groups.map((group) => (
          <Spotlight.ActionsGroup key={group} label={group} role="group" aria-label={group}>
            {shown.filter((command) => command.group === group).map(({ id, label, chords, run }) => (
              <Spotlight.Action
                key={id}
                ref={(row: HTMLButtonElement | null) => row?.setAttribute("id", rowId(id))} // the library drops an `id`
                role="option"
                aria-selected={id === selectedId}
                label={label}
                rightSection={<Caps chords={chords} />}
                dimmedSections={false}
                onClick={() => {
                  onClose();
                  run();
                }}
              />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {commands.length === 0 && <Spotlight.Empty>{words.commands.none}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

const Caps = ({ chords }: { chords: readonly string[] }): ReactNode =>
  [...new Set(chords.map(capOf))].map((chord) => <Cap key={chord} chord={chord} />);

/** What fits the words that were typed, each of them somewhere in the name. */
function useCommands(projectId: number, query: string): Command[] {
  const { session, stage, reviewing } = useWorkplace();
  const preferences = useStore(keyPreferences.store);
  const navigate = useNavigate();
  const { data: project } = useQuery(projectQuery(projectId));
  const images = useQuery({
    queryKey: ["project", projectId, "images", "named", query],
    queryFn: () => findImages(projectId, query, MOST_IMAGES),
    enabled: query !== "",
  });
  const typed = query.toLowerCase().split(/\s+/);
  const has = (text: string): boolean => typed.every((word) => text.toLowerCase().includes(word));
  if (stage === null) return [];
  // What lasts while a key is held has no end here.
  const isForHere = (key: (typeof KEYMAP)[number]): boolean => key.id !== "commands" && key.release === undefined;
  const actions = KEYMAP.filter((key) => isForHere(key) && (reviewing === null || isForReview(key))).map((key): Command => ({
    id: key.id,
    group: words.keys.groups[key.group],
    label: doesOf(key, preferences),
    chords: chordsOf(key, preferences),
    run: () => key.run({ session, stage, reviewing }, new KeyboardEvent("keydown")),
  }));
  const pages = (project === undefined ? [] : pagesOf(project)).map(({ page, to }): Command => ({
    id: `page.${page}`,
    group: words.commands.pages,
    label: frame.project[page],
    chords: [],
    run: () => void navigate({ to, params: { projectId } }),
  }));
  const help: Command[] = [
    { id: "tour", group: words.commands.help, label: words.commands.tour, chords: [], run: () => pagePreferences.store.setState({ isTourSeen: false }) },
  ];
  const found = (images.data ?? []).map((image): Command => ({
    id: `image.${image.id}`,
    group: words.commands.images,
    label: words.commands.goTo(image.file_name),
    chords: [],
    run: () => void (reviewing ?? session.queue).open(image.id),
  }));
  const all = [...actions, ...pages, ...(reviewing === null ? help : [])].sort((a, b) => placeOf(a) - placeOf(b));
  const named = all.filter(({ label }) => has(label));
  // By the name of its group only what no name of an action fits.
  const fitting = named.length > 0 ? named : all.filter(({ label, group }) => has(`${label} ${group}`));
  return [...fitting, ...(query === "" ? [] : found)];
}

const placeOf = ({ group }: Command): number => (GROUPS.some((known) => words.keys.groups[known] === group) ? 0 : 1);

/** The pages whose tabs this person sees. */
function pagesOf(project: Project) {
  const all = [
    { page: "images", to: "/projects/$projectId", isAllowed: true },
    { page: "pipeline", to: "/projects/$projectId/pipeline", isAllowed: canExport(project) },
    { page: "flywheel", to: "/projects/$projectId/flywheel", isAllowed: canExport(project) },
    { page: "models", to: "/projects/$projectId/models", isAllowed: canExport(project) },
    { page: "exports", to: "/projects/$projectId/exports", isAllowed: canExport(project) },
    { page: "jobs", to: "/projects/$projectId/jobs", isAllowed: true },
    { page: "activity", to: "/projects/$projectId/activity", isAllowed: canExport(project) },
    { page: "settings", to: "/projects/$projectId/settings", isAllowed: canManage(project) },
  ] as const;
  return all.filter(({ isAllowed }) => isAllowed);
}
