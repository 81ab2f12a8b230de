import { expect, test, vi } from "vitest";
import { screenPoint } from "../canvas/geometry";
import { createViewing } from "./viewing";

test("a zoom that is kept looks at the next photo, too", () => {
  const onLook = vi.fn();
  const viewing = createViewing(onLook);
  viewing.resize({ width: 400, height: 300 });
  viewing.open({ width: 100, height: 80 });
  viewing.zoom(screenPoint(200, 150), 4);
  const zoomed = viewing.viewport();
  onLook.mockClear();
  viewing.open({ width: 100, height: 80 });
  expect(onLook).toHaveBeenCalledExactlyOnceWith(zoomed);
});
