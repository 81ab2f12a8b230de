// The stage of the open image, and the choice of the one whose images are asked for.
import { Menu, UnstyledButton } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { words } from "../../words/workspace";
import type { StageName } from "../server";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";

const ANY = "any";
const CHOICES = [ANY, "assisted_manual", "semi_automatic", "fully_automatic"] as const;

export function StageMenu(): ReactNode {
  const { session } = useWorkplace();
  const wanted = useWorkspace((state) => state.wantedStage);
  const stage = useWorkspace((state) => state.work?.stage as StageName | undefined);
  const { names, any, what, choose, only } = words.stage;
  const shown = stage === undefined ? (wanted === null ? any : names[wanted]) : names[stage];
  return (
    <Menu position="bottom-start" shadow="md">
      <Menu.Target>
        <UnstyledButton className={panel["stageMenu"] ?? ""} aria-label={choose(shown)} data-work-stage={stage ?? ""}>
          {wanted === null ? shown : only(shown)}
          <IconChevronDown size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.RadioGroup value={wanted ?? ANY} onChange={(choice) => void session.queue.setStage(choice === ANY ? null : (choice as StageName))}>
          {CHOICES.map((choice) => (
            <Menu.RadioItem key={choice} value={choice} closeMenuOnClick>
              {choice === ANY ? any : names[choice]}
              <div className={classes["muted"]}>{what[choice]}</div>
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}
