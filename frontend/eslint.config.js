import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// design.md section 3: app > workspace | admin | research (never each other) > canvas | api | ui (never each other).
const forbid = (folder, forbidden, packages = []) => ({
  files: [`src/${folder}/**`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            regex: `\\.\\./(${forbidden.join("|")})(/|$)`,
            message: `src/${folder} may not import this: see the import rules in eslint.config.js.`,
          },
          ...(packages.length > 0 ? [{ group: packages, message: `src/${folder} stays free of this.` }] : []),
        ],
      },
    ],
  },
});

const ui = ["react", "react-dom", "react/*", "react-dom/*", "@mantine/*", "@tanstack/*", "@tabler/*"];

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "src/api/schema.d.ts", "public/**", "artifacts/**"] },
  tseslint.configs.strict,
  reactHooks.configs.flat["recommended-latest"] ?? reactHooks.configs.flat.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-empty-function": "off",
    },
  },
  forbid("workspace", ["app", "admin", "research"]),
  forbid("admin", ["app", "workspace", "research"]),
  forbid("research", ["app", "workspace", "admin"]),
  forbid("api", ["app", "workspace", "admin", "research", "canvas", "ui"]),
  forbid("ui", ["app", "workspace", "admin", "research", "canvas", "api"]),
  forbid("canvas", ["app", "workspace", "admin", "research", "api", "ui"], [...ui, "openapi-fetch", "idb"]),
  {
    files: ["src/canvas/**"],
    rules: { "no-restricted-globals": ["error", "fetch", "XMLHttpRequest", "EventSource", "WebSocket"] },
  },
);
