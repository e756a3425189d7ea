/** Texts of the generator: the fixed ones in full, the random ones as functions of a drawn word. */
import { below, draw, Field, LENGTH_OFFSET, wordAt } from "./draws.ts";

const firstNames = "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter".split(",");
const lastNames = "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris".split(",");

/** Every first name with every last name. */
export const names: readonly string[] = firstNames.flatMap((first) => lastNames.map((last) => `${first} ${last}`));
export const cities: readonly string[] =
  "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",");
export const states: readonly string[] = "AZ,CA,ID,OR,WA,WY".split(",");

const hotChannels = ["Google", "Facebook", "Baidu", "Apple"];
export const HOT_CHANNELS = hotChannels.length;
export const COLD_CHANNELS = 10_000;

const letterA = 97;

/** Letter of each byte value. */
const letterOf = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(letterA + ((byte * 26) >> 8)));

/** Bytes below it are separators: one in thirteen. */
const SEPARATOR_BYTES = 20;

/** Letter of each byte value, or nothing for a separator. */
const wordLetterOf = Array.from({ length: 256 }, (_, byte) =>
  byte < SEPARATOR_BYTES
    ? ""
    : String.fromCharCode(letterA + Math.floor(((byte - SEPARATOR_BYTES) * 26) / (256 - SEPARATOR_BYTES))),
);

/** `length` letters, one per byte of the words that `start` begins, lowest byte first. */
export const letters = (start: number, length: number): string => spell(start, length, letterOf, "");

/** Like `letters`, with separators between them. */
export const words = (start: number, length: number, separator: string): string =>
  spell(start, length, wordLetterOf, separator);

/** The letter of a byte in `words`. */
export const letterOfWords = (byte: number, separator: string): string => wordLetterOf[byte] || separator;

function spell(start: number, length: number, alphabet: readonly string[], separator: string): string {
  let text = "";
  for (let index = 0, word = 0; index < length; index++, word >>>= 8) {
    if ((index & 3) === 0) word = wordAt(start, index >> 2);
    text += alphabet[word & 255] || separator;
  }
  return text;
}

/** Length of a random text before blanks are trimmed: 3 to maximum - 1. */
export const wordsLength = (seed: number, event: number, field: number, maximum: number): number =>
  3 + below(draw(seed, event, field + LENGTH_OFFSET), maximum - 3);

/** The random text of a field, trimmed. */
export const wordsOf = (seed: number, event: number, field: number, maximum: number): string =>
  words(draw(seed, event, field), wordsLength(seed, event, field, maximum), " ").trim();

/** Length of the filler with which an event of `size` bytes has `average` bytes on average, within a fifth. */
export function extraLength(seed: number, event: number, field: number, size: number, average: number): number {
  const missing = average - size;
  if (missing < 0) return 0;
  const spread = Math.floor((missing * 2 + 5) / 10);
  return missing - spread + (spread === 0 ? 0 : below(draw(seed, event, field + LENGTH_OFFSET), 2 * spread));
}

/** Name of the channel with this index: the hot ones first. */
export function channelName(index: number): string {
  return hotChannels[index] ?? `channel-${channelId(index - HOT_CHANNELS)}`;
}

/** The URL that goes with a channel. */
export function channelUrl(seed: number, index: number): string {
  const folder = (part: number): string => {
    const length = 3 + below(draw(seed, index, Field.url + part + LENGTH_OFFSET), 2);
    return words(draw(seed, index, Field.url + part), length, "_");
  };
  const base = `https://www.nexmark.com/${folder(0)}/${folder(1)}/${folder(2)}/item.htm?query=1`;
  const namesChannel = index >= HOT_CHANNELS && below(draw(seed, index, Field.urlHasChannel), 10) > 0;
  return namesChannel ? `${base}&channel_id=${channelId(index - HOT_CHANNELS)}` : base;
}

/** The benchmark's scrambled numbers: absolute value of the reversed bits, where the lowest int32 stays negative. */
function channelId(number: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((number >>> bit) & 1);
  return reversed === -(2 ** 31) ? reversed : Math.abs(reversed);
}
