import { expect, it } from "vitest";
import type { TrainingPolicy } from "../../api/training";
import { policySentence } from "./policyWords";

const policy = (part: Partial<TrainingPolicy>): TrainingPolicy =>
  ({ every_masks: null, every_hours: null, auto_promote: false, hook_url: null, ...part }) as TrainingPolicy;

it("tells the policy in a sentence", () => {
  expect(policySentence(policy({}))).toBe("Runs start by hand only; what passes the gate waits for an admin's word.");
  expect(policySentence(policy({ every_masks: 5000, every_hours: 24, auto_promote: true }))).toBe(
    "A run starts every 5,000 new masks or every 24 hours; what passes the gate goes live by itself.",
  );
  expect(policySentence(policy({ every_hours: 1, hook_url: "https://cluster.example" }))).toContain("every 1 hour, on your own machines;");
});
