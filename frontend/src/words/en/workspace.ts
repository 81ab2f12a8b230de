// Every word that the workspace shows or says.
import { workspaceDecoding } from "./workspaceDecoding";
import { workspaceDialogs } from "./workspaceDialogs";
import { workspaceKeys } from "./workspaceKeys";
import { workspaceMasks } from "./workspaceMasks";
import { workspacePage } from "./workspacePage";
import { workspaceSaid } from "./workspaceSaid";

export const workspace = {
  ...workspacePage,
  ...workspaceMasks,
  ...workspaceSaid,
  ...workspaceDialogs,
  ...workspaceKeys,
  ...workspaceDecoding,
};
