/** The queries of queries/ in the DataStream API, by the same names; those that it can express so far. */
import { distinctStreams } from "./distinct.ts";
import { joinStreams } from "./joins.ts";
import { rankStreams } from "./ranks.ts";
import { rowStreams } from "./rows.ts";
import type { NexmarkStream } from "./stream.ts";
import { windowStreams } from "./windows.ts";

export const nexmarkStreams: Readonly<Record<string, NexmarkStream>> = {
  ...rowStreams,
  ...joinStreams,
  ...windowStreams,
  ...distinctStreams,
  ...rankStreams,
};
