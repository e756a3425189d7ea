import { relative } from "node:path";
import type { Plugin } from "vite";
import { mutated, mutationOf, REPOSITORY } from "./mutation.ts";

/** What the plugin prints where it has changed a module: the tests do load it. */
export const PLANTED_MARK = "[mutation]";

/** Changes modules as vitest loads them: nothing on disk does, nor is there any switch in them. */
export function mutationPlugin(name: string): Plugin {
  const mutation = mutationOf(name);
  return {
    name: "millrace-mutation",
    enforce: "pre",
    transform(code, id) {
      const file = relative(REPOSITORY, id.split("?")[0]);
      if (!mutation.edits.some((edit) => edit.file === file)) return undefined;
      console.error(`${PLANTED_MARK} "${name}" is in ${file}`);
      return { code: mutated(mutation, file, code), map: null };
    },
  };
}
