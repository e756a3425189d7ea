/** Kernels of the event generator: a module of their own, since the product has no use for them. */
export { bidAuctions, bidders, channels, eventTypes, prices, typeMask } from "./bids";
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
export { auctionExtras, auctionWords, bidExtras, creditCards, emailAddresses, personExtras } from "./texts";
