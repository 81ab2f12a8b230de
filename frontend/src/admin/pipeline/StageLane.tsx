// One stage: where its images are, how fast they go, and what is missing before they may go on.
import { Button, Group, Progress, Text, Title } from "@mantine/core";
import { IconCircleCheck, IconSettings } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Stage } from "../../api/stages";
import { count, duration } from "../../ui/format";
import { decimal } from "../../ui/measureWords";
import { STAGE_WORDS } from "../../ui/stageWords";
import { words as imageWords } from "../../words/images";
import { STATE_MARKS } from "../images/imageStates";
import { words } from "../../words/pipeline";
import { words as uiWords } from "../../words/ui";
import { progressWords } from "./exitWords";
import { ITEM_STATES, itemsOf } from "./stageFigures";

interface StageLaneProps {
  stage: Stage;
  number: number;
  mayManage: boolean;
  isOpen: boolean;
  onToggle: () => void;
  hasDetector: boolean;
  /** null: the first stage, which images enter by being added. */
  onAdmit: (() => void) | null;
}

export function StageLane({ stage, number, mayManage, isOpen, onToggle, hasDetector, onAdmit }: StageLaneProps): ReactNode {
  const { name, does } = STAGE_WORDS[stage.stage];
  const items = itemsOf(stage.counts);
  return (
    <li className="lane" data-stage={stage.stage} data-active={items > 0} data-open={isOpen}>
      <div>
        <Group gap={10} wrap="nowrap">
          <span className="lane-number tabular" aria-hidden>
            {number}
          </span>
          <Title order={2} style={{ flex: 1 }}>
            {name}
          </Title>
        </Group>
        <Text size="sm" c="dimmed" mt={6}>
          {does}
        </Text>
      </div>
      {items === 0 ? <NothingHere stage={stage} canEnter={onAdmit !== null && mayManage} /> : <Figures stage={stage} items={items} />}
      <Exit stage={stage} hasDetector={hasDetector} />
      <Group gap="xs" mt="auto">
        {onAdmit !== null && mayManage && (
          <Button size="compact-md" onClick={onAdmit} aria-label={words.lane.admitTo(name)}>
            {words.lane.admit}
          </Button>
        )}
        <Button
          size="compact-md"
          variant="default"
          leftSection={<IconSettings aria-hidden size={16} />}
          aria-expanded={isOpen}
          aria-controls="stage-panel"
          aria-label={words.lane.settingsOf(name)}
          onClick={onToggle}
        >
          {words.lane.settings}
        </Button>
      </Group>
    </li>
  );
}

function NothingHere({ stage, canEnter }: { stage: Stage; canEnter: boolean }): ReactNode {
  const moved = stage.counts.moved;
  if (moved > 0) return <Text c="dimmed">{words.lane.allMoved(moved)}</Text>;
  if (stage.stage === "assisted_manual") return <Text c="dimmed">{words.lane.noneInFirst}</Text>;
  return <Text c="dimmed">{words.lane.none(canEnter)}</Text>;
}

function Figures({ stage, items }: { stage: Stage; items: number }): ReactNode {
  const { counts, rate_per_hour, seconds_left, masks } = stage;
  const pace = [
    rate_per_hour === null ? null : words.lane.perHour(rate_per_hour >= 10 ? count(Math.round(rate_per_hour)) : decimal(rate_per_hour)),
    seconds_left === null ? null : uiWords.timeLeft(duration(seconds_left)),
  ].filter((fact) => fact !== null);
  return (
    <div className="tabular">
      <Group justify="space-between" align="baseline" gap="xs">
        <Text>
          <Text span fz={24} fw={600} lh={1.2}>
            {count(items)}
          </Text>{" "}
          {words.lane.imagesUnit(items)}
        </Text>
        <Text size="sm" c="dimmed">
          {words.lane.masks(masks)}
        </Text>
      </Group>
      <div className="state-bar" aria-hidden style={{ margin: "8px 0 10px" }}>
        {ITEM_STATES.map((state) =>
          counts[state] === 0 ? null : (
            <span key={state} style={{ flex: counts[state], background: STATE_MARKS[state].colour }} />
          ),
        )}
      </div>
      <dl className="state-list">
        {ITEM_STATES.map((state) => (
          <StateCount key={state} state={state} value={counts[state]} />
        ))}
      </dl>
      <Text size="sm" c="dimmed" mt={10}>
        {pace.length === 0 ? words.lane.noPace : uiWords.listed(pace)}
      </Text>
    </div>
  );
}

function StateCount({ state, value }: { state: (typeof ITEM_STATES)[number]; value: number }): ReactNode {
  const { colour, Icon } = STATE_MARKS[state];
  return (
    <div data-none={value === 0} data-state={state}>
      <Icon aria-hidden size={14} color={value === 0 ? "var(--sl-muted)" : colour} style={{ flex: "none" }} />
      <dt>{imageWords.states[state]}</dt>
      <dd>{count(value)}</dd>
    </div>
  );
}

function Exit({ stage: { stage, exit, policy }, hasDetector }: { stage: Stage; hasDetector: boolean }): ReactNode {
  const title = stage === "fully_automatic" ? words.lane.trustedWhen : words.lane.goesOnWhen;
  // By its rule no image goes to where nothing would be proposed.
  const waitsForDetector = stage === "assisted_manual" && policy.exit.is_automatic && !hasDetector;
  if (exit.is_ready) {
    return (
      <Text size="sm" style={{ display: "flex", gap: 6 }}>
        <IconCircleCheck aria-hidden size={18} color="var(--sl-green)" style={{ flex: "none" }} />
        {stage === "fully_automatic" ? words.lane.auditPassed : waitsForDetector ? words.lane.waitsForDetector : words.lane.exitMet}
      </Text>
    );
  }
  if (exit.progress.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {words.lane.noExit}
      </Text>
    );
  }
  return (
    <div>
      <Text size="sm" fw={600} mb={6}>
        {title}
      </Text>
      <ul className="exit-list tabular">
        {exit.progress.map((progress) => {
          const { sentence, share, isMet } = progressWords(progress);
          return (
            <li key={progress.name}>
              <Group gap={6} mb={4} wrap="nowrap">
                {isMet && <IconCircleCheck aria-label={words.lane.met} size={14} color="var(--sl-green)" style={{ flex: "none" }} />}
                <span>{sentence}</span>
              </Group>
              <Progress value={100 * share} size={4} color={isMet ? "var(--sl-green)" : "accent"} aria-label={sentence} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}
