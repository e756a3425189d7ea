import type { Random } from "../core/host.ts";

/** 64 random bits: unique in the process, however many copies of this module it has loaded. */
export const uniqueId = (random: Random): string =>
  `${random.nextUint32().toString(16)}-${random.nextUint32().toString(16)}`;
