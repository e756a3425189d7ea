import { connectorRegistry } from "../../connectors/registry.ts";
import { readRows } from "../../core/columns/read.ts";
import type { Host, HostFiles } from "../../core/host.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { WrittenRow } from "./transactional-store.ts";

/** Formats that are no text, by the ending of their files. */
const BINARY: Readonly<Record<string, string>> = { ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow" };

/** Rows of all visible files of a machine, by directory; what begins with a dot is hidden, as `leftOut` is. */
export async function fileOutputs(
  host: Host,
  workspace: () => Workspace,
  leftOut: readonly string[],
): Promise<Map<string, WrittenRow[]>> {
  const outputs = new Map<string, WrittenRow[]>();
  for (const path of visibleFiles(host.files, "", leftOut)) {
    const directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const rows = outputs.get(directory) ?? [];
    outputs.set(directory, rows);
    for (const row of await rowsOf(host, workspace, path)) rows.push({ row, change: 1 });
  }
  return outputs;
}

function* visibleFiles(files: HostFiles, directory: string, leftOut: readonly string[]): Generator<string> {
  for (const name of files.list(directory === "" ? "/" : directory)) {
    const path = `${directory}/${name}`;
    if (name.startsWith(".") || leftOut.includes(path)) continue;
    if (files.stat(path)?.isDirectory === true) yield* visibleFiles(files, path, leftOut);
    else yield path;
  }
}

/** Rows of JSON lines and of binary formats; of other text, lines. */
async function rowsOf(host: Host, workspace: () => Workspace, path: string): Promise<Record<string, unknown>[]> {
  const ending = path.slice(path.lastIndexOf("."));
  if (Object.hasOwn(BINARY, ending)) return readBinary(host, workspace(), BINARY[ending], path);
  const lines = readText(host.files, path).split("\n");
  // The last line has an end too.
  if (lines.at(-1) === "") lines.pop();
  return ending === ".jsonl"
    ? lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    : lines.map((line) => ({ line }));
}

function readText(files: HostFiles, path: string): string {
  const file = files.openRead(path);
  const bytes = new Uint8Array(file.sizeBytes);
  file.readInto(bytes, 0);
  file.close();
  return new TextDecoder().decode(bytes);
}

async function readBinary(
  host: Host,
  workspace: Workspace,
  kind: string,
  path: string,
): Promise<Record<string, unknown>[]> {
  const factory = await connectorRegistry.sourceFactory(kind);
  const source = factory({ kind, paths: [path] }, host);
  const rows: Record<string, unknown>[] = [];
  for (const split of source.splits()) {
    const reader = source.openSplit(split, { workspace, host, batchRows: 8192, count: () => undefined });
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      rows.push(...readRows(workspace, batch));
      batch.release();
    }
    reader.close();
  }
  return rows;
}
