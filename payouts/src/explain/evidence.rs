//! What a revenue's lines are explained from.

use std::sync::Arc;

use alloy_primitives::Address;
use num_rational::BigRational;

use super::{Explanation, NoSuchLine, Paths, asset_share, integer, recipient_share};
use crate::above::Above;
use crate::rule::{Role, Route, Splitter};
use crate::state::{Line, Revenue, State};

/// A revenue and the derivations that it went up by. It borrows nothing and never changes: the graph above an asset that has children never
/// does, and the revenue knows those of its own asset as they were. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Evidence {
    revenue: Arc<Revenue>,
    above: Arc<Above>,
}

impl Evidence {
    pub(super) fn new(state: &State, revenue: Arc<Revenue>) -> Option<Evidence> {
        let mut above = Above::new(state, revenue.edges.iter().map(|edge| edge.parent))?;
        above.add(revenue.source, state.row(revenue.source)?);
        Some(Evidence {
            revenue,
            above: Arc::new(above),
        })
    }

    /// The revenue.
    pub fn revenue(&self) -> &Revenue {
        &self.revenue
    }

    /// Every line, those that do not count any more included.
    pub fn lines(&self) -> Vec<Line> {
        let (mut lines, mut amounts, mut shares) = (Vec::new(), Splitter::default(), Splitter::default());
        for portion in self.revenue.portions(&mut amounts) {
            portion.lines(&self.revenue, &*self.above, &mut shares, |line| lines.push(line));
        }
        lines
    }

    /// Explains a line: `portion` of the revenue, to `recipient` as `role`.
    ///
    /// # Errors
    /// [`NoSuchLine`].
    pub fn explain(&self, portion: u32, recipient: Address, role: Role) -> Result<Explanation, NoSuchLine> {
        let record = &*self.revenue;
        let missing = NoSuchLine {
            revenue: record.payment.revenue,
            portion,
            recipient,
            role,
        };
        let is_asked = |line: &Line| (line.portion, line.recipient, line.kind.role) == (portion, recipient, role);
        let line = self.lines().into_iter().find(is_asked).ok_or(missing)?;
        let basis = if line.kind.route == Route::ProtocolFee {
            record.payment.amount
        } else {
            record.net()
        };
        let asset_share = asset_share(record, record.original(portion));
        let recipient_share = recipient_share(record, &line);
        let unrounded = BigRational::from(integer(basis)) * &asset_share * &recipient_share;
        let rounding = BigRational::from(integer(line.amount)) - &unrounded;
        let instead_of = record.later(portion).map(|later| later.instead_of);
        Ok(Explanation {
            line,
            basis,
            asset_share,
            recipient_share,
            unrounded,
            rounding,
            instead_of,
        })
    }

    /// The paths of a line, from the first on; see [`Paths::skip_paths`] for pages.
    pub fn paths(&self, explanation: &Explanation) -> Paths {
        Paths::new(Arc::clone(&self.above), Arc::clone(&self.revenue), explanation)
    }
}
