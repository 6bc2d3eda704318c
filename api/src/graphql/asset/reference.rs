//! Assets by name, which need not be indexed.

use async_graphql::Object;
use souk_schema::caip;

use super::Asset;
use crate::error::ApiError;
use crate::graphql::foreign::{ForeignIdentity, identities};
use crate::scalars::AssetId;
use crate::session::{Pin, Session};

/// An asset by name, indexed or not: a parent may be on a chain that is not.
#[derive(Clone)]
pub struct AssetRef {
    pub(in crate::graphql) session: Session,
    pub(in crate::graphql) pin: Pin,
    pub(in crate::graphql) id: caip::AssetId,
}

/// An asset by name, indexed or not: a parent may be on a chain that nobody indexes, or on none.
#[Object]
impl AssetRef {
    /// Its CAIP-19 id.
    async fn asset_id(&self) -> AssetId {
        AssetId(self.id.clone())
    }

    /// The asset; null where it is not indexed.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        match &self.id {
            caip::AssetId::Evm(id) if self.session.snapshot().await?.chains.contains_key(&id.chain) => {
                Asset::by_key(&self.session, self.pin, id.chain, id.token).await
            }
            _ => Ok(None),
        }
    }

    /// What other protocols know it as: an IP of Story, an agent, data that is sold. Empty for nothing.
    async fn foreign(&self) -> Result<Vec<ForeignIdentity>, ApiError> {
        identities(&self.session, self.pin, self.id.to_string()).await
    }
}
