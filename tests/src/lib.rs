//! What the whole-system scenarios in `tests/` share. Start at [`proxy`], the node that lies.

pub mod proxy;
