import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The journeys live in tests/e2e at the top of the repository, their packages here.
export default defineConfig({
  root: here("../tests/e2e"),
  cacheDir: here("./node_modules/.vite-e2e"),
  resolve: {
    alias: Object.fromEntries(
      ["playwright-core", "axe-core", "pngjs", "vitest"].map((name) => [name, here(`./node_modules/${name}`)]),
    ),
  },
  server: { fs: { allow: [here("..")] } },
  test: {
    include: ["**/*.e2e.ts"],
    globalSetup: [here("../tests/e2e/launch.ts")],
    environment: "node",
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // A journey mostly waits: two at a time, each worker with a browser and a server of its own, on what may be two cores.
    maxWorkers: 2,
    // On a busy machine a frame comes late now and then: what fails is tried once more, and the report says so. A fault
    // fails twice.
    retry: 1,
  },
});
