//! Instruments: tokens that have balances, numbered in the order in which markets named them.

use std::collections::BTreeMap;

use souk_schema::TokenRef;
use souk_schema::exchange::InstrumentId;

/// All instruments.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    tokens: Vec<TokenRef>,
    /// What all accounts have of each, with withdrawals that are debited and not over.
    totals: Vec<i128>,
    by_token: BTreeMap<TokenRef, InstrumentId>,
}

impl Instruments {
    /// The instrument of a token.
    pub fn find(&self, token: &TokenRef) -> Option<InstrumentId> {
        self.by_token.get(token).copied()
    }

    /// The token of an instrument.
    pub fn token(&self, instrument: InstrumentId) -> Option<TokenRef> {
        self.tokens.get(instrument.0 as usize).copied()
    }

    /// Numbers a token.
    pub fn add(&mut self, token: TokenRef) -> InstrumentId {
        let id = InstrumentId(u32::try_from(self.tokens.len()).expect("fewer than 2^32 instruments"));
        self.tokens.push(token);
        self.totals.push(0);
        self.by_token.insert(token, id);
        id
    }

    /// What all accounts have of it.
    pub fn total(&self, instrument: InstrumentId) -> i128 {
        self.totals[instrument.0 as usize]
    }

    /// What all accounts have of it.
    pub fn total_mut(&mut self, instrument: InstrumentId) -> &mut i128 {
        &mut self.totals[instrument.0 as usize]
    }

    /// Number of instruments.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }
}
