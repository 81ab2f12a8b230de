import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";
import { preloadApp } from "./scripts/preload_app";

// The same isolation as the backend sends: workers and wasm threads need it, and development must not be laxer than production.
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const backend = process.env["SEGLOOP_BACKEND_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), preloadApp()],
  // ONNX Runtime with its files beside it: the entry that bundles them hangs with threads (predict/runtime.ts).
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  server: { headers: isolation, proxy: { "/api": backend } },
  preview: { headers: isolation, proxy: { "/api": backend } },
  worker: { format: "es" },
  build: { outDir: "dist", target: "es2022", assetsInlineLimit: 0, sourcemap: false },
});
