//! All that following knows: what the records so far add up to, what waits for a market, how far the engine has heard.
//!
//! Pure. The shell around it ([`super::FactFollower`]) reads the streams and submits. Records go in by [`Telling::fold`]; their facts are told
//! by [`Telling::begin`], [`Telling::answered`] and [`Telling::end`], in this order.

use souk_eventlog::StoredRecord;
use souk_exchange::Engine;
use souk_schema::TokenRef;
use souk_schema::exchange::{Outcome, Rejection};
use souk_schema::record::ChainRecordBody;

use super::folder::{FACTS_PER_RECORD, FactAt, FactConfig, FactFolder, FoldError, position};
use super::held::Held;
use super::snapshot::{Snapshot, StoredSnapshot, Unusable};
use crate::place::Place;

/// Who is told, as far as following has to ask.
pub trait Listener {
    /// Whether it has credited a deposit, and not taken that back since: on another chain another deposit may have the number of one that
    /// vanished.
    fn is_credited(&self, deposit_id: u64) -> bool;

    /// Whether a market trades a token.
    fn is_listed(&self, token: TokenRef) -> bool;
}

impl Listener for Engine {
    fn is_credited(&self, deposit_id: u64) -> bool {
        self.deposit(deposit_id).is_some_and(|deposit| !deposit.vanished)
    }

    fn is_listed(&self, token: TokenRef) -> bool {
        self.instrument_of(token).is_some()
    }
}

/// What is known between two records.
#[derive(Clone, Debug)]
pub struct Telling {
    folder: FactFolder,
    held: Held,
    /// The position up to which the engine has heard.
    heard: u64,
    /// The last record of the present generation whose facts are all told.
    told_record: Option<u64>,
    /// Positions behind that record's facts that were used for what is told again.
    retries: usize,
    /// Records folded since the last snapshot.
    records: u64,
    place: Place,
}

impl Telling {
    /// Before the first record of the first generation. `heard` is the position up to which the engine has heard.
    pub fn new(config: FactConfig, heard: u64) -> Telling {
        Telling {
            folder: FactFolder::new(config),
            held: Held::default(),
            heard,
            told_record: None,
            retries: 0,
            records: 0,
            place: Place::default(),
        }
    }

    /// Where a snapshot was taken. Whether the generation's stream still has its place is for whoever has the streams to say.
    ///
    /// # Errors
    /// [`Unusable`] says why it must not be used.
    pub fn restore(
        stored: &StoredSnapshot,
        config: FactConfig,
        heard: u64,
        engine: &impl Listener,
    ) -> Result<Telling, Unusable> {
        let snapshot = Snapshot::read(stored, &config, heard)?;
        let folder = snapshot.folder(config);
        let mut held = snapshot.held;
        held.forget_credited(|deposit_id| engine.is_credited(deposit_id));
        Ok(Telling {
            folder,
            held,
            heard,
            told_record: snapshot.told_record,
            retries: snapshot.retries,
            records: 0,
            place: Place {
                next_sequence: snapshot.next_sequence,
                last_record: snapshot.last_record,
            },
        })
    }

    /// What another life can go on from, once everything that was folded is told.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            next_sequence: self.place.next_sequence,
            last_record: self.place.last_record,
            heard: self.heard,
            told_record: self.told_record,
            retries: self.retries,
            folded: self.folder.state.clone(),
            held: self.held.clone(),
        }
    }

    /// Records since the last snapshot, or since this life began.
    pub fn records_since_snapshot(&self) -> u64 {
        self.records
    }

    /// A snapshot was stored.
    pub fn snapshot_taken(&mut self) {
        self.records = 0;
    }

    /// The generation that is being folded.
    pub fn generation(&self) -> u32 {
        self.folder.generation()
    }

    /// Where in its stream.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether facts wait for their tokens' markets.
    pub fn holds_some(&self) -> bool {
        !self.held.is_empty()
    }

    /// Another generation is told from its first record on.
    pub fn begin_generation(&mut self) {
        self.told_record = None;
    }

    /// Takes the generation's next record; returns what it makes known.
    ///
    /// # Errors
    /// [`FoldError`]; following has to begin anew then.
    pub fn fold(&mut self, stored: &StoredRecord, body: &ChainRecordBody) -> Result<Vec<FactAt>, FoldError> {
        self.records += 1;
        self.place = Place::after(stored.sequence, &stored.payload);
        self.folder.fold(stored.sequence, body)
    }

    /// Facts in the order in which they are to be submitted: first what was held and can be told now, so that nothing is debited that has not
    /// been credited. Those that the engine has heard before are only taken note of.
    pub fn begin(&mut self, facts: Vec<FactAt>, engine: &impl Listener) -> Vec<FactAt> {
        let (before, new): (Vec<FactAt>, Vec<FactAt>) = facts.into_iter().partition(|fact| fact.position <= self.heard);
        for fact in before {
            self.recall(&fact, engine);
        }
        let mut all = self.ready(engine);
        all.extend(new);
        all
    }

    /// What the engine said of a submitted fact. One that it had heard already was told by another process in the meantime, and what it said
    /// then is seen by what it has now.
    pub fn answered(&mut self, fact: &FactAt, outcome: &Outcome, engine: &impl Listener) {
        self.heard = self.heard.max(fact.position);
        match outcome.result {
            Err(Rejection::Duplicate) => self.recall(fact, engine),
            _ => self.held.take_note(&fact.fact, outcome),
        }
    }

    fn recall(&mut self, fact: &FactAt, engine: &impl Listener) {
        let credited = |deposit_id| engine.is_credited(deposit_id);
        let listed = |token| engine.is_listed(token);
        self.held.recall(&fact.fact, credited, listed);
    }

    /// All facts up to a record are told; returns what was held and can be told now.
    pub fn end(&mut self, through_record: u64, engine: &impl Listener) -> Vec<FactAt> {
        self.told_record = Some(through_record);
        self.retries = 0;
        self.ready(engine)
    }

    /// What the engine could not take before a market was listed, in positions behind the facts of the last record.
    fn ready(&mut self, engine: &impl Listener) -> Vec<FactAt> {
        let Some(record) = self.told_record else {
            return Vec::new();
        };
        let ready = self.held.take_ready(|token| engine.is_listed(token));
        let mut facts = Vec::with_capacity(ready.len());
        for fact in ready {
            let position = position(self.folder.generation(), record, FACTS_PER_RECORD + self.retries);
            match position.filter(|position| *position > self.heard) {
                Some(position) => facts.push(FactAt { position, fact }),
                // No room behind this record, or it was used in an earlier life: the next record has some.
                None => self.held.put_back(fact),
            }
            self.retries += 1;
        }
        facts
    }
}
