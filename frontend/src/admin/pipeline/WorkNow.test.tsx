import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import type { Held } from "../../api/work";
import { WorkNow } from "./WorkNow";

const held = (work_id: number, name: string, part: Partial<Held> = {}): Held => ({
  work_id, image_id: 10 + work_id, file_name: `cell-${work_id}.png`, stage: "assisted_manual", is_audit: false,
  holder: { id: 20 + work_id, name }, held_since: "2026-11-30T10:00:00Z", lease_until: "2026-11-30T10:02:00Z", has_run_out: false,
  ...part,
});

/** The server's list and what is asked of it; `refusal`: how it answers to freeing. */
function serve(items: Held[], refusal: object | null = null) {
  const asked: { url: string; body: unknown }[] = [];
  const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  vi.stubGlobal("fetch", async (request: Request) => {
    if (request.method === "GET") return json(200, { items, next_cursor: null });
    asked.push({ url: new URL(request.url).pathname, body: await request.json() });
    if (refusal !== null) return json(409, { error: refusal });
    items.shift();
    return new Response(null, { status: 204 });
  });
  return asked;
}

function show(): void {
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queryClient}>
      <MantineProvider env="test">
        <WorkNow projectId={7} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

afterEach(() => vi.unstubAllGlobals());

it("says so when nobody works on anything", async () => {
  serve([]);
  show();
  expect(await screen.findByText(/Nobody has a photo open/)).toBeVisible();
});

it("lists who holds what, and which lease ran out", async () => {
  serve([held(1, "Ann", { stage: "fully_automatic", is_audit: true }), held(2, "Bo", { has_run_out: true })]);
  show();
  const [, first, second] = await screen.findAllByRole("row");
  expect(first).toHaveTextContent(/cell-1\.png.*Fully automatic, audit.*Ann.*until .*renewed/);
  expect(second).toHaveTextContent(/cell-2\.png.*Bo.*ran out at/);
});

it("frees a photo from the person who was seen to hold it, with a reason", async () => {
  const asked = serve([held(1, "Ann"), held(2, "Bo")]);
  show();
  await userEvent.click(await screen.findByRole("button", { name: "Free photo cell-1.png, held by Ann" }));
  const dialog = await screen.findByRole("dialog", { name: "Give cell-1.png back to the queue" });
  expect(dialog).toHaveTextContent("Every mask Ann has made stays.");
  await userEvent.type(within(dialog).getByLabelText("Reason"), " on holiday ");
  await userEvent.click(within(dialog).getByRole("button", { name: "Free photo" }));
  await waitFor(() => expect(screen.queryByText("cell-1.png")).toBeNull());
  expect(asked).toEqual([{ url: "/api/work/1/free", body: { holder_id: 21, reason: "on holiday" } }]);
  expect(screen.getByText("cell-2.png")).toBeVisible();
});

it("says why a photo could not be freed, and asks for the list again", async () => {
  serve([held(1, "Ann")], { code: "not_held", message: "This person does not hold the image any more; look at the list again." });
  show();
  await userEvent.click(await screen.findByRole("button", { name: "Free photo cell-1.png, held by Ann" }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Free photo" }));
  expect(await screen.findByText(/does not hold the image any more/)).toBeVisible();
});
