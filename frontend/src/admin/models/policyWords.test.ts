import { expect, it } from "vitest";
import type { TrainingPolicy, TrainingPolicyAnswer } from "../../api/training";
import { policySentence, waitingSentence } from "./policyWords";

const policy = (part: Partial<TrainingPolicy>): TrainingPolicy =>
  ({ every_masks: null, every_hours: null, auto_promote: false, hook_url: null, ...part }) as TrainingPolicy;

it("tells the policy in a sentence", () => {
  expect(policySentence(policy({}))).toBe("Runs start by hand only; what passes the gate waits for an admin's word.");
  expect(policySentence(policy({ every_masks: 5000, every_hours: 24, auto_promote: true }))).toBe(
    "A run starts every 5,000 new masks or every 24 hours; what passes the gate goes live by itself.",
  );
  expect(policySentence(policy({ every_hours: 1, hook_url: "https://cluster.example" }))).toContain("every 1 hour, on your own machines;");
});

it("says what runs that start by themselves wait for", () => {
  const answer = (part: Partial<TrainingPolicy>, frozen_images: number): TrainingPolicyAnswer =>
    ({ policy: policy(part), frozen_images, frozen_images_needed: 5 }) as TrainingPolicyAnswer;
  expect(waitingSentence(answer({ every_masks: 50 }, 1))).toBe(
    "No run starts by itself yet: it needs 5 frozen images with kept masks to compare on; 1 so far.",
  );
  expect(waitingSentence(answer({ every_hours: 1 }, 0))).toContain("0 so far");
  expect(waitingSentence(answer({ every_hours: 1 }, 5))).toBeNull();
  expect(waitingSentence(answer({}, 1))).toBeNull();
});
