// Puts Swagger UI's files beside the built page, for /api/docs: the strict policy allows nothing from elsewhere.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";

mkdirSync("dist/docs", { recursive: true });
for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  copyFileSync(`node_modules/swagger-ui-dist/${name}`, `dist/docs/${name}`);
}
writeFileSync(
  "dist/docs/start.js",
  'SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#swagger-ui", persistAuthorization: false, validatorUrl: null });\n',
);
