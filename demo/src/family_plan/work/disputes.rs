//! Disputes over assets: one dismissed, one upheld, one taken back, and one that waits for its judge, over an asset that much descends
//! from.

use rand::RngExt;
use souk_schema::event::DisputeTag;

use super::{When, Working};
use crate::work::{Venue, Work};

/// How a dispute ends.
enum End {
    /// The judge rules so.
    Judged(bool),
    /// Its challenger takes it back.
    Withdrawn,
    /// Not yet.
    Open,
}

const DISPUTES: [(&str, DisputeTag, &str, End); 4] = [
    (
        "orca-dpo-pairs",
        DisputeTag::ImproperPayment,
        "Contributors of the pairs were left out",
        End::Judged(false),
    ),
    (
        "sharegpt",
        DisputeTag::ImproperUsage,
        "Shared conversations are used against their terms",
        End::Judged(true),
    ),
    (
        "openjourney",
        DisputeTag::ImproperRegistration,
        "The same weights were registered before",
        End::Withdrawn,
    ),
    (
        "bookcorpus",
        DisputeTag::Content,
        "Books are in it that their authors did not give",
        End::Open,
    ),
];

impl Working<'_> {
    pub(super) fn draw_disputes(&mut self) {
        for (slug, tag, title, end) in DISPUTES {
            let Some(asset) = self.find(slug) else { continue };
            let challenger = self.rng.random_range(self.cast.customers.clone());
            let claim = self.claim(title, slug);
            let dispute = claim.evidence;
            self.let_pay(challenger, Venue::DisputeCourt);
            self.at(When::Claims, challenger, Work::Dispute(asset, tag, claim));
            match end {
                End::Judged(upheld) => {
                    let judge = self.cast.officers.start + 1;
                    let ruling = self.hash(&format!("ruling on {slug}"));
                    self.at(When::Rulings, judge, Work::Judge(dispute, upheld, ruling));
                    self.at(When::Resolutions, challenger, Work::Resolve(dispute));
                }
                End::Withdrawn => self.at(When::Postings, challenger, Work::WithdrawDispute(dispute)),
                End::Open => {}
            }
        }
    }
}
