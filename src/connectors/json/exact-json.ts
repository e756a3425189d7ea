/** A number whose digits a double may not hold, as it stands in the text. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** So many digits in a row may be more than a double holds; shorter numbers are exact as they are. */
const MANY_DIGITS = /[\d.]{16}/;
const MAX_DEPTH = 512;

/**
 * Parses one JSON text (RFC 8259). Numbers that a double may not hold exactly come as `NumberText`, all else as JSON.parse
 * gives it; a `__proto__` key is data. Throws a SyntaxError where the text is no JSON.
 */
export function parseExactJson(text: string): unknown {
  return hasManyDigits(text) ? new Parser(text).parse() : JSON.parse(text);
}

/** False where JSON.parse itself is exact. */
export const hasManyDigits = (text: string): boolean => MANY_DIGITS.test(text);

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/suy;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): unknown {
    const value = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail();
    return value;
  }

  #value(): unknown {
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError(`JSON is nested more than ${MAX_DEPTH} levels deep`);
    this.#at++;
    const value = parse();
    this.#depth--;
    return value;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#take("}")) return object;
    do {
      this.#skipBlanks();
      const name = this.#string();
      if (!this.#take(":")) this.#fail();
      const value = this.#value();
      // An assignment would set the prototype.
      if (name === "__proto__") {
        Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
      } else object[name] = value;
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail();
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    if (this.#take("]")) return array;
    do array.push(this.#value());
    while (this.#take(","));
    if (!this.#take("]")) this.#fail();
    return array;
  }

  #string(): string {
    STRING.lastIndex = this.#at;
    const match = STRING.exec(this.#text);
    if (match === null) this.#fail();
    this.#at = STRING.lastIndex;
    return JSON.parse(match[0]) as string;
  }

  #number(): number | NumberText {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#fail();
    this.#at = NUMBER.lastIndex;
    return match[0].length > 15 ? new NumberText(match[0]) : Number(match[0]);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #fail(): never {
    const found = this.#text[this.#at];
    throw new SyntaxError(
      found === undefined ? "Unexpected end of JSON" : `Unexpected ${JSON.stringify(found)} at position ${this.#at}`,
    );
  }
}
