import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostFiles } from "../../src/core/host.ts";
import { readFile } from "./files-contract.ts";

/** Copies a directory of a simulated disk to the real one, where jobs over datasets read it. */
export function takeOut(files: HostFiles, from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of files.list(from)) {
    const [inside, outside] = [`${from}/${name}`, join(to, name)];
    if (files.stat(inside)?.isDirectory === true) takeOut(files, inside, outside);
    else writeFileSync(outside, readFile(files, inside));
  }
}

/** And back. */
export function putIn(files: HostFiles, from: string, to: string): void {
  files.makeDirectory(to);
  for (const name of readdirSync(from)) {
    const [outside, inside] = [join(from, name), `${to}/${name}`];
    if (statSync(outside).isDirectory()) {
      putIn(files, outside, inside);
      continue;
    }
    const file = files.openWrite(inside);
    file.write(readFileSync(outside));
    file.sync();
    file.close();
  }
}
