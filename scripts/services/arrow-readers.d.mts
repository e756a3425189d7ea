export const VARIABLE: string;
export function arrowPython(): string;
