/** True where a path holds characters that a glob pattern gives a meaning. */
export const isGlob = (path: string): boolean => /[*?[{]/.test(path);

/**
 * Every form of a pattern whose braces are written out: "a{b,c}" gives "ab" and "ac". Braces nest; one without a comma or
 * without its end is text.
 */
export function expandBraces(pattern: string): string[] {
  for (let start = pattern.indexOf("{"); start >= 0; start = pattern.indexOf("{", start + 1)) {
    const parts = alternatives(pattern, start);
    if (parts === undefined) continue;
    const head = pattern.slice(0, start);
    const tails = expandBraces(pattern.slice(parts.end));
    return parts.options.flatMap((option) =>
      expandBraces(option).flatMap((middle) => tails.map((tail) => head + middle + tail)),
    );
  }
  return [pattern];
}

function alternatives(pattern: string, start: number): { options: string[]; end: number } | undefined {
  const options: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let i = start; i < pattern.length; i++) {
    const character = pattern[i];
    if (character === "{") depth++;
    else if (character === "," && depth === 1) {
      options.push(pattern.slice(from, i));
      from = i + 1;
    } else if (character === "}" && --depth === 0) {
      if (options.length === 0) return undefined;
      options.push(pattern.slice(from, i));
      return { options, end: i + 1 };
    }
  }
  return undefined;
}

/** One segment of a pattern, without slashes and braces: `*`, `?`, `[a-z]`, `[!a-z]`; all else stands for itself. */
export function segmentMatcher(segment: string): (name: string) => boolean {
  let source = "";
  for (let i = 0; i < segment.length; i++) {
    const character = segment[i];
    const close = character === "[" ? segment.indexOf("]", i + 2) : -1;
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (close > 0) {
      const isNegated = segment[i + 1] === "!" || segment[i + 1] === "^";
      const set = segment.slice(i + (isNegated ? 2 : 1), close).replace(/[\\\]^[]/g, "\\$&");
      source += `[${isNegated ? "^" : ""}${set}]`;
      i = close;
    } else source += character.replace(/[.+^${}()|\\[\]/]/g, "\\$&");
  }
  const expression = new RegExp(`^${source}$`, "su");
  return (name) => expression.test(name);
}
