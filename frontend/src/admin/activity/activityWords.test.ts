import { expect, it } from "vitest";
import type { AuditEntry } from "../../api/events";
import { detailOf, happened } from "./activityWords";

const entry = (kind: string, data: Record<string, unknown>): AuditEntry => ({ id: 1, kind, actor: null, data, created_at: "2026-11-21T10:00:00Z" });

it("tells what happened in a sentence with its reason", () => {
  const admitted = entry("stage.admitted", { image_count: 3, to_stage: "fully_automatic", reason: "good enough" });
  expect(happened(admitted)).toBe("3 images admitted to fully automatic");
  expect(detailOf(admitted)).toBe("good enough");
  expect(happened(entry("stage.reverted", { image_count: 1, stay: 0, to_stage: "semi_automatic" }))).toBe(
    "1 image taken back from semi-automatic",
  );
  expect(happened(entry("model.promoted", { to_version: "nano-2f" }))).toBe("nano-2f went live");
  expect(happened(entry("work.freed", { file_name: "a.jpg", holder: { id: 2, name: "Ann" } }))).toBe("a.jpg taken from Ann and back in the queue");
  expect(happened(entry("training.failed", { run_id: 7 }))).toBe("Training run 7 failed");
});

it("lists what was changed", () => {
  const changed = entry("stage.policy_changed", { stage: "semi_automatic", changes: { "exit.min_masks": [null, 500], queue_order: ["oldest", "random"] } });
  expect(happened(changed)).toBe("Settings of semi-automatic changed");
  expect(detailOf(changed)).toBe("exit: min masks none \u2192 500; queue order oldest \u2192 random");
});

it("has words for an event it does not know", () => {
  expect(happened(entry("webhook.added", {}))).toBe("webhook added");
  expect(detailOf(entry("webhook.added", {}))).toBeNull();
});
