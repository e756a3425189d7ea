import { shareCode } from "../../core/rows/code-generation.ts";
import { replaceTableFormat } from "../../core/snapshot-tables.ts";
import { holdTrap } from "../real-world-trap.ts";
import { rememberingFormat } from "./remembered-tables.ts";

let users = 0;
let undo: readonly (() => void)[] = [];

/** Runs many short jobs, which share compiled code and encoded tables while they do. The engine is loaded. */
export async function withSharedWork<T>(work: () => Promise<T>): Promise<T> {
  const end = beginSharedWork();
  try {
    return await work();
  } finally {
    end();
  }
}

/** The same until the result is called, once. */
export function beginSharedWork(): () => void {
  if (users++ === 0) undo = [shareCode(), holdTrap(), replaceTableFormat(rememberingFormat)];
  return () => {
    if (--users === 0) for (const each of undo) each();
  };
}
