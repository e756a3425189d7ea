import { gzipSync } from "node:zlib";
import { PlanError } from "../../core/errors.ts";
import type { WritableFile } from "../../core/host.ts";

const BUFFER_CHARACTERS = 256 * 1024;
const encoder = new TextEncoder();

export type OutputCompression = "none" | "gzip";

/** Collects text and writes it to a file in large pieces; gzip output has one member per piece, as RFC 1952 allows. */
export class TextOutput {
  readonly #file: WritableFile;
  readonly #compression: OutputCompression;
  #text = "";

  constructor(file: WritableFile, compression: OutputCompression) {
    this.#file = file;
    this.#compression = compression;
  }

  append(text: string): void {
    this.#text += text;
    if (this.#text.length >= BUFFER_CHARACTERS) this.flush();
  }

  flush(): void {
    if (this.#text === "") return;
    const bytes = encoder.encode(this.#text);
    this.#text = "";
    this.#file.write(this.#compression === "gzip" ? gzipSync(bytes) : bytes);
  }
}

/** The compression of text output: by the option, or by the extension of a single file. */
export function outputCompression(path: string, option: string | undefined): OutputCompression {
  if (option === undefined || option === "auto") return path.endsWith(".gz") ? "gzip" : "none";
  if (option === "none" || option === "gzip") return option;
  throw new PlanError(
    "OPTION_INVALID",
    `compression is ${JSON.stringify(option)}.`,
    'Text output is written with "none" or "gzip".',
  );
}
