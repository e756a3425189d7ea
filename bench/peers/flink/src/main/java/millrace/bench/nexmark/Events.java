package millrace.bench.nexmark;

import java.util.Arrays;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/**
 * The event stream of bench/nexmark/generator/event.ts as Flink's rows, of which only some columns are generated.
 * Columns of other events than a row's are null.
 */
final class Events {
  /** All columns in their order; the numbers in `value` are positions in this list. */
  static final List<String> COLUMNS =
      Arrays.asList(
          "position", "eventType", "dateTime",
          "personId", "name", "emailAddress", "creditCard", "city", "state", "personExtra",
          "auctionId", "itemName", "description", "initialBid", "reserve", "expires", "seller", "category",
          "auctionExtra",
          "auction", "bidder", "price", "channel", "url", "bidExtra");

  private static final int FIRST_PERSON_COLUMN = 3;
  private static final int FIRST_AUCTION_COLUMN = 10;
  private static final int FIRST_BID_COLUMN = 19;
  private static final long FIRST_ID = 1000;

  private final Configuration configuration;
  private final int[] columns;
  private final StringData[] channels = Texts.channels();
  private final StringData[] urls;

  Events(Configuration configuration, int[] columns) {
    this.configuration = configuration;
    this.columns = columns;
    this.urls = Texts.urls(configuration.mixedSeed);
  }

  GenericRowData at(long position) {
    long number = configuration.eventNumber(position);
    int type = typeOf(number);
    int start = Draws.start(configuration.mixedSeed, number);
    GenericRowData row = new GenericRowData(columns.length);
    for (int field = 0; field < columns.length; field++) {
      int column = columns[field];
      int owner = column < FIRST_AUCTION_COLUMN ? 0 : column < FIRST_BID_COLUMN ? 1 : 2;
      if (column < FIRST_PERSON_COLUMN || owner == type) {
        row.setField(field, value(column, position, number, type, start));
      }
    }
    return row;
  }

  static int typeOf(long number) {
    long offset = number % 50;
    return offset == 0 ? 0 : offset < 4 ? 1 : 2;
  }

  private Object value(int column, long position, long number, int type, int start) {
    switch (column) {
      case 0:
        return position;
      case 1:
        return type;
      case 2:
        return time(configuration.eventTime(number));
      case 3:
        return FIRST_ID + lastPerson(number);
      case 4:
        return name(start);
      case 5:
        return emailAddress(start);
      case 6:
        return creditCard(Draws.draw(start, 4));
      case 7:
        return city(start);
      case 8:
        return Texts.STATES[Draws.below(Draws.draw(start, 6), Texts.STATES.length)];
      case 9:
        return personExtra(start);
      case 10:
        return FIRST_ID + lastAuction(number);
      case 11:
        return StringData.fromBytes(Texts.trimmedWords(start, 14, 20));
      case 12:
        return StringData.fromBytes(Texts.trimmedWords(start, 15, 100));
      case 13:
        return Draws.price(Draws.draw(start, 11));
      case 14:
        return Draws.price(Draws.draw(start, 11)) + Draws.price(Draws.draw(start, 12));
      case 15:
        return time(expires(number, start));
      case 16:
        return FIRST_ID + seller(number, start);
      case 17:
        return 10L + Draws.below(Draws.draw(start, 10), 5);
      case 18:
        return Texts.extra(
            start, 16, 48 + Texts.wordsLength(start, 14, 20) + Texts.wordsLength(start, 15, 100), 500);
      case 19:
        return FIRST_ID + bidAuction(number, start);
      case 20:
        return FIRST_ID + bidder(number, start);
      case 21:
        return Draws.price(Draws.draw(start, 21));
      case 22:
        return channels[channel(start)];
      case 23:
        return urls[channel(start)];
      default:
        return Texts.extra(start, 24, 32, 100);
    }
  }

  private static TimestampData time(long milliseconds) {
    return TimestampData.fromEpochMillis(milliseconds);
  }

  private static StringData name(int start) {
    return Texts.NAMES[Draws.below(Draws.draw(start, 1), Texts.NAMES.length)];
  }

  private static StringData city(int start) {
    return Texts.CITIES[Draws.below(Draws.draw(start, 5), Texts.CITIES.length)];
  }

  private static StringData emailAddress(int start) {
    byte[] user = Texts.trimmedWords(start, 2, 7);
    byte[] host = Texts.trimmedWords(start, 3, 5);
    byte[] text = Arrays.copyOf(user, user.length + host.length + 5);
    text[user.length] = '@';
    System.arraycopy(host, 0, text, user.length + 1, host.length);
    System.arraycopy(new byte[] {'.', 'c', 'o', 'm'}, 0, text, text.length - 4, 4);
    return StringData.fromBytes(text);
  }

  private static StringData creditCard(int card) {
    byte[] text = new byte[19];
    for (int part = 0; part < 4; part++) {
      int digits = Draws.below(Draws.wordAt(card, part), 10_000);
      int at = part * 5;
      if (part > 0) text[at - 1] = ' ';
      text[at] = (byte) ('0' + digits / 1000);
      text[at + 1] = (byte) ('0' + digits / 100 % 10);
      text[at + 2] = (byte) ('0' + digits / 10 % 10);
      text[at + 3] = (byte) ('0' + digits % 10);
    }
    return StringData.fromBytes(text);
  }

  private static StringData personExtra(int start) {
    int email = Texts.wordsLength(start, 2, 7) + Texts.wordsLength(start, 3, 5) + 5;
    int size = 8 + length(name(start)) + email + 19 + length(city(start)) + 2;
    return Texts.extra(start, 7, size, 200);
  }

  private static int length(StringData text) {
    return text.toBytes().length;
  }

  private long expires(long number, int start) {
    long ahead = configuration.inFlightAuctions * 50L / 3;
    long time = configuration.eventTime(number);
    long horizon = configuration.eventTime(number + ahead) - time;
    return time + 1 + Draws.below(Draws.draw(start, 13), (int) Math.max(horizon * 2, 1));
  }

  private long seller(long number, int start) {
    boolean isHot = Draws.below(Draws.draw(start, 8), configuration.hotSellersRatio) > 0;
    return isHot ? hot(lastPerson(number)) : somePerson(number, Draws.draw(start, 9));
  }

  private long bidAuction(long number, int start) {
    boolean isHot = Draws.below(Draws.draw(start, 17), configuration.hotAuctionRatio) > 0;
    return isHot ? hot(lastAuction(number)) : someAuction(number, Draws.draw(start, 18));
  }

  private long bidder(long number, int start) {
    boolean isHot = Draws.below(Draws.draw(start, 19), configuration.hotBiddersRatio) > 0;
    return isHot ? hot(lastPerson(number)) + 1 : somePerson(number, Draws.draw(start, 20));
  }

  private static int channel(int start) {
    boolean isHot = Draws.below(Draws.draw(start, 22), 2) > 0;
    int word = Draws.draw(start, 23);
    return isHot
        ? Draws.below(word, Texts.HOT_CHANNELS)
        : Texts.HOT_CHANNELS + Draws.below(word, Texts.COLD_CHANNELS);
  }

  private static long hot(long last) {
    return last / 100 * 100;
  }

  private static long lastPerson(long number) {
    return number / 50;
  }

  private static long lastAuction(long number) {
    return number / 50 * 3 + Math.min(number % 50 - 1, 2);
  }

  private long somePerson(long number, int word) {
    long people = lastPerson(number) + 1;
    long active = Math.min(people, configuration.activePeople);
    return people - active + Draws.below(word, (int) active + 10);
  }

  private long someAuction(long number, int word) {
    long last = lastAuction(number);
    long oldest = Math.max(last - configuration.inFlightAuctions, 0);
    return oldest + Draws.below(word, (int) (last - oldest) + 11);
  }
}
