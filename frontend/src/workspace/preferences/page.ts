// What a person folds away, has seen, or said last.
import { isRecord, remembered } from "./remembered";

export interface PagePreferences {
  readonly areGuidelinesOpen: boolean;
  readonly isTourSeen: boolean;
  /** Why a photo was skipped last; null: none yet. */
  readonly skipReason: string | null;
}

export const pagePreferences = remembered<PagePreferences>("page", (found) => {
  const { areGuidelinesOpen, isTourSeen, skipReason } = isRecord(found) ? found : {};
  return {
    areGuidelinesOpen: areGuidelinesOpen !== false,
    isTourSeen: isTourSeen === true,
    skipReason: typeof skipReason === "string" ? skipReason : null,
  };
});
