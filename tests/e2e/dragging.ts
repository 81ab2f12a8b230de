// Files dragged from the desktop onto the page, as the browser itself sees it.
import type { Page } from "playwright-core";

/** Drops files and folders of this machine at the middle of the page. */
export async function dropPaths(page: Page, paths: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const size = page.viewportSize() ?? { width: 1280, height: 800 };
  const where = { x: size.width / 2, y: size.height / 2 };
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, ...where, data });
    if (type === "dragOver") await page.getByText("Drop photos, folders or a .zip to add them").waitFor();
  }
  await session.detach();
}
