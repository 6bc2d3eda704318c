//! Double entry: what a posting is, and the law that it keeps.
//!
//! A posting takes an amount out of one account of the ledger and puts it into another, so that whatever a transaction is made of, it sums
//! to zero per instrument (LED-1). An account of the ledger is a part (available or held) of what an account of the group has of an
//! instrument, or `custody`, the counter-account for what comes into the group and leaves it.

use serde::Serialize;
use souk_schema::amount::Balance;
use souk_schema::exchange::{AccountId, Amount, CommandNumber, InstrumentId, UnixMillis};

use crate::amounts::signed;

/// One side of a posting; the instrument is the posting's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "part", content = "account", rename_all = "snake_case")]
pub enum LedgerAccount {
    /// The vault, for what comes into the group and leaves it. Its balance is the negative of all others' sum.
    Custody,
    /// What a new order of the account may use.
    Available(AccountId),
    /// What open orders of the account reserve.
    Held(AccountId),
}

impl LedgerAccount {
    const CUSTODY: i64 = -1;

    /// As a transaction has it: twice the account's number, and one more for what is held.
    pub(crate) fn code(self) -> i64 {
        let (account, held) = self.columns();
        2 * account + i64::from(held)
    }

    /// Account number and whether held, as the view of postings has it.
    pub(crate) fn columns(self) -> (i64, bool) {
        match self {
            LedgerAccount::Custody => (Self::CUSTODY, false),
            LedgerAccount::Available(account) => (account.0.into(), false),
            LedgerAccount::Held(account) => (account.0.into(), true),
        }
    }

    pub(crate) fn from_columns(account: i64, held: bool) -> LedgerAccount {
        match (u32::try_from(account), held) {
            (Err(_), _) => LedgerAccount::Custody,
            (Ok(account), false) => LedgerAccount::Available(AccountId(account)),
            (Ok(account), true) => LedgerAccount::Held(AccountId(account)),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal,)*) => {
        /// Why a posting was made, and what its reference numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum PostingKind { $($(#[$doc])* $variant = $number,)* }

        impl PostingKind {
            /// The number that is stored.
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The kind with this number.
            pub fn from_number(number: u8) -> Option<PostingKind> {
                match number {
                    $($number => Some(PostingKind::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// An order reserves; its id.
    Hold = 1,
    /// An order gives back what it reserved; its id.
    Release = 2,
    /// A fill's base or quote amount; its number.
    Trade = 3,
    /// A fill's fees; its number.
    Fee = 4,
    /// A fill's royalty; its number.
    Royalty = 5,
    /// A deposit; the vault's number of it.
    Deposit = 6,
    /// A withdrawal; its nonce.
    Withdrawal = 7,
    /// A withdrawal that was not paid out comes back; its nonce.
    WithdrawalExpired = 8,
    /// An exit was paid out; the vault's number of it.
    Exit = 9,
    /// Royalties went to the revenue router; 0.
    RoyaltyFlush = 10,
    /// A deposit is gone with its block; the vault's number of it.
    DepositVanished = 11,
    /// What an account cannot bear passes to `deficit`; 0.
    Deficit = 12,
    /// A fill is reversed; its number.
    Bust = 13,
    /// A busted fill was settled after all; its number.
    Reinstatement = 14,
    /// An exit that was paid out is gone with its block; the vault's number of it.
    ExitVanished = 15,
    /// Royalties that went to the revenue router are back; 0.
    RoyaltyFlushVanished = 16,
    /// An account took what it had through the escape; 0.
    Escape = 17,
    /// An account repays what `deficit` bore for it; 0.
    DeficitRepaid = 18,
}

/// An amount moves from one account of the ledger to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Why.
    pub kind: PostingKind,
    /// Of what.
    pub instrument: InstrumentId,
    /// What it leaves.
    pub debited: LedgerAccount,
    /// Where it comes to.
    pub credited: LedgerAccount,
    /// How much; not 0.
    pub amount: Amount,
    /// The order, fill, deposit, exit or nonce that it is about.
    pub reference: u64,
}

/// What one command moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The command.
    pub number: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// In order; never empty.
    pub postings: Vec<Posting>,
}

impl Posting {
    /// What the two accounts lose and gain.
    pub fn sides(&self) -> [(LedgerAccount, Balance); 2] {
        let amount = signed(self.amount);
        [(self.debited, -amount), (self.credited, amount)]
    }
}

impl Transaction {
    /// Asserts law LED-1: the transaction sums to zero per instrument, and every posting moves something from one account to another.
    ///
    /// # Panics
    /// When it does not.
    pub fn assert_balanced(&self) {
        let number = self.number;
        // Of two instruments or three, so that nothing is faster than to look at all of them.
        let mut sums = Vec::<(InstrumentId, Balance)>::with_capacity(2);
        for posting in &self.postings {
            assert!(
                posting.amount != Amount::ZERO && posting.debited != posting.credited,
                "LED-1: command {number} has a posting that moves nothing: {posting:?}"
            );
            let place = sums
                .iter()
                .position(|(instrument, _)| *instrument == posting.instrument);
            let place = place.unwrap_or_else(|| {
                sums.push((posting.instrument, Balance::ZERO));
                sums.len() - 1
            });
            for (_, change) in posting.sides() {
                sums[place].1 += change;
            }
        }
        for (instrument, sum) in sums {
            assert!(
                sum.is_zero(),
                "LED-1: command {number} is off by {sum} of instrument {instrument}"
            );
        }
    }
}
