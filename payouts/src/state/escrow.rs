//! Shares that the task board holds as rewards. As shares in the vault are their accounts', these are the poster's until they are paid out: the
//! board can do nothing with what it would be paid. What holds of holdings holds here: a change counts from the next block on.

use alloy_primitives::{Address, U256};

use super::tables::Escrow;
use super::{Block, Refused, State, Step};
use crate::fact::Holding;

impl State {
    pub(super) fn shares_escrowed(
        &mut self,
        task: U256,
        (asset, poster): (U256, Address),
        (reward, places): (U256, u32),
        block: &mut Block<'_>,
    ) -> Result<(), Refused> {
        if self.tables.escrows.contains_key(&task) {
            return Err(Refused::TaskExists(task));
        }
        let left = reward.checked_mul(U256::from(places)).ok_or(Refused::TooLarge(asset))?;
        self.change_holding(Holding::Shares(asset), poster, Step::Add(left), block)?;
        if !left.is_zero() {
            self.tables.escrows.set(task, Escrow { asset, poster, left });
        }
        Ok(())
    }

    pub(super) fn escrow_released(&mut self, task: U256, amount: U256, block: &mut Block<'_>) -> Result<(), Refused> {
        let Some(escrow) = self.tables.escrows.get(&task).cloned() else {
            return Ok(());
        };
        let (what, poster) = (Holding::Shares(escrow.asset), escrow.poster);
        let left = Step::Take(amount).of(escrow.left, what, poster, escrow.asset)?;
        self.change_holding(what, poster, Step::Take(amount), block)?;
        let escrow = Escrow { left, ..escrow };
        self.tables.escrows.set(task, (!left.is_zero()).then_some(escrow));
        Ok(())
    }
}
