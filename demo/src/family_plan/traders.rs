//! Who trades on the exchange: makers, who quote both sides, and takers. Owners hand them shares of some assets, and all of them deposit
//! into the exchange's vault. What they then do there is [`crate::trade`]'s.
//!
//! Everything here comes behind the rest of the economy and draws from a seed of its own, so a chain that has an older demo takes it as more
//! of the same. Start at [`Traders::new`].

use alloy::primitives::keccak256;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::offers::Offers;
use super::{Cast, PURSE_MICROS, stage};
use crate::action::{AccountNo, Action, Allotments, AssetNo, Mint, Stage, Step, TermsNo};

/// Those who quote.
pub(super) const MAKERS: [&str; 4] = [
    "Kestrel Markets",
    "Lodestar Liquidity",
    "Meridian Quotes",
    "Northgate Trading",
];
/// Those who take, and now and then leave an order of their own.
pub(super) const TAKERS: [&str; 8] = ["Odile", "Pranav", "Quentin", "Rosa", "Sanjay", "Tove", "Umar", "Violet"];

/// Markets of shares that the demo lists, beside one of licences.
const SHARE_MARKETS: usize = 6;
/// Shares that an owner hands to each maker, and to each taker.
const SHARES_OF_MAKER: u64 = 40_000;
const SHARES_OF_TAKER: u64 = 4_000;
/// Licences that every trader gets; the first maker buys them for all.
const LICENCES_OF_TRADER: u64 = 15;

/// A market of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMarket {
    /// Of which asset.
    pub asset: AssetNo,
    /// Shares or licences.
    pub traded: Traded,
    /// What one is about worth, in millionths of a test dollar; a multiple of [`TICK_MICROS`].
    pub price_micros: u64,
}

/// What a market trades of its asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traded {
    /// Shares.
    Shares,
    /// Licences under these terms, of the newest series.
    Licences(TermsNo),
}

/// The smallest price step of the demo's markets: a hundredth of a test dollar for one share or licence.
pub const TICK_MICROS: u64 = 10_000;

/// What the demo trades.
#[derive(Clone, Debug)]
pub struct Trading {
    /// The markets, in the order of their listing.
    pub markets: Vec<PlannedMarket>,
    /// Accounts that quote.
    pub makers: Vec<AccountNo>,
    /// Accounts that take.
    pub takers: Vec<AccountNo>,
}

/// The draws; [`Self::stages`] makes steps of them.
pub(super) struct Traders {
    pub(super) trading: Trading,
    /// Of the assets of the markets.
    owners: Vec<AccountNo>,
}

impl Traders {
    pub(super) fn new(edition: &str, cast: &Cast, issues: &[(AssetNo, Allotments)], offers: &Offers) -> Self {
        let mut rng = ChaCha12Rng::from_seed(keccak256(format!("{edition} traders")).0);
        let mut assets: Vec<AssetNo> = issues.iter().map(|(asset, _)| *asset).collect();
        assets.shuffle(&mut rng);
        assets.truncate(SHARE_MARKETS);
        let shares = assets.iter().map(|&asset| PlannedMarket {
            asset,
            traded: Traded::Shares,
            price_micros: rng.random_range(200..=9_000) * TICK_MICROS,
        });
        let markets: Vec<PlannedMarket> = shares.chain(licences(offers)).collect();
        Self {
            owners: markets
                .iter()
                .map(|market| cast.owners[market.asset as usize])
                .collect(),
            trading: Trading {
                markets,
                makers: cast.makers.clone().collect(),
                takers: cast.takers.clone().collect(),
            },
        }
    }

    /// Shares and licences for everybody, then approvals, then deposits of all of them and of half of the dollars.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let trading = &self.trading;
        let makers = trading.makers.iter().map(|&maker| (maker, SHARES_OF_MAKER));
        let takers = trading.takers.iter().map(|&taker| (taker, SHARES_OF_TAKER));
        let traders: Vec<(AccountNo, u64)> = makers.chain(takers).collect();

        let (mut handed, mut bought, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        for (market, &owner) in trading.markets.iter().zip(&self.owners) {
            match market.traded {
                Traded::Shares => {
                    let shares = traders.iter().map(|&(trader, shares)| (market.asset, trader, shares));
                    handed.push(Step::new(owner, Action::PassShares(shares.collect())));
                }
                Traded::Licences(terms) => {
                    let (mint, passes) = self.licences(market.asset, terms, &traders);
                    bought.push(mint);
                    passed.extend(passes);
                }
            }
        }
        let approvals = traders.iter().flat_map(|&(trader, _)| {
            let all = [
                Action::ApproveVaultDollars,
                Action::ApproveVaultShares,
                Action::ApproveVaultLicences,
            ];
            all.map(|action| Step::new(trader, action))
        });
        let deposits = traders.iter().flat_map(|&(trader, shares)| {
            let of_units = trading.markets.iter().map(move |market| match market.traded {
                Traded::Shares => Action::DepositShares(market.asset, shares),
                Traded::Licences(terms) => Action::DepositLicences(market.asset, terms, LICENCES_OF_TRADER),
            });
            let all = of_units.chain([Action::DepositDollars(PURSE_MICROS / 2)]);
            all.map(move |action| Step::new(trader, action))
        });
        vec![
            stage("shares for traders", handed),
            stage("licences for traders", bought),
            stage("licences passed on", passed),
            stage("traders' approvals", approvals.collect()),
            stage("traders' deposits", deposits.collect()),
        ]
    }

    /// One account buys for all, in one transaction, so that all have licences of one series.
    fn licences(&self, asset: AssetNo, terms: TermsNo, traders: &[(AccountNo, u64)]) -> (Step, Vec<Step>) {
        let buyer = self.trading.makers[0];
        let mint = Mint {
            asset,
            terms,
            amount: LICENCES_OF_TRADER * traders.len() as u64,
            receiver: buyer,
        };
        let others = traders.iter().filter(|(trader, _)| *trader != buyer);
        let pass = |&(trader, _): &(AccountNo, u64)| {
            Step::new(buyer, Action::PassLicences(asset, terms, trader, LICENCES_OF_TRADER))
        };
        (
            Step::new(buyer, Action::MintLicences(vec![mint])),
            others.map(pass).collect(),
        )
    }
}

/// A market of the longest subscription that may change hands, if there is one: a market needs time.
fn licences(offers: &Offers) -> Option<PlannedMarket> {
    let transferable = offers
        .subscriptions
        .iter()
        .filter(|(_, terms)| offers.terms[*terms].transferable);
    let longest =
        transferable.max_by_key(|(asset, terms)| (offers.terms[*terms].duration_secs, std::cmp::Reverse(*asset)));
    longest.map(|&(asset, terms)| PlannedMarket {
        asset: asset as AssetNo,
        traded: Traded::Licences(terms),
        price_micros: offers.terms[terms].minting_fee_micros / TICK_MICROS * TICK_MICROS,
    })
}
