//! Federated rounds: one that was aggregated into a model whose parents it names, and one that still takes updates.

use rand::RngExt;
use souk_schema::event::PrivacyMode;

use super::{MONTH_SECS, When, Working};
use crate::action::{AccountNo, AssetNo};
use crate::work::{Aggregation, Round, Update, Venue, Work};

/// What is trained, what came of it, and whose data took part.
const DONE: (&str, &str, [&str; 3]) = (
    "wav2vec2-base",
    "wav2vec2-base-960h",
    ["librispeech", "librivox", "common-voice"],
);
/// What is trained, and whose data took part so far.
const GOING_ON: (&str, [&str; 2]) = ("xls-r", ["common-voice", "fleurs"]);
/// What a round costs the data of each participant, in millionths of epsilon.
const EPSILON_MICROS: u64 = 800_000;
/// People who take part with recordings that are nobody's asset.
const PEOPLE: usize = 3;

impl Working<'_> {
    pub(super) fn draw_rounds(&mut self) {
        let (base, output, data) = DONE;
        if let (Some(base), Some(output)) = (self.find(base), self.find(output))
            && self.owner(base) == self.owner(output)
        {
            let people: Vec<AccountNo> = self.cast.contributors.clone().take(PEOPLE).collect();
            let mut participants = self.draw_round(base, &data, &people, PrivacyMode::SecretSharing, 0);
            // One update came in, and does not count.
            participants.pop();
            let coordinator = self.owner(base);
            let made = Aggregation {
                round: self.base(base),
                output,
                result: self.hash("aggregate"),
                participants,
            };
            self.let_record(output, Venue::ExecutionLog);
            self.at(When::FirstReviews, coordinator, Work::Aggregate(made));
        }
        let (base, data) = GOING_ON;
        if let Some(base) = self.find(base) {
            self.draw_round(base, &data, &[], PrivacyMode::DifferentialPrivacy, EPSILON_MICROS);
        }
    }

    /// Opens a round and has everybody take part; returns who did.
    fn draw_round(
        &mut self,
        asset: AssetNo,
        data: &[&str],
        people: &[AccountNo],
        privacy: PrivacyMode,
        epsilon_micros: u64,
    ) -> Vec<AccountNo> {
        let base = self.base(asset);
        let round = Round {
            asset,
            privacy,
            epsilon_micros,
            base,
            open_secs: MONTH_SECS,
        };
        let coordinator = self.owner(asset);
        self.at(When::Postings, coordinator, Work::OpenRound(round));
        let owned = data.iter().filter_map(|slug| self.find(slug));
        let owned: Vec<_> = owned.map(|dataset| (self.owner(dataset), Some(dataset))).collect();
        let everybody = owned.into_iter().chain(people.iter().map(|&person| (person, None)));
        let mut participants = Vec::new();
        for (participant, dataset) in everybody {
            if participants.contains(&participant) {
                continue;
            }
            let update = Update {
                round: base,
                dataset,
                update: self.hash(&format!("update {} of {}", participants.len(), self.slug(asset))),
                weight: self.rng.random_range(100..=5_000),
            };
            participants.push(participant);
            self.at(When::CallsOfCalls, participant, Work::Update(update));
        }
        participants
    }

    fn base(&self, asset: AssetNo) -> alloy::primitives::B256 {
        self.hash(&format!("round of {}", self.slug(asset)))
    }
}
