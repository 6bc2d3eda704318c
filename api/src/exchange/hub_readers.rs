//! A book's readers of every pace, simulated by seeds: outcomes come once, twice, or not at all; readers keep up, fall behind what is kept
//! for them, lose their connection and resume. Whoever reads holds what the check sum says after every message, and the book in the end.
//!
//! `SOUK_SIMULATION_SEEDS` says how many seeds; each is printed where it fails.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// More than what waits for a reader and what is kept to resume from, together.
const COMMANDS: u64 = 2_600;

/// A subscriber, with what it holds and how often it was where.
struct Reader {
    depth: usize,
    /// Reads in one of so many steps.
    pace: u32,
    held: Replica,
    sequence: u64,
    coming: broadcast::Receiver<Arc<BookMessage>>,
    left_behind: u32,
    begun_anew: u32,
}

impl Reader {
    fn begin(hub: &Hub, depth: usize, pace: u32) -> Reader {
        let begun = hub.listen_book(MARKET, depth, None).expect("the market is there");
        Reader {
            depth,
            pace,
            held: Replica::from_levels(begun.held.bids, begun.held.asks),
            sequence: begun.listening.sequence,
            coming: begun.listening.coming,
            left_behind: 0,
            begun_anew: 0,
        }
    }

    /// Comes back with the number of the last message that it has.
    fn resume(&mut self, hub: &Hub) {
        let after = Some(self.sequence);
        let resumed = hub.listen_book(MARKET, self.depth, after).expect("the market is there");
        self.coming = resumed.listening.coming;
        match resumed.listening.missed {
            Some(missed) => missed.iter().for_each(|message| self.take(message)),
            None => {
                self.begun_anew += 1;
                self.held = Replica::from_levels(resumed.held.bids, resumed.held.asks);
                self.sequence = resumed.listening.sequence;
            }
        }
    }

    fn take(&mut self, message: &BookMessage) {
        assert_eq!(message.previous, self.sequence, "a message is missing, or came twice");
        for (side, levels) in [(Side::Buy, &message.changes.bids), (Side::Sell, &message.changes.asks)] {
            for (price, lots) in levels {
                self.held.change(side, *price, *lots);
            }
        }
        self.sequence = message.sequence;
        assert_eq!(
            self.held.checksum(),
            message.checksum,
            "after message {}",
            message.sequence
        );
    }

    fn read(&mut self, hub: &Hub, most: usize) {
        for _ in 0..most {
            match self.coming.try_recv() {
                Ok(message) => self.take(&message),
                Err(broadcast::error::TryRecvError::Empty) => return,
                Err(broadcast::error::TryRecvError::Lagged(_)) => {
                    self.left_behind += 1;
                    self.resume(hub);
                }
                Err(broadcast::error::TryRecvError::Closed) => self.resume(hub),
            }
        }
    }
}

/// A few levels that change, near each other, so that some come and go at the edge of what readers see.
fn changes(random: &mut ChaCha8Rng) -> Vec<Event> {
    let count = random.random_range(1..4);
    let change = |_| {
        let side = if random.random() { Side::Buy } else { Side::Sell };
        let price = match side {
            Side::Buy => random.random_range(1..40),
            Side::Sell => random.random_range(41..80),
        };
        level(side, price, random.random_range(0..4))
    };
    (0..count).map(change).collect()
}

fn seeds() -> u64 {
    let asked = std::env::var("SOUK_SIMULATION_SEEDS").ok();
    asked.map_or(12, |number| number.parse().expect("SOUK_SIMULATION_SEEDS is a number"))
}

/// Simulates one seed; how often readers were left behind, resumed from what is kept, and began anew.
fn simulate(seed: u64) -> (u32, u32) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut history = vec![outcome(1, listed())];
    let hub = Hub::new(view_of(&history));
    let mut readers = [(0, 1), (10, 3), (20, 400), (500, 1_500)].map(|(depth, pace)| Reader::begin(&hub, depth, pace));
    for number in 2..COMMANDS {
        let next = outcome(number, changes(&mut random));
        history.push(next);
        match random.random_range(0..400) {
            // Lost on the way: the view is made anew, of everything.
            0 => hub.restart(view_of(&history)),
            // Told again, with what came before it.
            1..20 => hub.apply(&history[history.len().saturating_sub(3)..]),
            _ => hub.apply(&history[history.len() - 1..]),
        }
        for reader in &mut readers {
            if random.random_ratio(1, reader.pace) {
                let most = random.random_range(1..2_000);
                reader.read(&hub, most);
            }
            if random.random_ratio(1, 900) {
                reader.resume(&hub);
            }
        }
    }
    let book = view_of(&history)
        .book(MARKET)
        .expect("the market is there")
        .levels
        .clone();
    for reader in &mut readers {
        reader.read(&hub, usize::MAX);
        let (held, whole) = (Top::of(&reader.held, 0), Top::of(&book, reader.depth));
        assert_eq!(held, whole, "what the reader of {} levels holds", reader.depth);
    }
    let sum = |of: fn(&Reader) -> u32| readers.iter().map(of).sum();
    (sum(|reader| reader.left_behind), sum(|reader| reader.begun_anew))
}

#[test]
fn readers_of_every_pace_hold_the_book() {
    let (mut left_behind, mut begun_anew) = (0, 0);
    for seed in 0..seeds() {
        let simulated = std::panic::catch_unwind(|| simulate(seed));
        let (behind, anew) = simulated.unwrap_or_else(|panic| {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic)
        });
        left_behind += behind;
        begun_anew += anew;
    }
    assert!(
        left_behind > 0 && begun_anew > 0,
        "nobody was slow: {left_behind}, {begun_anew}"
    );
}
