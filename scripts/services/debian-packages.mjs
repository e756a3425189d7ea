// Programs out of Debian packages, without root and without installing: everything lies below one folder.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const answer = (command, ...args) =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** The newest package whose name fits, such as postgresql-15, by a pattern that apt understands; undefined where it knows none. */
export function newestPackage(pattern) {
  try {
    const names = answer("apt-cache", "search", "--names-only", pattern.source).split("\n");
    return names
      .map((line) => line.split(" ")[0])
      .filter((name) => pattern.test(name))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
      .at(-1);
  } catch {
    return undefined;
  }
}

/** Downloads packages and the libraries that they need and this machine lacks, and unpacks them into `folder`. */
export function unpackPackages(names, folder) {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const wanted = [...names];
    for (const name of wanted) {
      for (const library of missingLibraries(name)) if (!wanted.includes(library)) wanted.push(library);
    }
    const debs = join(unfinished, ".debs");
    mkdirSync(debs);
    // As root apt would fetch as another user, who may not write here.
    execFileSync("apt-get", ["-o", "APT::Sandbox::User=root", "download", ...wanted], { cwd: debs, stdio: "ignore" });
    for (const deb of readdirSync(debs)) execFileSync("dpkg", ["-x", join(debs, deb), unfinished]);
    rmSync(debs, { recursive: true });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function missingLibraries(name) {
  const lines = answer("apt-cache", "depends", "--no-recommends", "--no-suggests", name).split("\n");
  const libraries = lines.flatMap((line) => /^ +\|?(?:Pre)?Depends: (lib[^<>\s]+)/.exec(line)?.[1] ?? []);
  return libraries.filter((library) => !isInstalled(library));
}

function isInstalled(name) {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg fills it in
    return answer("dpkg-query", "-W", "-f=${db:Status-Status}", name) === "installed";
  } catch {
    return false;
  }
}
