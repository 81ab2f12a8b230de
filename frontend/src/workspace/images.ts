// Finding images of the project by name or number.
import { call, client } from "../api/client";
import type { components } from "../api/schema";

export type ProjectImage = components["schemas"]["ImageOut"];

const PAGE = 200;
const MOST_PAGES = 5;

/** The first images of the project whose name contains the text (of the first thousand), and the one with this number. */
export async function findImages(projectId: number, text: string, most: number): Promise<ProjectImage[]> {
  const wanted = text.toLowerCase();
  const found = new Map<number, ProjectImage>();
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number > 0) {
    const [first] = (await pageOf(projectId, number - 1, 1)).items;
    if (first?.id === number) found.set(first.id, first);
  }
  let cursor: number | null = null;
  for (let page = 0; page < MOST_PAGES && found.size < most; page++) {
    const { items, next_cursor } = await pageOf(projectId, cursor, PAGE);
    for (const image of items) if (image.file_name.toLowerCase().includes(wanted)) found.set(image.id, image);
    if (next_cursor === null) break;
    cursor = Number(next_cursor);
  }
  return [...found.values()].slice(0, most);
}

function pageOf(projectId: number, cursor: number | null, limit: number) {
  const params = { path: { project_id: projectId }, query: { limit, ...(cursor === null ? {} : { cursor }) } };
  return call(client.GET("/api/projects/{project_id}/images", { params }));
}
