export function withNativeNames(text: string): string;
