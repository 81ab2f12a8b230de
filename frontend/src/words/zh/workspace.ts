import type { workspace as english } from "../en/workspace";
import { workspaceDecoding } from "./workspaceDecoding";
import { workspaceDialogs } from "./workspaceDialogs";
import { workspaceKeys } from "./workspaceKeys";
import { workspaceMasks } from "./workspaceMasks";
import { workspacePage } from "./workspacePage";
import { workspaceSaid } from "./workspaceSaid";

export const workspace: typeof english = {
  ...workspacePage,
  ...workspaceMasks,
  ...workspaceSaid,
  ...workspaceDialogs,
  ...workspaceKeys,
  ...workspaceDecoding,
};
