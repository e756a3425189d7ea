package millrace.bench.nexmark;

import java.io.Serializable;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** The settings of bench/nexmark/generator/configuration.ts, from their JSON. */
final class Configuration implements Serializable {
  final int mixedSeed;
  final long baseTimeMs;
  final double delayUs;
  final long groupSize;
  final int hotAuctionRatio;
  final int hotBiddersRatio;
  final int hotSellersRatio;
  final int inFlightAuctions;
  final int activePeople;

  Configuration(String json) {
    JsonNode settings;
    try {
      settings = new ObjectMapper().readTree(json);
    } catch (java.io.IOException failure) {
      throw new IllegalArgumentException("the configuration is no JSON: " + json, failure);
    }
    mixedSeed = Draws.mix(settings.required("seed").intValue());
    baseTimeMs = settings.required("baseTimeMs").longValue();
    delayUs = 1_000_000.0 / settings.required("eventsPerSecond").doubleValue();
    groupSize = settings.required("outOfOrderGroupSize").longValue();
    hotAuctionRatio = settings.required("hotAuctionRatio").intValue();
    hotBiddersRatio = settings.required("hotBiddersRatio").intValue();
    hotSellersRatio = settings.required("hotSellersRatio").intValue();
    inFlightAuctions = settings.required("inFlightAuctions").intValue();
    activePeople = settings.required("activePeople").intValue();
  }

  /** Which event arrives at a position. */
  long eventNumber(long position) {
    return position - position % groupSize + (position * 953) % groupSize;
  }

  /** Epoch milliseconds of an event. */
  long eventTime(long number) {
    return baseTimeMs + (long) (number * delayUs) / 1000;
  }
}
