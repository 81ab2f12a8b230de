// Server state: what is fetched again, and what one failed answer says about the rest.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, hasCode } from "../api/errors";

const RETRIES = 2;

/** Only what may go better the next time is asked again. */
function isWorthRepeating(failures: number, error: Error): boolean {
  const isPassing = error instanceof ApiError && [0, 429, 502, 503, 504].includes(error.status);
  return isPassing && failures < RETRIES;
}

function onError(error: Error): void {
  // Somebody deleted the project while it was open: the project's own query then shows it for the whole page.
  if (hasCode(error, "project_deleted", "project_not_found")) {
    void queryClient.invalidateQueries({ queryKey: ["project"], predicate: ({ queryKey }) => queryKey.length === 2 });
  }
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (query.queryKey.length !== 2) onError(error);
    },
  }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: { retry: isWorthRepeating, staleTime: 10_000, networkMode: "always" },
    mutations: { networkMode: "always" },
  },
});
