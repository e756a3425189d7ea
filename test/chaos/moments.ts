import { isOfCommit, type ProxyEvent } from "../support/postgres-proxy.ts";
import type { Choice } from "./choice.ts";

/** What is seen of a life from outside: a name that turned up in a directory, or what it and the database say. */
export type Sign = { readonly kind: "name"; readonly path: string } | ProxyEvent;

/** A complete checkpoint: the life has got somewhere. */
export const isCheckpoint = (sign: Sign): boolean => sign.kind === "name" && /\/manifest\.json$/.test(sign.path);

const name = (pattern: RegExp) => (sign: Sign) => sign.kind === "name" && pattern.test(sign.path);

const FILES: Record<string, (sign: Sign) => boolean> = {
  "a file of state is written": name(/^checkpoints\/state\/[^.]/),
  "a checkpoint is complete": isCheckpoint,
  "its output may be committed": name(/^checkpoints\/chk-.*\/committing$/),
  "an output file is visible": name(/^(journal|hours)\/part/),
};

/** Of all statements, those that the sink of rows says around a checkpoint; see docs/postgres.md. */
const TABLES: Record<string, (sign: Sign) => boolean> = {
  "rows are on their way to staging": ({ kind }) => kind === "rows",
  "staging is committed": (sign) =>
    sign.kind === "done" && sign.text === "COMMIT" && sign.statements.some((text) => text.startsWith("COPY")),
  "the commit is sent": (sign) => sign.kind === "statement" && sign.text === "COMMIT" && isOfCommit(sign),
  "the commit is done": (sign) => sign.kind === "done" && sign.text === "COMMIT" && isOfCommit(sign),
};

/** When a life is to end. */
export interface Aim {
  readonly name: string;
  /** The signs that count; absent: the start itself. */
  readonly counts?: (sign: Sign) => boolean;
  /** At which of them. */
  readonly occurrence: number;
  /** And so long behind it. */
  readonly delayMs: number;
}

/** A moment of any kind; most come behind the first checkpoint of a life, so that the job gets on. */
export function chooseAim(choice: Choice, withTables: boolean): Aim {
  const kind = choice.next();
  if (kind < 0.05) return { name: "the start", occurrence: 0, delayMs: choice.below(150) };
  if (kind < 0.15) {
    const counts = name(/^checkpoints\/attempts\//);
    return { name: "the restore", counts, occurrence: 1, delayMs: choice.below(60) };
  }
  if (kind < 0.45) return anyMoment(choice);
  const aims = Object.entries(withTables ? { ...FILES, ...TABLES } : FILES);
  const [aim, counts] = choice.of(aims);
  // At once, or while what follows is under way.
  return { name: aim, counts, occurrence: 1 + choice.below(5), delayMs: choice.below(3) };
}

/** Behind a complete checkpoint. */
export const anyMoment = (choice: Choice): Aim => ({
  name: "any moment",
  counts: isCheckpoint,
  occurrence: 1,
  delayMs: choice.below(200),
});
