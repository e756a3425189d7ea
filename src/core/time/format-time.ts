/** Epoch milliseconds as ISO 8601 in UTC, or as the number where no calendar reaches. */
export function formatTimeMs(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}
