import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The same isolation as the backend sends: workers and wasm threads need it, and development must not be laxer than production.
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const backend = process.env["SEGLOOP_BACKEND_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  server: { headers: isolation, proxy: { "/api": backend } },
  preview: { headers: isolation, proxy: { "/api": backend } },
  worker: { format: "es" },
  build: { outDir: "dist", target: "es2022", assetsInlineLimit: 0, sourcemap: false },
});
