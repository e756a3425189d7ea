// Classes of streams that give each other (a keyed stream a windowed one, a stream a keyed one) have their methods added by
// the files below. Whoever makes an environment for a program of the user needs all of them, also where that program
// imports nothing but types.
import "./async-streams.ts";
import "./changelogs.ts";
import "./co-grouped-streams.ts";
import "./connected-streams.ts";
import "./file-sources.ts";
import "./joined-streams.ts";
import "./keyed-reductions.ts";
import "./keyed-stream.ts";
import "./lookup-joins.ts";
import "./ranked-streams.ts";
import "./stream-sinks.ts";
import "./stream-sources.ts";
import "./temporal-joins.ts";
import "./updating-aggregates.ts";
