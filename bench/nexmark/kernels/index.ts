/** Kernels of the event generator: a module of their own, since the product has no use for them. */
export {
  auctionIds,
  bidAuctions,
  bidders,
  categories,
  channels,
  dateTimes,
  eventTypes,
  expiries,
  initialBids,
  personChoices,
  personIds,
  positions,
  prices,
  reserves,
  sellers,
  typeMask,
} from "./numbers";
export { auctionExtras, auctionWords, bidExtras, creditCards, emailAddresses, personExtras } from "./texts";
