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

// Words are in src/words, in each language. What follows is where a sentence would be written down elsewhere.
const SHOWN = "/^(label|title|placeholder|description|message|alt|aria-label|safe|whenEmpty|suffix)$/";
const LETTERS = "/^(?!\\s*Segloop\\s*$)[^]*[A-Za-z]{2}/";
const WRITTEN = `:matches(Literal[value=${LETTERS}], TemplateLiteral:has(TemplateElement[value.raw=${LETTERS}]))`;
const wordsBelongTogether = [
  `JSXText[value=${LETTERS}]`,
  `JSXElement > JSXExpressionContainer > ${WRITTEN}`,
  `JSXElement > JSXExpressionContainer > :matches(ConditionalExpression, LogicalExpression) > ${WRITTEN}`,
  `JSXAttribute[name.name=${SHOWN}] > Literal[value=${LETTERS}]`,
  `JSXAttribute[name.name=${SHOWN}] > JSXExpressionContainer > ${WRITTEN}`,
  `JSXAttribute[name.name=${SHOWN}] > JSXExpressionContainer > ConditionalExpression > ${WRITTEN}`,
  `Property[key.name=${SHOWN}] > ${WRITTEN}`,
].map((selector) => ({ selector, message: "Words people read belong into src/words, in every language." }));

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
  {
    files: ["src/**"],
    ignores: ["src/words/**", "**/*.test.*"],
    rules: { "no-restricted-syntax": ["error", ...wordsBelongTogether] },
  },
  {
    files: ["src/words/**"],
    ignores: ["**/*.test.*"],
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "\\.\\./(app|admin|research|workspace|canvas|api|ui)(/|$)", allowTypeImports: true, message: "src/words knows types of the rest, nothing else." },
          ],
        },
      ],
    },
  },
  forbid("canvas", ["app", "workspace", "admin", "research", "api", "ui"], [...ui, "openapi-fetch", "idb"]),
  {
    files: ["src/canvas/**"],
    rules: { "no-restricted-globals": ["error", "fetch", "XMLHttpRequest", "EventSource", "WebSocket"] },
  },
);
