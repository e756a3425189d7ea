/** First byte past the module's static data: the host allocates from here on. */
export function heapBase(): usize {
  return __heap_base;
}

/** memory.copy and memory.fill, so that large moves run at native speed inside one linear memory. */
export function copyBytes(target: usize, source: usize, byteLength: usize): void {
  memory.copy(target, source, byteLength);
}

export function fillBytes(target: usize, value: u8, byteLength: usize): void {
  memory.fill(target, value, byteLength);
}
