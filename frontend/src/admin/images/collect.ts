// Files out of a drop or a file dialog, folders opened, with the path each came by.
import type { NamedFile } from "../../api/images";

export interface Collected {
  files: NamedFile[];
  /** Files that systems leave in folders (.DS_Store, Thumbs.db): nobody means to send them. */
  leftOut: number;
}

const SYSTEM_FILES = new Set(["thumbs.db", "desktop.ini"]);

function isSystemFile(path: string): boolean {
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  return parts.some((part) => part.startsWith(".") || part === "__MACOSX") || SYSTEM_FILES.has(name.toLowerCase());
}

export function withoutSystemFiles(found: readonly NamedFile[]): Collected {
  const files = found.filter(({ path }) => !isSystemFile(path));
  return { files, leftOut: found.length - files.length };
}

export function filesOfDialog(list: FileList): Collected {
  return withoutSystemFiles(
    Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, file })),
  );
}

/** Everything that was dropped; folders are walked to the end. */
export async function filesOfDrop(items: DataTransferItemList): Promise<Collected> {
  // The items are only alive until the event handler returns: take all entries before the first await.
  const entries = Array.from(items, (item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  const found: NamedFile[] = [];
  for (const entry of entries) {
    if (entry !== null) await walk(entry, found);
  }
  return withoutSystemFiles(found);
}

async function walk(entry: FileSystemEntry, found: NamedFile[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
  } else if (isDirectory(entry)) {
    for (const child of await childrenOf(entry)) await walk(child, found);
  }
}

async function childrenOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const children: FileSystemEntry[] = [];
  // A reader hands out at most 100 entries at a time and says that it is done with an empty list.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return children;
    children.push(...some);
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
