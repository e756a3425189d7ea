const ESCAPES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** For text that goes to a terminal: data must not move the cursor, colour it, or reverse the direction of text. */
export const escapeControls = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu,
    (control) => ESCAPES[control] ?? `\\u{${control.codePointAt(0)?.toString(16)}}`,
  );
