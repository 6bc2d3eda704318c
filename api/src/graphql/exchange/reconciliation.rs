//! What the last comparisons of the books found. Whoever runs the exchange compares and writes it down; any server tells it.

use async_graphql::{Enum, SimpleObject};
use souk_ledger::reconcile::{DifferenceRow, Other, ReconciliationRow, reconciliations};
use souk_schema::amount::Balance;
use souk_schema::exchange::GroupId;

use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Long};
use crate::session::Session;

/// What the ledger is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Books {
    /// What the engine says of balances.
    Engine,
    /// What the vault has on chain.
    Vault,
}

/// Two numbers that should be equal and are not.
#[derive(Clone, Debug, SimpleObject)]
pub struct BookDifference {
    /// Which numbers: `available`, `held`, `pending in`, `pending out`, `vault balance` or `what the vault holds`.
    what: String,
    /// Whose; null for what is of the whole vault.
    account: Option<Address>,
    /// The token's contract.
    contract: Address,
    /// Its id within the contract; 0 for an ERC-20.
    number: BigInt,
    /// What the other side has more than the ledger, in base units; negative where it has less.
    difference: BigInt,
}

/// What the last comparison of a group's ledger found.
#[derive(Clone, Debug, SimpleObject)]
pub struct Reconciliation {
    /// The market group.
    group: Long,
    /// With what the ledger was compared.
    books: Books,
    /// Whether every number was equal; null before the first comparison.
    is_equal: Option<bool>,
    /// When, in Unix seconds, the newest that there was to compare was last known to be compared; null before the first comparison.
    checked_at: Option<Long>,
    /// The command after which the ledger was compared.
    command_number: Option<Long>,
    /// The final block at the end of which it was compared with the vault.
    block_number: Option<Long>,
    /// That block's hash.
    block_hash: Option<Bytes32>,
    /// How many numbers were compared.
    compared: Long,
    /// How many were not equal.
    difference_count: Long,
    /// The first hundred of them.
    differences: Vec<BookDifference>,
    /// Since when nothing can be compared, in Unix seconds; null while it can. The log of the process that compares says why.
    failing_since: Option<Long>,
}

impl Reconciliation {
    /// Of every group, or of one.
    pub(super) async fn all(session: &Session, named: Option<GroupId>) -> Result<Vec<Reconciliation>, ApiError> {
        let rows = {
            let mut transaction = session.reader().await?.transaction().await;
            reconciliations(&mut **transaction).await?
        };
        let wanted = rows
            .into_iter()
            .filter(|row| named.is_none_or(|named| row.group == named));
        wanted.map(Reconciliation::of).collect()
    }

    fn of(row: ReconciliationRow) -> Result<Reconciliation, ApiError> {
        let differences = row.differences.into_iter().map(difference).collect::<Result<_, _>>()?;
        Ok(Reconciliation {
            group: Long::saturating(row.group.0.into()),
            books: match row.other {
                Other::Engine => Books::Engine,
                Other::Vault => Books::Vault,
            },
            is_equal: row.checked_at_secs.map(|_| row.difference_count == 0),
            checked_at: row.checked_at_secs.map(Long::saturating),
            command_number: row.number.map(|number| Long::saturating(number.0)),
            block_number: row.block.map(|(number, _)| Long::saturating(number)),
            block_hash: row.block.map(|(_, hash)| Bytes32(hash)),
            compared: Long::saturating(row.compared),
            difference_count: Long::saturating(row.difference_count),
            differences,
            failing_since: row.failing_since_secs.map(Long::saturating),
        })
    }
}

fn difference(row: DifferenceRow) -> Result<BookDifference, ApiError> {
    let amount: Result<Balance, _> = row.difference.parse();
    let amount = amount.map_err(|error| ApiError::internal(format!("a stored difference: {error}")))?;
    Ok(BookDifference {
        what: row.what,
        account: row.account.map(Address),
        contract: Address(row.token.contract),
        number: row.token.id.into(),
        difference: BigInt(amount),
    })
}
