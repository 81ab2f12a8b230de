import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Measurements and pictures of the page, in tests/benchmarks; started as the journeys are (vitest.e2e.config.ts).
export default defineConfig({
  root: here("../tests/benchmarks"),
  cacheDir: here("./node_modules/.vite-bench"),
  resolve: {
    alias: Object.fromEntries(
      ["playwright-core", "axe-core", "pngjs", "vitest"].map((name) => [name, here(`./node_modules/${name}`)]),
    ),
  },
  server: { fs: { allow: [here("..")] } },
  test: {
    include: [`${process.env["SEGLOOP_BENCH"] ?? "page"}.bench.ts`],
    globalSetup: [here("../tests/e2e/launch.ts")],
    environment: "node",
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
