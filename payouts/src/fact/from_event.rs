//! Domain events into facts of one deployment.

use souk_schema::event::{DisputeOutcome, DomainEvent};
use souk_schema::{TokenRef, U256};

use super::{Contracts, Fact, Holding, Payment, Terms};

impl Contracts {
    fn asset(&self, token: &TokenRef) -> Option<U256> {
        (token.contract == self.registry).then_some(token.id)
    }

    fn series(&self, token: &TokenRef) -> Option<U256> {
        (token.contract == self.licenses).then_some(token.id)
    }

    fn contribution(&self, token: &TokenRef) -> Option<U256> {
        (token.contract == self.contributions).then_some(token.id)
    }

    fn dispute(&self, token: &TokenRef) -> Option<U256> {
        (Some(token.contract) == self.disputes).then_some(token.id)
    }

    fn execution(&self, token: &TokenRef) -> Option<U256> {
        (Some(token.contract) == self.executions).then_some(token.id)
    }

    fn holding(&self, token: &TokenRef) -> Option<Holding> {
        if token.contract == self.shares {
            Some(Holding::Shares(token.id))
        } else {
            self.series(token).map(Holding::License)
        }
    }
}

impl Fact {
    /// What the event says of the deployment's payouts; `None` if nothing.
    pub fn from_event(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
        assets_and_shares(event, contracts)
            .or_else(|| licenses(event, contracts))
            .or_else(|| vault(event, contracts))
            .or_else(|| tasks(event, contracts))
            .or_else(|| disputes(event, contracts))
            .or_else(|| roots(event, contracts))
    }
}

fn assets_and_shares(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    Some(match event {
        DomainEvent::AssetRegistered {
            asset,
            owner,
            contributor_share,
            ..
        } => Fact::AssetRegistered {
            asset: contracts.asset(asset)?,
            owner: *owner,
            contributor_share: *contributor_share,
        },
        DomainEvent::DerivationDeclared {
            child,
            parent,
            relation,
            license_id,
        } => Fact::DerivationDeclared {
            child: contracts.asset(child)?,
            parent: contracts.asset(parent)?,
            relation: *relation,
            license: *license_id,
        },
        DomainEvent::SharesIssued { shares, asset, .. } if shares.contract == contracts.shares => Fact::SharesIssued {
            asset: contracts.asset(asset)?,
        },
        // The registry's mint says what the registration said.
        DomainEvent::TokenTransferred { token, from, to, .. } if token.contract == contracts.registry => {
            (!from.is_zero()).then_some(Fact::AssetMoved {
                asset: token.id,
                to: *to,
            })?
        }
        DomainEvent::TokenTransferred {
            token,
            from,
            to,
            amount,
            ..
        } => Fact::Moved {
            what: contracts.holding(token)?,
            from: *from,
            to: *to,
            amount: *amount,
        },
        DomainEvent::ContributionRecorded {
            contribution,
            asset,
            contributor,
            weight,
            ..
        } => Fact::ContributionRecorded {
            contribution: contracts.contribution(contribution)?,
            asset: contracts.asset(asset)?,
            contributor: *contributor,
            weight: *weight,
        },
        DomainEvent::ContributionVoided {
            contribution, asset, ..
        } => Fact::ContributionVoided {
            contribution: contracts.contribution(contribution)?,
            asset: contracts.asset(asset)?,
        },
        DomainEvent::RevenueReceived {
            revenue,
            asset,
            payer,
            token,
            amount,
            reason,
            reference,
        } if revenue.contract == contracts.router => Fact::RevenueReceived(Payment {
            revenue: revenue.id,
            asset: contracts.asset(asset)?,
            payer: *payer,
            token: *token,
            amount: *amount,
            reason: *reason,
            reference: *reference,
        }),
        DomainEvent::DistributorChanged(event) if event.router == contracts.router => {
            Fact::DistributorChanged { to: event.current }
        }
        _ => return None,
    })
}

fn licenses(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    Some(match event {
        DomainEvent::LicenseTermsRegistered {
            registry,
            terms_id,
            terms,
        } if *registry == contracts.licenses => Fact::LicenseTermsRegistered {
            terms_id: *terms_id,
            terms: Terms {
                commercial_use: terms.commercial_use,
                derivatives_allowed: terms.derivatives_allowed,
                policy: terms.royalty_policy,
                share: terms.revenue_share,
            },
        },
        DomainEvent::LicenseTermsAttached {
            registry,
            asset,
            terms_id,
        } if *registry == contracts.licenses => Fact::LicenseTermsAttached {
            asset: contracts.asset(asset)?,
            terms_id: *terms_id,
        },
        DomainEvent::LicenseMinted {
            series,
            asset,
            terms_id,
            expires_at,
            ..
        } => Fact::LicenseMinted {
            series: contracts.series(series)?,
            asset: contracts.asset(asset)?,
            terms_id: *terms_id,
            expires_at: *expires_at,
        },
        DomainEvent::LicenseRevoked { series, .. } => Fact::LicenseRevoked {
            series: contracts.series(series)?,
        },
        _ => return None,
    })
}

fn vault(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    let vault = contracts.vault?;
    Some(match event {
        DomainEvent::VaultCredited(event) if event.vault == vault => Fact::VaultCredited {
            what: contracts.holding(&event.token)?,
            account: event.account,
            amount: event.amount,
        },
        DomainEvent::VaultDebited(event) if event.vault == vault => Fact::VaultDebited {
            what: contracts.holding(&event.token)?,
            account: event.account,
            amount: event.amount,
        },
        DomainEvent::VaultMarketListed(event) if event.vault == vault => Fact::VaultMarketListed {
            market: event.market,
            base: contracts.holding(&event.base)?,
        },
        DomainEvent::VaultFilled(event) if event.vault == vault => Fact::VaultFilled {
            market: event.market,
            buyer: event.buyer,
            seller: event.seller,
            base_amount: event.base_amount,
        },
        _ => return None,
    })
}

/// Of tasks only the shares that they hold: a task is paid in shares throughout or not at all.
fn tasks(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    let board = contracts.tasks?;
    Some(match event {
        DomainEvent::TaskPosted(event) if event.task.contract == board && event.reward_token == contracts.shares => {
            Fact::SharesEscrowed {
                task: event.task.id,
                asset: contracts.asset(&event.asset)?,
                poster: event.poster,
                reward: event.reward,
                places: event.places,
            }
        }
        DomainEvent::RewardPaid(event) if event.task.contract == board && event.token == contracts.shares => {
            Fact::EscrowReleased {
                task: event.task.id,
                amount: event.amount,
            }
        }
        DomainEvent::TaskClosed(event) if event.task.contract == board => Fact::EscrowReleased {
            task: event.task.id,
            amount: event.refund,
        },
        _ => return None,
    })
}

fn disputes(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    Some(match event {
        DomainEvent::DisputeRaised(event) => Fact::DisputeRaised {
            dispute: contracts.dispute(&event.dispute)?,
            asset: contracts.asset(&event.asset)?,
        },
        DomainEvent::DisputeResolved(event) => {
            contracts.asset(&event.asset)?;
            Fact::DisputeResolved {
                dispute: contracts.dispute(&event.dispute)?,
                upheld: event.outcome == DisputeOutcome::Upheld,
            }
        }
        DomainEvent::ExecutionChallenged(event) => Fact::ExecutionChallenged {
            challenge: contracts.execution(&event.challenge)?,
            execution: contracts.execution(&event.execution)?,
        },
        DomainEvent::ChallengeResolved(event) => Fact::ChallengeResolved {
            challenge: contracts.execution(&event.challenge)?,
            upheld: event.upheld,
            voided: event
                .voided_contribution
                .as_ref()
                .and_then(|token| contracts.contribution(token)),
        },
        _ => return None,
    })
}

fn roots(event: &DomainEvent, contracts: &Contracts) -> Option<Fact> {
    let distributor = contracts.distributor?;
    Some(match event {
        DomainEvent::RootProposed(event) if event.distributor == distributor => Fact::RootProposed {
            epoch: event.epoch,
            root: event.root,
            computed_at: event.computed_at,
        },
        DomainEvent::RootWithdrawn(event) if event.distributor == distributor => {
            Fact::RootDropped { epoch: event.epoch }
        }
        DomainEvent::RootDisputeResolved(event) if event.distributor == distributor && event.upheld => {
            Fact::RootDropped { epoch: event.epoch }
        }
        DomainEvent::RootFinalised(event) if event.distributor == distributor => Fact::RootFinalised {
            epoch: event.epoch,
            root: event.root,
        },
        DomainEvent::PayoutClaimed(event) if event.distributor == distributor => Fact::PayoutClaimed {
            account: event.account,
            token: event.token,
            cumulative: event.cumulative,
        },
        DomainEvent::ProtocolFeeChanged(event) if event.distributor == distributor => Fact::ProtocolFeeChanged {
            share: event.current,
            account: event.fee_account,
        },
        _ => return None,
    })
}
