// Counts and rules of a stage, added up and put into words.
import type { AdmitRule, ItemState } from "../../api/stages";
import { words } from "../../words/pipeline";

/** States in the order images pass through them. */
export const ITEM_STATES = ["proposing", "ready", "claimed", "done", "skipped"] as const satisfies readonly ItemState[];

/** Images that are in the stage now; `moved` ones are in a later one. */
export const itemsOf = (counts: Record<ItemState, number>): number =>
  ITEM_STATES.reduce((sum, state) => sum + counts[state], 0);

export function ruleWords(rule: Partial<AdmitRule>): string {
  const { count = null, name_contains = null, random_share = null, image_ids = null, include_done = false } = rule;
  const which = (): string => {
    if (image_ids !== null) return words.rule.chosen(image_ids.length);
    if (count !== null) return words.rule.count(count);
    if (random_share !== null) return words.rule.share(Number((100 * random_share).toFixed(1)));
    return words.rule.all;
  };
  return words.rule.sentence(which(), name_contains === "" ? null : name_contains, include_done);
}
