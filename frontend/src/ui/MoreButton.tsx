// "Show more" under a list that comes in pages.
import { Button } from "@mantine/core";
import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

type Pages = Pick<UseInfiniteQueryResult<{ pages: readonly unknown[] }>, "data" | "hasNextPage" | "isFetching" | "isFetchNextPageError" | "fetchNextPage">;

interface MoreButtonProps {
  list: Pages;
  children: ReactNode;
}

/** Shows nothing where there is no more. What a person asked for comes even if news has the list fetched anew meanwhile. */
export function MoreButton({ list, children }: MoreButtonProps): ReactNode {
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = list;
  const shown = list.data?.pages.length ?? 0;
  const [wanted, setWanted] = useState(0);
  const isWaiting = shown < wanted && !isFetchNextPageError;
  useEffect(() => {
    // News breaks off a page that is on its way, and a page asked for now would break off the news: one after the other.
    if (isWaiting && hasNextPage && !isFetching) void fetchNextPage();
  }, [isWaiting, hasNextPage, isFetching, fetchNextPage]);
  if (!hasNextPage) return null;
  const ask = (): void => {
    setWanted(shown + 1);
    if (isFetchNextPageError) void fetchNextPage();
  };
  return (
    <Button variant="default" style={{ alignSelf: "flex-start" }} loading={isWaiting} onClick={ask}>
      {children}
    </Button>
  );
}
