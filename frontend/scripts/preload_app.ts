// The app is imported after the choice of the language (src/main.tsx). Named in index.html, its files are fetched
// beside the first one nevertheless, not after it.
import type { Plugin, Rolldown } from "vite";

const APP = "/src/app/show.tsx";

export function preloadApp(): Plugin {
  return {
    name: "preload-app",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((file) => file.type === "chunk");
        const app = chunks.find((chunk) => chunk.facadeModuleId?.endsWith(APP) === true);
        if (app === undefined) throw new Error(`${APP} has no chunk of its own`);
        const needed = chunksOf(app, new Map(chunks.map((chunk) => [chunk.fileName, chunk])));
        const code = needed.map(({ fileName }) => ({ rel: "modulepreload", href: `/${fileName}` }));
        const styles = needed.flatMap((chunk) => [...(chunk.viteMetadata?.importedCss ?? [])]).map((name) => ({ rel: "stylesheet", href: `/${name}` }));
        return [...code, ...styles]
          .filter(({ href }) => !html.includes(`"${href}"`))
          .map((link) => ({ tag: "link", attrs: { crossorigin: true, ...link }, injectTo: "head" }));
      },
    },
  };
}

/** The chunk and all it needs before it can run. */
function chunksOf(first: Rolldown.OutputChunk, byName: ReadonlyMap<string, Rolldown.OutputChunk>): Rolldown.OutputChunk[] {
  const found = new Set([first]);
  for (const chunk of found) {
    for (const name of chunk.imports) {
      const imported = byName.get(name);
      if (imported !== undefined) found.add(imported);
    }
  }
  return [...found];
}
