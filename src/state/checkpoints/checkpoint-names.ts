/*
 * Names of objects in the directory of a job:
 *   attempts/000003                     claimed by the third run of the job, before it looks at anything else
 *   attempts/000003.from                which checkpoint it went on from, before it runs
 *   state/000003-000000012-0.arrows     a file of state
 *   chk-000003-000000012/manifest.json  checkpoint 12, taken by the third run: complete once this is there
 *   chk-000003-000000012/manifest.copy.json
 *   chk-000003-000000012/committing     what its sinks have prepared may be committed
 */

export interface CheckpointKey {
  readonly attempt: number;
  readonly checkpointId: number;
}

const digits = (value: number, count: number): string => String(value).padStart(count, "0");
const ATTEMPT_DIGITS = 6;
const CHECKPOINT_DIGITS = 9;

const keyText = ({ attempt, checkpointId }: CheckpointKey): string =>
  `${digits(attempt, ATTEMPT_DIGITS)}-${digits(checkpointId, CHECKPOINT_DIGITS)}`;

export const ATTEMPTS = "attempts/";
export const STATE = "state/";

export const attemptName = (attempt: number): string => ATTEMPTS + digits(attempt, ATTEMPT_DIGITS);
export const originName = (attempt: number): string => `${attemptName(attempt)}.from`;
export const statePrefix = (key: CheckpointKey): string => `${STATE}${keyText(key)}-`;
export const checkpointName = (key: CheckpointKey): string => `chk-${keyText(key)}`;
export const manifestName = (key: CheckpointKey): string => `${checkpointName(key)}/manifest.json`;
export const manifestCopyName = (key: CheckpointKey): string => `${checkpointName(key)}/manifest.copy.json`;
export const committingName = (key: CheckpointKey): string => `${checkpointName(key)}/committing`;

/** Undefined for what is no attempt. */
export function attemptOf(name: string): number | undefined {
  const found = /^attempts\/(\d+)$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}

/** Of any object of a checkpoint, or of its directory; undefined for other names. */
export function checkpointOf(name: string): CheckpointKey | undefined {
  const found = /^chk-(\d+)-(\d+)(?:\/|$)/.exec(name);
  return found === null ? undefined : { attempt: Number(found[1]), checkpointId: Number(found[2]) };
}

/** Directories of one checkpoint, which one run writes. */
export const isOneRuns = (directory: string): boolean => checkpointOf(directory) !== undefined;

/** The run that wrote a file of state. */
export function stateAttemptOf(name: string): number | undefined {
  const found = /^state\/(\d+)-/.exec(name);
  return found === null ? undefined : Number(found[1]);
}
