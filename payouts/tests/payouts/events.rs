//! Domain events become facts of one deployment, and those of other contracts none.

use alloy_primitives::{Address, B256, U256};
use souk_payouts::fact::{Contracts, Fact, Holding, Payment};
use souk_schema::event::{
    ChallengeResolved, ContributionRole, DisputeOutcome, DisputeResolved, DistributorChanged, DomainEvent,
    ProtocolFeeChanged, Relation, RevenueReason, RewardPaid, RootDisputeResolved, RootFinalised, RootProposed,
    RootWithdrawn, TaskClosed, TaskMode, TaskPosted, VaultCredited, VaultFilled, VaultMarketListed,
};
use souk_schema::id::{TokenRef, TokenStandard};

use crate::economy::{BOARD, EXECUTIONS, VAULT, account, block_ref, contracts, e8, id};

fn fact(event: &DomainEvent) -> Option<Fact> {
    Fact::from_event(event, &contracts())
}

fn token(contract: Address, number: u64) -> TokenRef {
    TokenRef::new(contract, id(number))
}

fn transferred(contract: Address, from: Address, to: Address) -> DomainEvent {
    let (token, amount) = (token(contract, 7), id(5));
    DomainEvent::TokenTransferred {
        token,
        standard: TokenStandard::Erc1155,
        from,
        to,
        amount,
    }
}

#[test]
fn transfers_move_shares_licences_and_assets_of_ours_alone() {
    let Contracts {
        registry,
        licenses,
        shares,
        ..
    } = contracts();
    let (from, to, amount) = (account(1), account(2), id(5));
    let moved = |what| Some(Fact::Moved { what, from, to, amount });
    assert_eq!(fact(&transferred(shares, from, to)), moved(Holding::Shares(id(7))));
    assert_eq!(fact(&transferred(licenses, from, to)), moved(Holding::License(id(7))));
    assert_eq!(
        fact(&transferred(registry, from, to)),
        Some(Fact::AssetMoved { asset: id(7), to })
    );
    assert_eq!(
        fact(&transferred(registry, Address::ZERO, to)),
        None,
        "the registration said so already"
    );
    assert_eq!(fact(&transferred(account(9), from, to)), None);
}

#[test]
fn only_our_registrys_derivations_carry_royalties() {
    let Contracts { registry, .. } = contracts();
    let declared = |contract| DomainEvent::DerivationDeclared {
        child: token(contract, 2),
        parent: token(contract, 1),
        relation: Relation::TrainedOn,
        license_id: id(3),
    };
    let (child, parent, relation, license) = (id(2), id(1), Relation::TrainedOn, id(3));
    assert_eq!(
        fact(&declared(registry)),
        Some(Fact::DerivationDeclared {
            child,
            parent,
            relation,
            license
        })
    );
    assert_eq!(fact(&declared(account(9))), None);
}

#[test]
fn revenue_counts_if_our_router_took_it() {
    let Contracts { registry, router, .. } = contracts();
    let received = |contract| DomainEvent::RevenueReceived {
        revenue: token(contract, 4),
        asset: token(registry, 1),
        payer: account(1),
        token: account(2),
        amount: id(3),
        reason: RevenueReason::Tip,
        reference: B256::ZERO,
    };
    let payment = Payment {
        revenue: id(4),
        asset: id(1),
        payer: account(1),
        token: account(2),
        amount: id(3),
        reason: RevenueReason::Tip,
        reference: B256::ZERO,
    };
    assert_eq!(fact(&received(router)), Some(Fact::RevenueReceived(payment)));
    assert_eq!(fact(&received(account(9))), None);
}

#[test]
fn whom_our_router_pays_is_heard_of() {
    let changed = |router| {
        let (previous, current) = (account(1), account(2));
        DomainEvent::DistributorChanged(DistributorChanged {
            router,
            previous,
            current,
        })
    };
    let to = account(2);
    assert_eq!(
        fact(&changed(contracts().router)),
        Some(Fact::DistributorChanged { to })
    );
    assert_eq!(fact(&changed(account(9))), None);
}

#[test]
fn the_task_board_speaks_for_the_shares_that_it_holds() {
    let Contracts { registry, shares, .. } = contracts();
    let posted = |board, reward_token| {
        DomainEvent::TaskPosted(TaskPosted {
            task: token(board, 3),
            asset: token(registry, 7),
            poster: account(1),
            mode: TaskMode::Community,
            role: ContributionRole::Collect,
            reward_token,
            reward: id(5),
            second_token: Address::ZERO,
            second_reward: U256::ZERO,
            places: 4,
            quorum: 1,
            deadline: 1,
            weight: id(1),
            reviewers: vec![],
            spec_hash: B256::ZERO,
            spec_uri: String::new(),
        })
    };
    let escrowed = Fact::SharesEscrowed {
        task: id(3),
        asset: id(7),
        poster: account(1),
        reward: id(5),
        places: 4,
    };
    assert_eq!(fact(&posted(BOARD, shares)), Some(escrowed));
    assert_eq!(fact(&posted(account(9), shares)), None);
    assert_eq!(fact(&posted(BOARD, account(9))), None, "money is no holding");
    let paid = |board, reward_token| {
        DomainEvent::RewardPaid(RewardPaid {
            submission: token(board, 1),
            task: token(board, 3),
            worker: account(2),
            token: reward_token,
            amount: id(5),
            contribution: None,
        })
    };
    let released = |amount| {
        let task = id(3);
        Some(Fact::EscrowReleased { task, amount })
    };
    assert_eq!(fact(&paid(BOARD, shares)), released(id(5)));
    assert_eq!(fact(&paid(account(9), shares)), None);
    assert_eq!(fact(&paid(BOARD, account(9))), None);
    let closed = DomainEvent::TaskClosed(TaskClosed {
        task: token(BOARD, 3),
        accepted: 1,
        refund: id(15),
        second_refund: id(1),
    });
    assert_eq!(fact(&closed), released(id(15)), "of which token, the fold knows");
}

#[test]
fn the_vault_speaks_for_what_it_holds_of_ours() {
    let Contracts { shares, .. } = contracts();
    let credited = |vault, contract| {
        let (account, token, amount) = (account(1), token(contract, 7), id(5));
        DomainEvent::VaultCredited(VaultCredited {
            vault,
            account,
            token,
            amount,
        })
    };
    let what = Holding::Shares(id(7));
    let credit = Fact::VaultCredited {
        what,
        account: account(1),
        amount: id(5),
    };
    assert_eq!(fact(&credited(VAULT, shares)), Some(credit));
    assert_eq!(fact(&credited(account(9), shares)), None);
    assert_eq!(fact(&credited(VAULT, account(9))), None, "money is no holding");
    let market = B256::repeat_byte(1);
    let listed = DomainEvent::VaultMarketListed(VaultMarketListed {
        vault: VAULT,
        market,
        base: token(shares, 7),
        quote: token(account(9), 0),
        asset: None,
        royalty_account: account(3),
    });
    assert_eq!(fact(&listed), Some(Fact::VaultMarketListed { market, base: what }));
    let filled = DomainEvent::VaultFilled(VaultFilled {
        vault: VAULT,
        market,
        group: 0,
        number: 1,
        buyer: account(1),
        seller: account(2),
        base_amount: id(5),
        quote_amount: id(50),
        buyer_fee: U256::ZERO,
        seller_fee: U256::ZERO,
        royalty: U256::ZERO,
    });
    let (buyer, seller, base_amount) = (account(1), account(2), id(5));
    assert_eq!(
        fact(&filled),
        Some(Fact::VaultFilled {
            market,
            buyer,
            seller,
            base_amount
        })
    );
}

#[test]
fn judgements_keep_what_matters_of_them() {
    let contracts = contracts();
    let court = contracts.disputes.expect("a court");
    let resolved = |outcome| {
        DomainEvent::DisputeResolved(DisputeResolved {
            dispute: token(court, 1),
            asset: token(contracts.registry, 2),
            outcome,
            bond_to: account(1),
            bond: id(1),
        })
    };
    for (outcome, upheld) in [
        (DisputeOutcome::Upheld, true),
        (DisputeOutcome::Dismissed, false),
        (DisputeOutcome::Withdrawn, false),
        (DisputeOutcome::Lapsed, false),
    ] {
        assert_eq!(
            fact(&resolved(outcome)),
            Some(Fact::DisputeResolved { dispute: id(1), upheld })
        );
    }
    let challenge = DomainEvent::ChallengeResolved(ChallengeResolved {
        challenge: token(EXECUTIONS, 1),
        execution: token(EXECUTIONS, 2),
        upheld: true,
        bond_to: account(1),
        bond: id(1),
        voided_contribution: Some(token(contracts.contributions, 3)),
    });
    let voided = Some(id(3));
    assert_eq!(
        fact(&challenge),
        Some(Fact::ChallengeResolved {
            challenge: id(1),
            upheld: true,
            voided
        })
    );
}

#[test]
fn roots_fees_and_their_ends_are_those_of_our_distributor() {
    let distributor = contracts().distributor.expect("a distributor");
    let (epoch, root, computed_at) = (1, B256::repeat_byte(1), block_ref(9, 9));
    let proposed = RootProposed {
        distributor,
        epoch,
        root,
        computed_at,
        finalisable_at: 1,
        proposer: account(1),
    };
    assert_eq!(
        fact(&DomainEvent::RootProposed(proposed)),
        Some(Fact::RootProposed {
            epoch,
            root,
            computed_at
        })
    );
    let withdrawn = DomainEvent::RootWithdrawn(RootWithdrawn {
        distributor,
        epoch,
        root,
    });
    assert_eq!(fact(&withdrawn), Some(Fact::RootDropped { epoch }));
    let judged = |upheld| {
        let (bond_to, bond) = (account(1), id(1));
        DomainEvent::RootDisputeResolved(RootDisputeResolved {
            distributor,
            epoch,
            root,
            upheld,
            bond_to,
            bond,
        })
    };
    assert_eq!(fact(&judged(true)), Some(Fact::RootDropped { epoch }));
    assert_eq!(fact(&judged(false)), None, "it goes on as if nobody had doubted it");
    let finalised = DomainEvent::RootFinalised(RootFinalised {
        distributor,
        epoch,
        root,
    });
    assert_eq!(fact(&finalised), Some(Fact::RootFinalised { epoch, root }));
    let fee = |distributor| {
        let (previous, current, fee_account) = (e8(0), e8(5), account(1));
        DomainEvent::ProtocolFeeChanged(ProtocolFeeChanged {
            distributor,
            previous,
            current,
            fee_account,
        })
    };
    let told = Fact::ProtocolFeeChanged {
        share: e8(5),
        account: account(1),
    };
    assert_eq!(fact(&fee(distributor)), Some(told));
    assert_eq!(fact(&fee(account(9))), None);
}
