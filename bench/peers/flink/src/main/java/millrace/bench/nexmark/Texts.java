package millrace.bench.nexmark;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.table.data.StringData;

/** The texts of bench/nexmark/generator/texts.ts, as the UTF-8 bytes that Flink keeps. */
final class Texts {
  static final StringData[] NAMES =
      names("Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter",
          "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris");
  static final StringData[] CITIES =
      all("Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(","));
  static final StringData[] STATES = all("AZ,CA,ID,OR,WA,WY".split(","));
  static final int HOT_CHANNELS = 4;
  static final int COLD_CHANNELS = 10_000;

  private static final String[] HOT = {"Google", "Facebook", "Baidu", "Apple"};
  private static final int URL = 25;
  private static final int URL_HAS_CHANNEL = 28;
  private static final int SEPARATOR_BYTES = 20;
  private static final byte[] LETTER = new byte[256];
  private static final byte[] WORD_LETTER = new byte[256];

  static {
    for (int value = 0; value < 256; value++) {
      LETTER[value] = (byte) ('a' + ((value * 26) >> 8));
      WORD_LETTER[value] =
          value < SEPARATOR_BYTES
              ? (byte) ' '
              : (byte) ('a' + (value - SEPARATOR_BYTES) * 26 / (256 - SEPARATOR_BYTES));
    }
  }

  static byte[] letters(int start, int length) {
    byte[] text = new byte[length];
    int whole = length & ~3;
    for (int at = 0; at < whole; at += 4) {
      int word = Draws.wordAt(start, at >> 2);
      text[at] = LETTER[word & 255];
      text[at + 1] = LETTER[(word >>> 8) & 255];
      text[at + 2] = LETTER[(word >>> 16) & 255];
      text[at + 3] = LETTER[word >>> 24];
    }
    if (whole < length) {
      int word = Draws.wordAt(start, whole >> 2);
      for (int at = whole; at < length; at++, word >>>= 8) text[at] = LETTER[word & 255];
    }
    return text;
  }

  static byte[] words(int start, int length, byte separator) {
    byte[] text = new byte[length];
    for (int at = 0, word = 0; at < length; at++, word >>>= 8) {
      if ((at & 3) == 0) word = Draws.wordAt(start, at >> 2);
      byte letter = WORD_LETTER[word & 255];
      text[at] = letter == ' ' ? separator : letter;
    }
    return text;
  }

  static byte[] trimmedWords(int start, int field, int most) {
    byte[] text = words(Draws.draw(start, field), wordsLength(start, field, most), (byte) ' ');
    int from = 0;
    int to = text.length;
    while (from < to && text[from] == ' ') from++;
    while (to > from && text[to - 1] == ' ') to--;
    return from == 0 && to == text.length ? text : Arrays.copyOfRange(text, from, to);
  }

  static int wordsLength(int start, int field, int most) {
    return 3 + Draws.below(Draws.draw(start, field + Draws.LENGTH), most - 3);
  }

  /** A filler with which an event of `size` bytes has `average` bytes on average. */
  static StringData extra(int start, int field, int size, int average) {
    int missing = average - size;
    if (missing < 0) return StringData.fromBytes(new byte[0]);
    int spread = (missing * 2 + 5) / 10;
    int length =
        missing - spread + (spread == 0 ? 0 : Draws.below(Draws.draw(start, field + Draws.LENGTH), 2 * spread));
    return StringData.fromBytes(letters(Draws.draw(start, field), length));
  }

  static StringData[] channels() {
    StringData[] channels = new StringData[HOT_CHANNELS + COLD_CHANNELS];
    for (int index = 0; index < channels.length; index++) {
      channels[index] =
          text(index < HOT_CHANNELS ? HOT[index] : "channel-" + channelId(index - HOT_CHANNELS));
    }
    return channels;
  }

  static StringData[] urls(int mixedSeed) {
    StringData[] urls = new StringData[HOT_CHANNELS + COLD_CHANNELS];
    for (int index = 0; index < urls.length; index++) {
      int start = Draws.start(mixedSeed, index);
      StringBuilder url = new StringBuilder("https://www.nexmark.com/");
      for (int part = 0; part < 3; part++) {
        int length = 3 + Draws.below(Draws.draw(start, URL + part + Draws.LENGTH), 2);
        byte[] folder = words(Draws.draw(start, URL + part), length, (byte) '_');
        url.append(new String(folder, StandardCharsets.US_ASCII)).append('/');
      }
      url.append("item.htm?query=1");
      if (index >= HOT_CHANNELS && Draws.below(Draws.draw(start, URL_HAS_CHANNEL), 10) > 0) {
        url.append("&channel_id=").append(channelId(index - HOT_CHANNELS));
      }
      urls[index] = text(url.toString());
    }
    return urls;
  }

  private static int channelId(int number) {
    return Math.abs(Integer.reverse(number));
  }

  private static StringData[] names(String first, String last) {
    return all(
        Arrays.stream(first.split(","))
            .flatMap(one -> Arrays.stream(last.split(",")).map(other -> one + " " + other))
            .toArray(String[]::new));
  }

  private static StringData[] all(String[] texts) {
    return Arrays.stream(texts).map(Texts::text).toArray(StringData[]::new);
  }

  private static StringData text(String text) {
    return StringData.fromBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  private Texts() {}
}
