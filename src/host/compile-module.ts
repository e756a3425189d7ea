import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Loader, type OnResolveArgs, type Plugin } from "esbuild";

const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
};
/** What stands for the properties of `import.meta` in each file, and for what CommonJS has in their place. */
const OWN = { url: "__ownUrl", filename: "__ownPath", dirname: "__ownFolder" };
const DEFINITIONS = {
  ...Object.fromEntries(Object.entries(OWN).map(([name, stand]) => [`import.meta.${name}`, stand])),
  __filename: OWN.filename,
  __dirname: OWN.dirname,
};

/**
 * Compiles a module of TypeScript, together with all TypeScript that it imports, into one file of JavaScript. Packages
 * and files of JavaScript stay imports of what they are, so that they are the same for all who import them: the engine
 * too. The name of the file follows from its content.
 * @returns the URL of the file
 */
export async function compileModule(path: string, directory: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    // Sources in the map are relative to it.
    outfile: join(directory, "module.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: `node${process.versions.node}`,
    conditions: ["node", "import"],
    sourcemap: "inline",
    sourcesContent: false,
    write: false,
    logLevel: "silent",
    define: DEFINITIONS,
    banner: { js: requireOf(path) },
    plugins: [keepOthers],
  });
  const [{ contents }] = outputFiles;
  const name = basename(path, extname(path));
  const file = join(directory, `${name}-${createHash("sha256").update(contents).digest("hex").slice(0, 16)}.mjs`);
  if (!existsSync(file)) {
    // Another thread must never see half of it.
    const part = `${file}.part`;
    writeFileSync(part, contents);
    renameSync(part, file);
  }
  return pathToFileURL(file).href;
}

function ownOf(path: string): string {
  const values = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
  return `const ${Object.entries(OWN).map(([name, stand]) => `${stand} = ${JSON.stringify(values[name as keyof typeof values])}`)};`;
}

/** What files of CommonJS call. */
const requireOf = (path: string): string =>
  `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(${JSON.stringify(path)});`;

/** Takes TypeScript in, and leaves everything else outside, by URL: the compiled file lies elsewhere. */
const keepOthers: Plugin = {
  name: "keep-others",
  setup(compiler) {
    compiler.onResolve({ filter: /.*/ }, async ({ path, pluginData, ...given }: OnResolveArgs) => {
      if (pluginData === RESOLVING || given.kind === "entry-point") return undefined;
      if (path.startsWith("node:") || /^(?:data|https?|file):/.test(path)) return { path, external: true };
      const { importer, namespace, resolveDir, kind } = given;
      const found = await compiler.resolve(path, { importer, namespace, resolveDir, kind, pluginData: RESOLVING });
      if (found.errors.length > 0) return { errors: found.errors };
      // A builtin module without "node:".
      if (found.external) return { path: found.path, external: true };
      if (extname(found.path) in LOADERS && !found.path.includes("/node_modules/")) return { path: found.path };
      return { path: pathToFileURL(found.path).href, external: true };
    });
    compiler.onLoad({ filter: /\.[cm]?tsx?$/ }, ({ path }) => ({
      // On the first line, so that the others keep their numbers.
      contents: ownOf(path) + readFileSync(path, "utf8"),
      loader: LOADERS[extname(path)],
    }));
  },
};
const RESOLVING = Symbol("resolving");
