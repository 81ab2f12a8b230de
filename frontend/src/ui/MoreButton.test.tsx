import { MantineProvider } from "@mantine/core";
import { notifyManager, QueryClient, QueryClientProvider, useInfiniteQuery } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeAll, expect, it } from "vitest";
import { MoreButton } from "./MoreButton";

beforeAll(() => notifyManager.setScheduler(queueMicrotask)); // what `act` waits for

interface Asked {
  page: number;
  answer: (text: string) => Promise<void>;
  refuse: () => Promise<void>;
}

/** A list of three pages whose requests the test answers itself. */
function showList(): { queryClient: QueryClient; asked: Asked[] } {
  const asked: Asked[] = [];
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const queryFn = ({ pageParam }: { pageParam: number }) =>
    new Promise<{ text: string; next: number | null }>((resolve, reject) => {
      asked.push({
        page: pageParam,
        answer: (text) => act(async () => resolve({ text, next: pageParam < 3 ? pageParam + 1 : null })),
        refuse: () => act(async () => reject(new Error("no"))),
      });
    });
  function List(): ReactNode {
    const list = useInfiniteQuery({ queryKey: ["list"], queryFn, initialPageParam: 1, getNextPageParam: ({ next }) => next });
    return (
      <>
        <p>{list.data?.pages.map(({ text }) => text).join(", ")}</p>
        <MoreButton list={list}>Show more</MoreButton>
      </>
    );
  }
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queryClient}>
        <List />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { queryClient, asked };
}

const press = (): boolean => fireEvent.click(screen.getByRole("button", { name: "Show more" }));

it("shows page after page, and nothing after the last", async () => {
  const { asked } = showList();
  expect(screen.queryByRole("button")).toBeNull();
  await asked[0]?.answer("a");
  press();
  await asked[1]?.answer("b");
  press();
  await asked[2]?.answer("c");
  expect(screen.getByText("a, b, c")).toBeVisible();
  expect(screen.queryByRole("button")).toBeNull();
  expect(asked.map(({ page }) => page)).toEqual([1, 2, 3]);
});

it("still brings the page asked for when news breaks it off", async () => {
  const { asked, queryClient } = showList();
  await asked[0]?.answer("a");
  press();
  expect(asked[1]?.page).toBe(2);
  await act(async () => void queryClient.invalidateQueries({ queryKey: ["list"] }));
  await asked[1]?.answer("too late");
  expect(asked[2]?.page).toBe(1);
  await asked[2]?.answer("new a");
  expect(asked[3]?.page).toBe(2);
  await asked[3]?.answer("b");
  expect(screen.getByText("new a, b")).toBeVisible();
  expect(asked).toHaveLength(4);
});

it("loses no news by being pressed", async () => {
  const { asked, queryClient } = showList();
  await asked[0]?.answer("a");
  await act(async () => void queryClient.invalidateQueries({ queryKey: ["list"] }));
  press();
  await asked[1]?.answer("new a");
  await asked[2]?.answer("b");
  expect(screen.getByText("new a, b")).toBeVisible();
});

it("asks again after a refusal only when pressed", async () => {
  const { asked } = showList();
  await asked[0]?.answer("a");
  press();
  await asked[1]?.refuse();
  expect(asked).toHaveLength(2);
  press();
  await asked[2]?.answer("b");
  expect(screen.getByText("a, b")).toBeVisible();
});
