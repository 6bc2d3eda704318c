//! Between the exchange and the chain: facts in, settlement batches out.
