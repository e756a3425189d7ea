package millrace.bench.nexmark;

/** The random numbers of bench/nexmark/generator/draws.ts, bit for bit: functions of seed, event and field. */
final class Draws {
  static final int GOLDEN = 0x9e3779b9;
  /** A text's length is drawn under its field's number plus this. */
  static final int LENGTH = 32;

  private static final double[] POWERS_OF_MILLION = {
    1000, 31.622776601683793, 5.623413251903491, 2.371373705661655, 1.5399265260594919, 1.2409377607517196,
    1.1139738599948024, 1.055449600878603, 1.0273507681793026, 1.0135831333340657,
  };
  private static final double[] PRICE_SCALE = priceScale();
  private static final double PRICE_STEP = (6 * 2.302585092994046) / 4294967296.0;

  static int mix(int word) {
    int h = word;
    h = (h ^ (h >>> 16)) * 0x85ebca6b;
    h = (h ^ (h >>> 13)) * 0xc2b2ae35;
    return h ^ (h >>> 16);
  }

  /** What all draws of one event start from. */
  static int start(int mixedSeed, long number) {
    return mix((int) number ^ mixedSeed);
  }

  static int draw(int start, int field) {
    return mix(start + field * GOLDEN);
  }

  /** The word at an index of the sequence that a drawn word starts. */
  static int wordAt(int start, int index) {
    return mix(start + index * GOLDEN);
  }

  /** Brings a word into [0, bound). */
  static int below(int word, int bound) {
    return (int) (((word & 0xffffffffL) * bound) >>> 32);
  }

  /** Log-uniform whole numbers from 100 to 100,000,000. */
  static long price(int word) {
    double rest = (word & 0x3fffff) * PRICE_STEP;
    double factor = 1 + rest * (1 + rest * (1.0 / 2 + rest * (1.0 / 6 + rest * (1.0 / 24))));
    return (long) Math.floor(PRICE_SCALE[word >>> 22] * factor + 0.5);
  }

  private static double[] priceScale() {
    double[] scale = new double[1024];
    for (int bits = 0; bits < scale.length; bits++) {
      double product = 100;
      for (int k = 0; k < POWERS_OF_MILLION.length; k++) {
        if (((bits >> (9 - k)) & 1) == 1) product *= POWERS_OF_MILLION[k];
      }
      scale[bits] = product;
    }
    return scale;
  }

  private Draws() {}
}
