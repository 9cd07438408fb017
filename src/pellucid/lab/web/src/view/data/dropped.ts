// The files that were dropped, or chosen, those in folders with their paths.

import type { Given } from "../../model/data/parts";

/** More than that are not listed: the lab takes fewer. */
const MOST = 20_001;

export async function droppedFiles(transfer: DataTransfer): Promise<Given[]> {
  // The entries are there only as long as the event is handled.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return chosenFiles(transfer.files);
  const found: Given[] = [];
  for (const entry of entries) if (entry !== null) await gather(entry, "", found);
  return found;
}

export function chosenFiles(files: FileList | null): Given[] {
  return [...(files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

async function gather(entry: FileSystemEntry, folder: string, found: Given[]): Promise<void> {
  if (found.length >= MOST || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ name: folder + entry.name, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await gather(one, `${folder}${entry.name}/`, found);
  }
}
