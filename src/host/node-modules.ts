import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EngineError, PlanError } from "../core/errors.ts";
import type { HostFiles, HostModules } from "../core/host.ts";

const TYPESCRIPT = /\.[cm]?tsx?$/;
/** What Node answers where it has no loader for a file of TypeScript, or one that knows a part of the language only. */
const UNREADABLE = /^ERR_(?:UNKNOWN_FILE_EXTENSION|UNSUPPORTED_TYPESCRIPT_SYNTAX)$/;
const DIRECTORY_PREFIX = "millrace-module-";

/** Modules through Node's import. TypeScript that it cannot read is compiled into a directory that ends with the process. */
export class NodeModules implements HostModules {
  readonly #files: HostFiles;
  #directory: string | undefined;

  constructor(files: HostFiles) {
    this.#files = files;
  }

  resolve(given: string | URL): string {
    if (given instanceof URL) return given.href;
    return given.startsWith("file:") ? given : pathToFileURL(resolve(given)).href;
  }

  async compile(url: string): Promise<string> {
    if (!url.startsWith("file:")) return url;
    const path = fileURLToPath(url);
    if (!existsSync(path)) {
      throw new PlanError(
        "JOB_MODULE_NOT_FOUND",
        `There is no job module "${path}".`,
        'Give the URL of a file, for example new URL("./job.ts", import.meta.url), or a path from the working directory.',
      );
    }
    if (!TYPESCRIPT.test(path)) return url;
    return naming(url, "compiled", async () => {
      const { compileModule } = await import("./compile-module.ts");
      if (this.#directory === undefined) {
        this.#files.removeAbandonedDirectories(DIRECTORY_PREFIX);
        this.#directory = this.#files.makeTemporaryDirectory(DIRECTORY_PREFIX);
      }
      return compileModule(path, this.#directory);
    });
  }

  import(url: string, compiled: string): Promise<Readonly<Record<string, unknown>>> {
    return naming(url, "imported", async () => {
      try {
        return (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
      } catch (thrown) {
        const code = String((thrown as { code?: unknown } | null)?.code);
        if (compiled === url || !UNREADABLE.test(code)) throw thrown;
        // Errors then name the lines that the user wrote.
        process.setSourceMapsEnabled(true);
        return (await import(/* @vite-ignore */ compiled)) as Record<string, unknown>;
      }
    });
  }
}

async function naming<T>(url: string, verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof EngineError) throw thrown;
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    throw new PlanError(
      "JOB_MODULE_FAILED",
      `The job module "${url}" could not be ${verb}: ${text}.`,
      "See the cause for its stack.",
      { cause: thrown },
    );
  }
}
