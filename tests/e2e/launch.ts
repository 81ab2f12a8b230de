// Starts the real thing for each worker: `segloop up` with a data folder of its own on free ports, the demo project
// filled. Journeys that run at the same time share nothing; what they need to know is provided to them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { discRle, picture } from "./pictures";

export interface Server {
  baseUrl: string;
  databaseUrl: string;
  /** Single-use; the journey that signs in by link uses it up. */
  signInLink: string;
  /** Three people who sign in by password. */
  people: Record<"admin" | "annotator" | "researcher", { email: string; password: string }>;
}

declare module "vitest" {
  interface ProvidedContext {
    /** One for each worker. */
    servers: Server[];
  }
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const READY_SECONDS = 150;
const STOP_SECONDS = 15;
const PASSWORD = "a long enough password";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const artifacts = join(ROOT, "tests/e2e/artifacts");
  mkdirSync(artifacts, { recursive: true });
  const workers = project.config.maxWorkers;
  const started = await Promise.allSettled(Array.from({ length: workers }, (_, i) => start(join(artifacts, `server-${i + 1}.log`))));
  const running = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(running.map(({ stop }) => stop())));
  const failed = started.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  project.provide(
    "servers",
    running.map(({ server }) => server),
  );
  return stop;
}

async function start(log: string): Promise<{ server: Server; stop: () => Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), "segloop-e2e-"));
  const port = await freePort();
  const up = spawn(segloop(), ["up", "--data", dataDir, "--port", String(port)], {
    cwd: ROOT,
    env: { ...cleanEnvironment(), SEGLOOP_LOGIN_ATTEMPTS_PER_MINUTE: "1000", SEGLOOP_GENERAL_SET: writeGeneralSet(dataDir) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = async (): Promise<void> => {
    await stopped(up);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const signInLink = await linkOf(up, log);
    const [admin, annotator, researcher] = await Promise.all([
      addPerson("admin", dataDir),
      addPerson("annotator", dataDir),
      addPerson("researcher", dataDir),
    ]);
    const people = { admin, annotator, researcher };
    return {
      server: { baseUrl: `http://127.0.0.1:${port}`, databaseUrl: `sqlite:///${join(dataDir, "segloop.sqlite3")}`, signInLink, people },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One picture instead of the forty scenes that training otherwise draws and measures. */
function writeGeneralSet(dataDir: string): string {
  const folder = join(dataDir, "general-set");
  mkdirSync(folder);
  writeFileSync(join(folder, "1.png"), picture(1));
  const images = [{ id: 1, file_name: "1.png", height: 240, width: 320 }];
  const annotations = [{ id: 1, image_id: 1, segmentation: discRle() }];
  writeFileSync(join(folder, "annotations.json"), JSON.stringify({ images, annotations }));
  return folder;
}

function segloop(): string {
  const inEnvironment = join(ROOT, ".venv/bin/segloop");
  return existsSync(inEnvironment) ? inEnvironment : "segloop";
}

/** Without the settings of whoever runs the tests: they could point at a real installation. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("SEGLOOP_"));
  // Another build of the page: one that can be profiled, or that of a change not in frontend/dist yet.
  const page = process.env["E2E_PAGE_DIR"];
  return { ...Object.fromEntries(others), ...(page === undefined ? {} : { SEGLOOP_PAGE_DIR: page }) };
}

async function addPerson(role: string, dataDir: string): Promise<{ email: string; password: string }> {
  const email = `${role}@e2e.test`;
  const named = ["--role", role, "--name", `E2E ${role}`, "--password-stdin", "--data", dataDir];
  const adding = spawn(segloop(), ["user", "add", email, ...named], {
    cwd: ROOT,
    env: cleanEnvironment(),
    stdio: ["pipe", "ignore", "inherit"],
  });
  adding.stdin.end(PASSWORD);
  const [status] = (await once(adding, "exit")) as [number | null];
  if (status !== 0) throw new Error(`segloop user add ${email} ended with status ${status}`);
  return { email, password: PASSWORD };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** Resolves with the sign-in link that `segloop up` prints once everything is ready. */
function linkOf(server: ChildProcess, logPath: string): Promise<string> {
  const log = createWriteStream(logPath);
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (reason: string): void => reject(new Error(`${reason}; it said:\n${text.slice(-4000)}`));
    const timer = setTimeout(() => fail(`segloop up was not ready after ${READY_SECONDS} s`), READY_SECONDS * 1000);
    const read = (chunk: Buffer): void => {
      log.write(chunk);
      text = (text + chunk.toString()).slice(-20_000);
      const link = /(https?:\/\/\S+\/sign-in\?link=\S+)/.exec(text)?.[1];
      if (link === undefined) return;
      clearTimeout(timer);
      resolve(link);
    };
    server.stdout?.on("data", read);
    server.stderr?.on("data", read);
    server.once("error", (error) => fail(`segloop up could not be started (${error.message})`));
    server.once("exit", (status) => {
      clearTimeout(timer);
      fail(`segloop up ended with status ${status}`);
    });
  });
}

function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.kill("SIGKILL"), STOP_SECONDS * 1000);
    server.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    server.kill("SIGTERM");
  });
}
