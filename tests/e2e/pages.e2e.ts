// Every page in dark and light: nothing complains, axe finds nothing, and the states nobody hopes for are designed.
import { describe, expect, it } from "vitest";
import { callApi, expectAccessible, type Journey, withBrowser, server } from "./browser";

const { open } = withBrowser();

async function demoId({ page }: Journey): Promise<number> {
  await page.goto("/projects");
  const projects = await callApi<{ items: { id: number; name: string }[] }>(page, "GET", "/projects");
  const demo = projects.items.find(({ name }) => name.startsWith("Demo"));
  if (demo === undefined) throw new Error("there is no demo project");
  return demo.id;
}

describe.each(["dark", "light"] as const)("in %s", (scheme) => {
  it("every page is accessible", async () => {
    const journey = await open({ scheme });
    const { page } = journey;
    journey.expectComplaint(/404/);
    const id = await demoId(journey);
    const pages: [path: string, heading: string | RegExp][] = [
      ["/projects", "Projects"],
      [`/projects/${id}`, /^Demo/],
      [`/projects/${id}?state=skipped`, /^No image/],
      [`/projects/${id}/pipeline?stage=semi_automatic`, "Settings of semi-automatic"],
      [`/projects/${id}/flywheel`, /^Demo/],
      [`/projects/${id}/models`, "Training policy"],
      [`/projects/${id}/activity`, /^Demo/],
      [`/projects/${id}/exports`, "Export the dataset"],
      [`/projects/${id}/jobs`, /^Demo/],
      [`/projects/${id}/settings`, "Categories"],
      ["/people", "People"],
      ["/account", "API tokens"],
      ["/set-password", /^You are signed in/],
      ["/sign-in", "Sign in to Segloop"],
      ["/projects/999999", "There is no such project"],
      ["/nowhere", "There is no such page"],
    ];
    for (const [path, heading] of pages) {
      await page.goto(path);
      await page.getByRole("heading", { name: heading }).first().waitFor();
      await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
      await expectAccessible(page);
    }
  });

  it("dialogs and menus are accessible", async () => {
    const { page } = await open({ scheme });
    await page.goto("/projects");
    await page.getByRole("button", { name: "Create project" }).click();
    await page.getByRole("dialog").waitFor();
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByLabel("Light or dark").click();
    await page.getByRole("menu").waitFor();
    await expectAccessible(page);
  });
});

describe("people", () => {
  it("are added, handed a link that is shown once, and switched off", async () => {
    const { page } = await open();
    await page.goto("/people");
    await page.getByRole("button", { name: "Add person" }).click();
    await page.getByLabel("Email").fill("new.person@e2e.test");
    await page.getByRole("radio", { name: "Researcher" }).check();
    await page.getByRole("dialog").getByRole("button", { name: "Add person" }).click();
    const link = await page.getByRole("textbox", { name: "Link", exact: true }).inputValue();
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
    await page.keyboard.press("Escape");

    const guest = await open({ as: null });
    guest.expectComplaint(/401/);
    await guest.page.goto(new URL(link).pathname + new URL(link).search);
    await guest.page.getByText("You are signed in as new.person@e2e.test").waitFor();

    const row = page.getByRole("row", { name: /new\.person@e2e\.test/ });
    await row.getByRole("switch").click();
    await page.waitForFunction(() => !document.querySelector<HTMLInputElement>('input[role=switch][aria-label^="new.person"]')?.checked);
    await guest.page.goto("/projects");
    await guest.page.getByRole("heading", { name: "Sign in to Segloop" }).waitFor();
  });

  it("see only what they may do", async () => {
    const journey = await open();
    const id = await demoId(journey);
    for (const role of ["annotator", "researcher"] as const) {
      await callApi(journey.page, "POST", `/projects/${id}/members`, { email: server().people[role].email, role });
    }
    const seen = async (as: "annotator" | "researcher"): Promise<string[]> => {
      const { page } = await open({ as });
      await page.goto(`/projects/${id}`);
      await page.getByRole("navigation", { name: "Project" }).waitFor();
      await page.locator(".tile").first().waitFor();
      return page.getByRole("link").or(page.getByRole("button")).allInnerTexts();
    };
    const annotator = await seen("annotator");
    expect(annotator).toContain("Annotate");
    for (const hidden of ["People", "Settings", "Exports", "Add images"]) expect(annotator).not.toContain(hidden);
    const researcher = await seen("researcher");
    expect(researcher).toContain("Exports");
    for (const hidden of ["People", "Settings", "Annotate", "Add images"]) expect(researcher).not.toContain(hidden);
  });

  it("make API tokens that work until they are revoked", async () => {
    const { page } = await open();
    await page.goto("/account");
    await page.getByLabel("What the token is for").fill("nightly export");
    await page.keyboard.press("Enter");
    const token = await page.getByRole("textbox", { name: "Token", exact: true }).inputValue();
    const ask = (): Promise<number> =>
      fetch(`${server().baseUrl}/api/projects`, { headers: { Authorization: `Bearer ${token}` } }).then(({ status }) => status);
    expect(await ask()).toBe(200);
    await page.keyboard.press("Escape");
    await page.getByLabel("Revoke token nightly export").click();
    await page.getByText("No token yet.").waitFor();
    expect(await ask()).toBe(401);
  });
});

describe("webhooks", () => {
  it("are added with a secret that is shown once, and deleted", async () => {
    const { page } = await open();
    await page.goto("/projects");
    const { id } = await callApi<{ id: number }>(page, "POST", "/projects", { name: "Told outside" });
    await page.goto(`/projects/${id}/settings`);
    await page.getByLabel("Address").fill("http://127.0.0.1:9/hook");
    await page.getByRole("combobox", { name: "What it is told of" }).click();
    await page.getByRole("option", { name: "Model went live" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Add webhook" }).click();
    const secret = await page.getByRole("dialog").getByLabel("Secret").inputValue();
    expect(secret.length).toBeGreaterThan(20);
    await expectAccessible(page);
    await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().click();
    const table = page.getByRole("table", { name: "Webhooks" });
    await table.getByText("Model went live").waitFor();
    await expectAccessible(page);
    const { items } = await callApi<{ items: { url: string; kinds: string[] }[] }>(page, "GET", `/projects/${id}/webhooks`);
    expect(items).toMatchObject([{ url: "http://127.0.0.1:9/hook", kinds: ["model.promoted"] }]);
    await page.getByLabel("Delete webhook http://127.0.0.1:9/hook").click();
    await table.waitFor({ state: "detached" });
  });
});

describe("when things go wrong", () => {
  it("a session that ended is renewed over the page, which stays as it is", async () => {
    const journey = await open();
    const { page, context } = journey;
    journey.expectComplaint(/401/);
    const id = await demoId(journey);
    await page.goto(`/projects/${id}/settings`);
    await page.getByPlaceholder("New category").fill("half typed");
    await context.clearCookies();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
    await page.getByRole("dialog").getByLabel("Password", { exact: true }).fill(server().people.admin.password);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    expect(await page.getByPlaceholder("New category").inputValue()).toBe("half typed");
    await page.getByRole("button", { name: "Add category" }).click();
    await page.getByLabel("Name of category half typed").waitFor();
  });

  it("keeps what was typed while one looks for the password elsewhere", async () => {
    const { page, context, expectComplaint } = await open();
    expectComplaint(/401/);
    await page.goto("/people");
    await page.getByRole("button", { name: "Add person" }).click();
    await page.getByLabel("Email").fill("half@typed.org");
    await context.clearCookies();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Your session has ended" });
    await dialog.waitFor();
    const asked = page.waitForResponse("**/api/me");
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await asked;
    await dialog.getByLabel("Password", { exact: true }).fill(server().people.admin.password);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    expect(await page.getByLabel("Email").inputValue()).toBe("half@typed.org");
  });

  it("a job that died long ago can still be found and run again", async () => {
    const journey = await open();
    const { page } = journey;
    const id = await demoId(journey);
    const job = { project_id: id, kind: "embed", attempt: 1, max_attempts: 5, created_at: "2026-11-01T12:00:00Z", started_at: null, finished_at: null, progress: { phase: "", done: 0, total: 0 } };
    await page.route(/\/api\/projects\/\d+\/jobs/, (route) => {
      const isFirst = !route.request().url().includes("cursor=3");
      const items = isFirst ? [{ ...job, id: 3, state: "done", error: null }] : [{ ...job, id: 2, kind: "propose", state: "dead", error: "The model server is away." }];
      return route.fulfill({ json: { items, next_cursor: isFirst ? "3" : null } });
    });
    await page.goto(`/projects/${id}/jobs`);
    await page.getByRole("button", { name: "Show older jobs" }).click();
    await page.getByRole("button", { name: "Run again" }).waitFor();
    expect(await page.getByRole("button", { name: "Show older jobs" }).count()).toBe(0);
  });

  it("a server that does not answer is said once, and the page goes on by itself", async () => {
    const { page, context, expectComplaint } = await open();
    expectComplaint(/ERR_INTERNET_DISCONNECTED/);
    await page.goto("/projects");
    await page.getByRole("heading", { name: "Projects" }).waitFor();
    await context.setOffline(true);
    await page.getByText("The server does not answer.").waitFor();
    await context.setOffline(false);
    await page.getByText("The server does not answer.").waitFor({ state: "hidden" });
  });
});
