// The page in another language: chosen once, kept, and taken back.
import { expect, it } from "vitest";
import { callApi, expectAccessible, withBrowser } from "./browser";

const { open } = withBrowser();

it("is Chinese once that is chosen, and English again", async () => {
  const { page } = await open();
  await page.goto("/account");
  expect(await page.getAttribute("html", "lang")).toBe("en");
  await page.getByRole("radio", { name: "中文" }).click();
  await page.getByRole("heading", { name: "API 令牌" }).waitFor();
  expect(await page.getAttribute("html", "lang")).toBe("zh-CN");
  expect(await page.getByRole("radio", { name: "中文" }).isChecked()).toBe(true);
  await expectAccessible(page);

  const { items } = await callApi<{ items: { id: number; name: string }[] }>(page, "GET", "/projects");
  const demo = items.find(({ name }) => name.startsWith("Demo"));
  if (demo === undefined) throw new Error("there is no demo project");
  await page.goto(`/projects/${demo.id}/pipeline?stage=fully_automatic`);
  await page.getByRole("heading", { name: "全自动阶段的设置" }).waitFor();
  await page.goto(`/projects/${demo.id}/annotate`);
  await page.getByRole("region", { name: "掩码", exact: true }).waitFor();

  await page.goto("/projects");
  await page.getByRole("heading", { name: "项目" }).waitFor();
  await page.getByRole("button", { name: /的账户$/ }).click();
  await page.getByRole("menuitem", { name: "English" }).click();
  await page.getByRole("heading", { name: "Projects" }).waitFor();
  expect(await page.getAttribute("html", "lang")).toBe("en");
});

it("says what background work is, does and failed of in Chinese, too", async () => {
  const { page } = await open();
  await page.addInitScript(() => localStorage.setItem("segloop-language", "zh-CN"));
  const { id } = await callApi<{ id: number }>(page, "POST", "/projects", { name: "任务", description: "" });
  const common = { project_id: id, attempt: 1, max_attempts: 5, created_at: "2026-11-01T12:00:00Z", started_at: null, finished_at: null };
  const done = { ...common, kind: "rank", state: "done", progress: { phase: "", done: 0, total: 0 }, error: null };
  const items = [
    { ...done, id: 4 },
    { ...done, id: 3 },
    { ...common, id: 2, kind: "rank", state: "running", progress: { phase: "ordering the queue", done: 0, total: 0 }, error: null },
    { ...common, id: 1, kind: "train", state: "dead", progress: { phase: "", done: 0, total: 0 }, error: "Snapshot 3 has no mask to train on outside its frozen part." },
  ];
  await page.route(`**/api/projects/${id}/jobs`, (route) => route.fulfill({ json: { items, next_cursor: null } }));
  await page.goto(`/projects/${id}/jobs`);
  for (const text of ["队列排序", "队列排序，2 次", "正在给队列排序", "快照 3 除冻结部分外没有可训练的掩码。"]) await page.getByText(text, { exact: true }).waitFor();
});

it("offers the other language to somebody who is not signed in", async () => {
  const { page, expectComplaint } = await open({ as: null });
  expectComplaint(/401/);
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("heading", { name: "登录 Segloop" }).waitFor();
  await expectAccessible(page);
  // What the server refuses is said in it, too.
  await page.locator("input[type=email]").fill("nobody@example.com");
  await page.locator("input[type=password]").fill("not the password");
  await page.keyboard.press("Enter");
  await page.getByText("邮箱与密码不匹配。").waitFor();
});
