// The lock of whichever tab of this browser works in a project; the others wait for it.
export const tabLock = (projectId: number): string => `segloop-tab-${projectId}`;
