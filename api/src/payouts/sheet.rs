//! What every account of a deployment is owed and has not in a finalised root yet, summed once for each block that changes it.
//!
//! The state's lock is held while the revenues are copied of which not every line is vested, which share their plans; their lines are made
//! and summed after it is given back. What finalised roots say, and the proofs, are those of [`souk_distribution::Claimable`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use souk_distribution::{Claimable, DistributionHandle};
use souk_payouts::State;
use souk_payouts::rule::Splitter;
use souk_payouts::state::{Entry, PortionStatus, Revenue};
use souk_schema::{Address, B256, BlockRef, ChainId, U256};

use super::{Moment, Payouts, behind, is_sound, lock, unknown};
use crate::error::{ApiError, ErrorCode};

/// How often the sums are made anew for one question because the chain went on meanwhile.
const ATTEMPTS: usize = 5;

/// The newest sheet of each deployment.
#[derive(Debug, Default)]
pub(super) struct Sheets(Mutex<BTreeMap<(ChainId, Address), Arc<Sheet>>>);

/// What accounts are owed beside what finalised roots count, by account and token.
#[derive(Debug, Default)]
pub struct Sheet {
    folded: Option<BlockRef>,
    sums: BTreeMap<(Address, Address), Unvested>,
}

/// Amounts that no finalised root counts, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unvested {
    /// What the next root may count.
    pub releasable: U256,
    /// What disputes or challenges hold.
    pub held: U256,
}

/// What an account is owed in one token.
#[derive(Clone, Debug)]
pub struct Owed {
    /// The ERC-20.
    pub token: Address,
    /// What no finalised root counts.
    pub unvested: Unvested,
    /// What finalised roots owe it in all.
    pub vested: U256,
    /// What it was ever paid.
    pub claimed: U256,
    /// The leaf of the last finalised root, with its proof.
    pub claim: Option<Claim>,
}

/// What proves that an account may claim.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The epoch.
    pub epoch: u64,
    /// Its root.
    pub root: B256,
    /// The leaf.
    pub entry: Entry,
    /// Siblings from the leaf up.
    pub proof: Vec<B256>,
}

/// What an account is owed by a deployment.
#[derive(Clone, Debug, Default)]
pub struct AccountSheet {
    /// The distributor that pays, where one is deployed.
    pub distributor: Option<Address>,
    /// By rising token.
    pub tokens: Vec<Owed>,
}

/// A revenue of which not every line is vested, with the portions that are not simply releasable.
struct Open {
    revenue: Revenue,
    marked: BTreeMap<u32, Fate>,
}

/// What became of a marked portion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Releasable,
    Held,
    /// Vested, or recomputed away.
    Settled,
}

impl Open {
    fn of(state: &State) -> Vec<Open> {
        let open = |revenue: &Revenue| {
            let fate = |portion: &u32| {
                let fate = match state.portion_status(revenue, *portion) {
                    PortionStatus::Releasable => Fate::Releasable,
                    PortionStatus::Held(_) => Fate::Held,
                    PortionStatus::Ended(_) | PortionStatus::Vested(_) => Fate::Settled,
                };
                (*portion, fate)
            };
            Open {
                revenue: revenue.clone(),
                marked: revenue.marks.keys().map(fate).collect(),
            }
        };
        state.open_revenues().map(open).collect()
    }
}

impl Sheet {
    fn new(folded: Option<BlockRef>, open: &[Open]) -> Sheet {
        let mut sums: BTreeMap<(Address, Address), Unvested> = BTreeMap::new();
        let (mut amounts, mut shares) = (Splitter::default(), Splitter::default());
        for Open { revenue, marked } in open {
            for portion in revenue.portions(&mut amounts) {
                let fate = marked.get(&portion.number).copied().unwrap_or(Fate::Releasable);
                if fate == Fate::Settled {
                    continue;
                }
                portion.shares(revenue, &mut shares, |share| {
                    let unvested = sums.entry((share.recipient, revenue.payment.token)).or_default();
                    let sum = match fate {
                        Fate::Held => &mut unvested.held,
                        _ => &mut unvested.releasable,
                    };
                    // As the roots: only a false token comes to more.
                    *sum = sum.saturating_add(share.amount);
                });
            }
        }
        Sheet { folded, sums }
    }

    fn of(&self, account: Address) -> BTreeMap<Address, Unvested> {
        let tokens = self
            .sums
            .range((account, Address::ZERO)..=(account, Address::repeat_byte(0xff)));
        tokens.map(|((_, token), unvested)| (*token, *unvested)).collect()
    }
}

impl Payouts {
    /// What an account is owed by a deployment, all of one moment.
    pub(super) async fn owed(
        &self,
        chain: ChainId,
        registry: Address,
        account: Address,
    ) -> Result<(Moment, AccountSheet), ApiError> {
        let (payouts, handle) = (self.clone(), self.live(chain)?);
        self.blocking(move || {
            for _ in 0..ATTEMPTS {
                let sheet = payouts.sheet(&handle, registry)?;
                let claimable = handle.claimable(registry);
                if let Some(found) = of_account(&handle, registry, account, &sheet, claimable.as_deref())? {
                    return Ok(found);
                }
            }
            Err(ApiError::new(
                ErrorCode::Unavailable,
                "payouts go on faster than they are summed; try again",
            ))
        })
        .await?
    }

    /// The sums as of the newest block that changed them.
    fn sheet(&self, handle: &DistributionHandle, registry: Address) -> Result<Arc<Sheet>, ApiError> {
        let key = (handle.chain(), registry);
        let known = lock(&self.0.sheets.0).get(&key).cloned();
        let read = handle.read(|state| {
            let deployed = state.of(&registry).ok_or_else(|| unknown(handle.chain(), registry))?;
            is_sound(deployed, registry)?;
            let folded = deployed.state.head();
            Ok::<_, ApiError>(match known {
                Some(known) if known.folded == folded => Ok(known),
                _ => Err((folded, Open::of(&deployed.state))),
            })
        })?;
        let (folded, open) = match read {
            Ok(known) => return Ok(known),
            Err(anew) => anew,
        };
        let sheet = Arc::new(Sheet::new(folded, &open));
        lock(&self.0.sheets.0).insert(key, Arc::clone(&sheet));
        Ok(sheet)
    }
}

/// An account's part of the sheet and of the last finalised root; none if the chain went on since these were made.
fn of_account(
    handle: &DistributionHandle,
    registry: Address,
    account: Address,
    sheet: &Sheet,
    claimable: Option<&Claimable>,
) -> Result<Option<(Moment, AccountSheet)>, ApiError> {
    let mut unvested = sheet.of(account);
    let entries = claimable.map_or(&[][..], |claimable| &claimable.entries);
    let first = entries.partition_point(|entry| entry.account < account);
    let own: Vec<Entry> = entries[first..]
        .iter()
        .take_while(|entry| entry.account == account)
        .copied()
        .collect();
    own.iter().for_each(|entry| {
        unvested.entry(entry.token).or_default();
    });
    handle.read(|state| {
        let head = state.head();
        // The follower began anew meanwhile.
        let deployed = state.of(&registry).ok_or_else(behind)?;
        let state = &deployed.state;
        let epoch = state.finalised_epoch();
        let finalised = state.epoch(epoch);
        // There is none where nothing is owed, whatever was finalised.
        let is_of_now = claimable.is_none_or(|claimable| claimable.finalised.as_ref() == finalised);
        if state.head() != sheet.folded || !is_of_now {
            return Ok(None);
        }
        // Under a false root anybody may have been paid in any token.
        state.claims_of(account).for_each(|(token, _)| {
            unvested.entry(token).or_default();
        });
        // A root that was finalised although the log says otherwise proves nothing that is known here.
        let root = finalised.map(|finalised| finalised.root);
        let provable = claimable.filter(|claimable| Some(claimable.tree.root()) == root);
        let owed = |(token, unvested): (Address, Unvested)| {
            let (vested, claimed) = (state.vested(account, token), state.claimed(account, token));
            let proved = provable.and_then(|claimable| claimable.entry(account, token));
            let claim = proved.zip(root).map(|((entry, proof), root)| Claim {
                epoch,
                root,
                entry,
                proof,
            });
            Owed {
                token,
                unvested,
                vested,
                claimed,
                claim,
            }
        };
        let sheet = AccountSheet {
            distributor: deployed.contracts.distributor,
            tokens: unvested.into_iter().map(owed).collect(),
        };
        Ok(Some((Moment::of(head, deployed), sheet)))
    })
}
