/** Kernels of the event generator: a module of their own, since the product has no use for them. */
export { bidAuctions, bidders, bidExtras, channels, eventTypes, prices, typeMask } from "./bids";
export { describeEvents } from "./events";
export {
  auctionIds,
  categories,
  dateTimes,
  expiries,
  initialBids,
  personChoices,
  personIds,
  positions,
  reserves,
  sellers,
} from "./numbers";
export { auctionExtras, auctionWords, creditCards, emailAddresses, personExtras } from "./texts";
