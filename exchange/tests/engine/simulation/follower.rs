//! Who tells the engine what the chain says: settlement's own [`Telling`], in a life that may end between any two of its steps. What it
//! submits comes into the log late, and now and then twice.

use std::collections::{BTreeMap, VecDeque};

use souk_eventlog::StoredRecord;
use souk_schema::exchange::{Command, CommandBody, Source};
use souk_schema::record::ChainRecordBody;
use souk_settlement::facts::{FactAt, FactConfig, StoredSnapshot, Telling, generation_of};
use souk_settlement::vault_log::Contracts;

use super::World;
use super::chain::{Generation, Record};
use crate::generator::group;

/// Records between two snapshots.
const SNAPSHOT_EVERY: u64 = 40;

/// Who has so many records to read is slow.
const FAR_BEHIND: usize = 30;

/// What is told at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Reading,
    /// The facts up to a record.
    Facts(u64),
    /// What was held until them.
    Held,
}

#[derive(Default)]
pub struct Follower {
    /// Lost in a crash, as is what it is at.
    telling: Option<Telling>,
    /// The next record of its generation.
    next: usize,
    /// Folded, and not submitted.
    facts: Vec<FactAt>,
    stage: Stage,
    /// Submitted, and not in the log.
    submitted: VecDeque<FactAt>,
    /// In the log, at which place; the engine has not answered.
    asked: VecDeque<(FactAt, usize)>,
    /// Lasts, as does the next one: where each generation that is over ends.
    told_until: BTreeMap<u32, usize>,
    snapshot: Option<StoredSnapshot>,
    /// An engine that has not taken the log up to here is not ready for a new life.
    log_at_crash: usize,
}

fn config() -> FactConfig {
    let contracts = Contracts {
        vault: group().vault,
        licences: alloy_primitives::Address::repeat_byte(0xef),
    };
    FactConfig::alone(group().group, contracts)
}

fn stored(sequence: usize) -> StoredRecord {
    StoredRecord {
        sequence: sequence as u64,
        headers: Vec::new(),
        payload: sequence.to_be_bytes().to_vec().into(),
    }
}

impl Follower {
    /// Whether the engine has answered to all that the streams say, and nothing is held back until a market is listed.
    pub fn has_told_all(&self, generations: &[Generation]) -> bool {
        let newest = generations.last().map_or(0, |newest| newest.records.len());
        let is_at_end = |telling: &Telling| telling.generation() as usize == generations.len() && self.next == newest;
        let is_done = |telling: &Telling| is_at_end(telling) && !telling.holds_some();
        self.telling.as_ref().is_some_and(is_done) && self.stage == Stage::Reading && self.facts.is_empty()
    }
}

impl World {
    /// The record that a fact with this position is of.
    pub(super) fn record_of(&self, position: u64) -> &Record {
        let generation = &self.chain.generations[generation_of(position) as usize - 1];
        &generation.records[(position >> 16 & ((1 << 40) - 1)) as usize]
    }

    /// The follower goes on as far as it can, by at most so many records. Returns whether anything changed.
    pub(super) fn follow(&mut self, records: usize) -> Result<bool, String> {
        if self.follower.telling.is_none() && !self.wake_follower()? {
            return Ok(false);
        }
        if self.follower.stage != Stage::Reading {
            return Ok(self.hear_answers());
        }
        if self.late_is_caught_up() {
            self.late = None;
        }
        let before = (self.follower.next, self.generation());
        for _ in 0..records {
            if self.follower.stage != Stage::Reading || !self.fold()? {
                break;
            }
        }
        if self.follower.stage == Stage::Reading && !self.follower.facts.is_empty() {
            self.tell();
        }
        let is_idle = self.follower.stage == Stage::Reading;
        if is_idle && self.telling().records_since_snapshot() >= SNAPSHOT_EVERY {
            let stored = self.telling().snapshot().store(&config());
            self.follower.snapshot = Some(stored.map_err(|error| error.to_string())?);
            self.telling().snapshot_taken();
        }
        Ok(!is_idle || before != (self.follower.next, self.generation()))
    }

    fn telling(&mut self) -> &mut Telling {
        self.follower.telling.as_mut().expect("it is awake")
    }

    fn generation(&self) -> u32 {
        self.follower.telling.as_ref().map_or(0, Telling::generation)
    }

    /// A new life begins, where the last snapshot was taken.
    fn wake_follower(&mut self) -> Result<bool, String> {
        if self.taken < self.follower.log_at_crash || self.engine.group().is_none() {
            return Ok(false);
        }
        let source = Source::Chain {
            chain: group().chain,
            position: 0,
        };
        let heard = self.engine.source_position(&source).unwrap_or(0);
        let snapshot = self.follower.snapshot.as_ref();
        let telling = match snapshot {
            Some(stored) => {
                let telling = Telling::restore(stored, config(), heard, &self.engine);
                telling.map_err(|error| format!("the follower's snapshot: {error}"))?
            }
            None => Telling::new(config(), heard),
        };
        self.coverage.note(match snapshot {
            Some(_) => "Follower::GoesOn",
            None => "Follower::BeginsAnew",
        });
        self.follower.next = telling.place().next_sequence as usize;
        self.follower.telling = Some(telling);
        Ok(true)
    }

    /// Its process ends. Of what it submitted some is in the log already, and some gets there.
    pub(super) fn crash_follower(&mut self) {
        let arrive = self.below(self.follower.submitted.len() + 1);
        self.deliver_facts(arrive);
        let in_the_middle = self.follower.stage != Stage::Reading;
        if in_the_middle {
            self.coverage.note("Follower::DiesBeforeAnswers");
        }
        self.follower = Follower {
            told_until: std::mem::take(&mut self.follower.told_until),
            snapshot: self.follower.snapshot.take(),
            log_at_crash: self.log.len(),
            ..Follower::default()
        };
    }

    /// Folds the next record; false where there is none.
    fn fold(&mut self) -> Result<bool, String> {
        let number = self.generation();
        let generations = self.chain.generations.len() as u32;
        let (next, until) = (self.follower.next, self.follower.told_until.get(&number).copied());
        let known = number
            .checked_sub(1)
            .map(|place| &self.chain.generations[place as usize].records);
        let is_over = until.is_some_and(|until| next >= until);
        let record = known.and_then(|records| records.get(next)).filter(|_| !is_over);
        let Some(record) = record.cloned() else {
            if number == generations {
                return Ok(false);
            }
            if number > 0 {
                // Whoever decides first has decided.
                self.follower.told_until.entry(number).or_insert(next);
                self.coverage.note("Follower::NextGeneration");
            }
            let opened = self.chain.generations[number as usize].records[0].clone();
            self.telling().begin_generation();
            self.follower.next = 0;
            return self.fold_record(&opened.body).map(|()| true);
        };
        if known.is_some_and(|records| records.len() > next + FAR_BEHIND) {
            self.coverage.note("Follower::FarBehind");
        }
        self.fold_record(&record.body)?;
        Ok(true)
    }

    fn fold_record(&mut self, body: &ChainRecordBody) -> Result<(), String> {
        let stored = stored(self.follower.next);
        let facts = self.telling().fold(&stored, body).map_err(|error| error.to_string())?;
        self.follower.next += 1;
        self.follower.facts.extend(facts);
        let may_tell_held = matches!(body, ChainRecordBody::FinalityAdvanced(_)) && self.telling().holds_some();
        if may_tell_held || self.follower.facts.len() > 20 {
            self.tell();
        }
        Ok(())
    }

    /// Submits what was folded.
    fn tell(&mut self) {
        let through = self.follower.next as u64 - 1;
        let facts = std::mem::take(&mut self.follower.facts);
        let telling = self.follower.telling.as_mut().expect("it is awake");
        let new = telling.begin(facts, &self.engine);
        self.follower.submitted.extend(new);
        self.follower.stage = Stage::Facts(through);
    }

    /// What was submitted gets into the log, up to so many facts.
    pub(super) fn deliver_facts(&mut self, count: usize) {
        for _ in 0..count {
            let Some(fact) = self.follower.submitted.pop_front() else {
                return;
            };
            let command = Command {
                source: Source::Chain {
                    chain: group().chain,
                    position: fact.position,
                },
                body: CommandBody::Fact(fact.fact.clone()),
            };
            self.follower.asked.push_back((fact, self.log.len()));
            self.write(command.clone());
            self.last_facts.push_back(command);
            if self.last_facts.len() > 4 {
                self.last_facts.pop_front();
            }
            if self.chance(3) {
                // It, or an older one, is there twice.
                let place = self.below(self.last_facts.len());
                self.write(self.last_facts[place].clone());
                self.coverage.note("Follower::FactTwice");
            }
        }
    }

    /// Takes what the engine said of what is in the log; goes on once that is everything.
    fn hear_answers(&mut self) -> bool {
        let mut heard = false;
        while let Some((fact, place)) = self.follower.asked.front() {
            let Some(outcome) = self.outcomes.get(*place).filter(|_| *place < self.taken) else {
                break;
            };
            let telling = self.follower.telling.as_mut().expect("it is awake");
            telling.answered(fact, outcome, &self.engine);
            self.follower.asked.pop_front();
            heard = true;
        }
        if !self.follower.submitted.is_empty() || !self.follower.asked.is_empty() {
            return heard;
        }
        if let Stage::Facts(through) = self.follower.stage {
            let telling = self.follower.telling.as_mut().expect("it is awake");
            let held = telling.end(through, &self.engine);
            if !held.is_empty() {
                self.coverage.note("Follower::TellsHeld");
            }
            self.follower.submitted.extend(held);
            self.follower.stage = Stage::Held;
        } else {
            self.follower.stage = Stage::Reading;
        }
        true
    }
}
