export interface PostgresServer {
  readonly url: string;
  readonly folder: string;
  readonly pid: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Ends it as a crash does; `restart` brings it back with what was committed. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}
export const VARIABLES: readonly string[];
export function startPostgres(options?: {
  readonly watchedPid?: number;
  readonly settings?: Readonly<Record<string, string | number>>;
}): Promise<PostgresServer>;
