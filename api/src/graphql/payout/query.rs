//! What can be asked of payouts and licences.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{Context, ID, Object};

use super::access::LicenseAccess;
use super::account::{AccountPayout, payouts_of};
use super::check::LicenseCheck;
use super::epoch::PayoutEpoch;
use super::kinds::LicensePurpose;
use super::line::PayoutLine;
use super::lines::PayoutLinesBy;
use super::simulate::{RevenueComparison, Supposed, SupposedParentInput, SupposedTermsInput};
use super::status::PayoutStatus;
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::scalars::{AccountId, Address, AssetId, BigInt, ChainId};
use crate::session::{AsOf, Pin, Session};

/// What can be asked of payouts and licences.
#[derive(Default)]
pub struct PayoutQuery;

/// What can be asked of payouts and licences.
#[Object]
impl PayoutQuery {
    /// What an account is owed, by token, with what it shows to be paid. As of the newest block.
    #[graphql(complexity = "20 + page_cost(first, last, child_complexity)")]
    async fn payouts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] account: AccountId,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "Only in this ERC-20.")] token: Option<Address>,
    ) -> Result<Connection<AccountPayout>, ApiError> {
        let session = Session::of(ctx);
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let account = (ChainId(account.0.chain), Address(account.0.address));
        payouts_of(&session, Pin::Head, account, (registry, token), &arguments).await
    }

    /// What became of revenues, line by line: those of a revenue in the order of its split, others newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn payout_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose lines.")] by: PayoutLinesBy,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "For an account, the registry; may be left out where the chain has one with payouts.")]
        registry: Option<Address>,
        #[graphql(desc = "As of when; a block is one of the chain of what is asked by.")] as_of: Option<AsOf>,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        PayoutLine::by(&Session::of(ctx), by, registry, as_of, arguments).await
    }

    /// A line by its id. An error tells where there is none.
    async fn payout_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The line's `id`.")] id: ID,
        #[graphql(desc = "As of when.")] as_of: Option<AsOf>,
    ) -> Result<Option<PayoutLine>, ApiError> {
        PayoutLine::by_id(&Session::of(ctx), &id, as_of).await
    }

    /// Who would get what of a revenue, as derivations are declared, by LAP, by LRP and pro rata, side by side. Nothing is changed by asking.
    #[graphql(complexity = "50 + child_complexity")]
    async fn simulate_revenue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset that would earn it; one that is yet to be registered if left out.")] asset: Option<
            AssetId,
        >,
        #[graphql(desc = "The revenue, in base units of whatever it would be paid in.")] amount: BigInt,
        #[graphql(desc = "Further parents that the asset would have, at most 100.", default)] parents: Vec<
            SupposedParentInput,
        >,
        #[graphql(
            desc = "What terms would say on every derivation that was made under them, at most 100.",
            default
        )]
        terms: Vec<SupposedTermsInput>,
        #[graphql(
            name = "feeE8",
            desc = "The protocol's part, in parts per 100,000,000; what it takes now if left out."
        )]
        fee_e8: Option<i32>,
    ) -> Result<Option<RevenueComparison>, ApiError> {
        let supposed = Supposed {
            asset,
            amount,
            parents,
            terms,
            fee_e8,
        };
        supposed.compare(&Session::of(ctx)).await.map(Some)
    }

    /// Whether an asset may be used for a purpose by those who take a licence of it, given all that it was made from.
    #[graphql(complexity = "20 + child_complexity")]
    async fn license_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset.")] asset: AssetId,
        #[graphql(desc = "What it would be used for.")] purpose: LicensePurpose,
        #[graphql(desc = "As of when.")] as_of: Option<AsOf>,
    ) -> Result<Option<LicenseCheck>, ApiError> {
        LicenseCheck::ask(&Session::of(ctx), &asset, purpose, as_of)
            .await
            .map(Some)
    }

    /// Whether an account may use an asset for a purpose, by which licence and until when.
    #[graphql(complexity = "20 + child_complexity")]
    async fn access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who would use it.")] account: AccountId,
        #[graphql(desc = "The asset.")] asset: AssetId,
        #[graphql(desc = "What it would be used for.")] purpose: LicensePurpose,
        #[graphql(
            desc = "As of when: licences end by that block's time, or by the time that is named, which may be one to come."
        )]
        as_of: Option<AsOf>,
    ) -> Result<Option<LicenseAccess>, ApiError> {
        LicenseAccess::ask(&Session::of(ctx), account, &asset, purpose, as_of)
            .await
            .map(Some)
    }

    /// The roots of payouts, newest epoch first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn payout_epochs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PayoutEpoch>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        PayoutEpoch::page(&Session::of(ctx), chain, registry, &arguments).await
    }

    /// How far payouts are on every chain where they are followed; empty where they are not followed at all.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn payout_status(&self, ctx: &Context<'_>) -> Result<Vec<PayoutStatus>, ApiError> {
        PayoutStatus::all(&Session::of(ctx)).await
    }
}
