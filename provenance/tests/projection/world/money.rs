//! Payouts, the vault, and other chains.

use alloy::primitives::address;
use souk_contracts::{ExchangeVault, Gateway, PayoutDistributor};
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{
    AssetAnnounced, AssetMirrored, DomainEvent, PayoutClaimed, ProtocolFeeChanged, RootDisputeResolved, RootDisputed,
    RootFinalised, RootProposed, RootWithdrawn, VaultCredited, VaultDebited, VaultFeeAccountChanged, VaultFilled,
    VaultMarketListed,
};
use souk_schema::record::RawLog;
use souk_schema::{Address, B256, BlockRef, ChainId, E8, TokenRef, TokenStandard, U256};

use super::{COINS, DISTRIBUTOR, Deed, GATEWAY, Meaning, PUNKS, SHARES, VAULT, account, amount, asset, hash, raw};

/// What keccak-256 of `("souk.royalty", market)` begins with, for the four markets of this world, as viem computes it.
const ROYALTY_ACCOUNTS: [Address; 4] = [
    address!("5e84d2672ca5adf2af3d124fde0c1391d654166a"),
    address!("f78884e18ff11f6a0d30a49e1d19fc575c731691"),
    address!("bdbc591910643cb387d239232e20788acf9ef615"),
    address!("07b0394156b6e71211cfd3ba27789da6111b3e8a"),
];

pub fn payouts(Deed { kind, a, b, c }: Deed) -> (RawLog, Meaning) {
    let (distributor, epoch, root) = (DISTRIBUTOR, u64::MAX >> (8 * a), hash(b));
    let (log, event) = match kind {
        38 => {
            let log = PayoutDistributor::RootProposed {
                epoch,
                root,
                blockNumber: u64::MAX >> c,
                blockHash: hash(c),
                finalisableAt: u64::MAX >> b,
                proposer: account(c),
            };
            let event = RootProposed {
                distributor,
                epoch,
                root,
                computed_at: BlockRef {
                    number: u64::MAX >> c,
                    hash: hash(c),
                },
                finalisable_at: u64::MAX >> b,
                proposer: account(c),
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::RootProposed(event))
        }
        39 => root_changed(epoch, root, c),
        _ if c & 1 == 0 => {
            let log = PayoutDistributor::Claimed {
                account: account(a),
                token: COINS,
                amount: amount(c),
                cumulative: amount(b),
            };
            let event = PayoutClaimed {
                distributor,
                account: account(a),
                token: COINS,
                amount: amount(c),
                cumulative: amount(b),
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::PayoutClaimed(event))
        }
        _ => {
            let log = PayoutDistributor::ProtocolFeeChanged {
                previousE8: a.into(),
                currentE8: 100_000_000 >> c,
                feeAccount: account(b),
            };
            let share = |parts: u32| E8::from_parts(parts.into()).expect("at most the whole");
            let event = ProtocolFeeChanged {
                distributor,
                previous: share(a.into()),
                current: share(100_000_000 >> c),
                fee_account: account(b),
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::ProtocolFeeChanged(event))
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn root_changed(epoch: u64, root: B256, c: u8) -> (RawLog, DomainEvent) {
    let distributor = DISTRIBUTOR;
    match c {
        0 | 7 => {
            let reason = if c == 7 { "nul\0" } else { "no leaf for me" };
            let log = PayoutDistributor::RootDisputed {
                epoch,
                root,
                disputer: account(c),
                bond: amount(c),
                reason: reason.into(),
            };
            let event = RootDisputed {
                distributor,
                epoch,
                root,
                disputer: account(c),
                bond: amount(c),
                reason: reason.into(),
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::RootDisputed(event))
        }
        1 | 2 => {
            let log = PayoutDistributor::RootDisputeResolved {
                epoch,
                root,
                upheld: c == 2,
                bondTo: account(c),
                bond: amount(c),
            };
            let event = RootDisputeResolved {
                distributor,
                epoch,
                root,
                upheld: c == 2,
                bond_to: account(c),
                bond: amount(c),
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::RootDisputeResolved(event))
        }
        3 => {
            let log = PayoutDistributor::RootWithdrawn { epoch, root };
            let event = RootWithdrawn {
                distributor,
                epoch,
                root,
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::RootWithdrawn(event))
        }
        _ => {
            let log = PayoutDistributor::RootFinalised { epoch, root };
            let event = RootFinalised {
                distributor,
                epoch,
                root,
            };
            (raw(DISTRIBUTOR, &log), DomainEvent::RootFinalised(event))
        }
    }
}

pub fn gateway(Deed { a, b, c, .. }: Deed) -> (RawLog, Meaning) {
    let (log, event) = if c & 1 == 0 {
        let log = Gateway::AssetAnnounced {
            announcementId: hash(c),
            assetId: U256::from(a),
            targetChain: u64::MAX >> b,
            contentHash: hash(b),
        };
        let event = AssetAnnounced {
            gateway: GATEWAY,
            announcement: hash(c),
            asset: asset(a),
            target_chain: ChainId(u64::MAX >> b),
            content_hash: hash(b),
        };
        (raw(GATEWAY, &log), DomainEvent::AssetAnnounced(event))
    } else {
        let log = Gateway::AssetMirrored {
            announcementId: hash(c),
            mirrorId: U256::from(a),
            originChain: u64::MAX >> b,
            originGateway: account(b),
            originRegistry: PUNKS,
            originAssetId: amount(c),
            contentHash: hash(b),
            relayer: account(c),
        };
        let event = AssetMirrored {
            gateway: GATEWAY,
            announcement: hash(c),
            mirror: asset(a),
            origin: AssetId::Evm(EvmAssetId {
                chain: ChainId(u64::MAX >> b),
                standard: TokenStandard::Erc721,
                token: TokenRef::new(PUNKS, amount(c)),
            }),
            origin_gateway: account(b),
            content_hash: hash(b),
            relayer: account(c),
        };
        (raw(GATEWAY, &log), DomainEvent::AssetMirrored(event))
    };
    (log, Meaning::Events(vec![event]))
}

/// Shares of an asset, or coins.
fn held(number: u8) -> TokenRef {
    match number % 4 {
        3 => TokenRef::new(COINS, U256::ZERO),
        id => TokenRef::new(SHARES, U256::from(id)),
    }
}

/// Mostly small, sometimes the largest that the vault counts in.
fn vaulted(number: u8) -> u128 {
    if number == 7 { u128::MAX } else { number.into() }
}

pub fn vault(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let (log, event) = match kind {
        42 => listed(deed),
        43 => {
            let log = ExchangeVault::FeeAccountChanged {
                previous: account(a),
                current: account(b),
            };
            let event = VaultFeeAccountChanged {
                vault: VAULT,
                previous: account(a),
                current: account(b),
            };
            (raw(VAULT, &log), DomainEvent::VaultFeeAccountChanged(event))
        }
        44 => {
            let token = held(a);
            let log = ExchangeVault::Deposited {
                depositId: c.into(),
                account: account(b),
                token: token.contract,
                id: token.id,
                amount: vaulted(c),
                group: 0,
            };
            let event = VaultCredited {
                vault: VAULT,
                account: account(b),
                token,
                amount: U256::from(vaulted(c)),
            };
            (raw(VAULT, &log), DomainEvent::VaultCredited(event))
        }
        45 => debited(deed),
        _ => filled(deed),
    };
    (log, Meaning::Events(vec![event]))
}

fn listed(Deed { a, b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let base = held(b % 3);
    let log = ExchangeVault::MarketListed {
        market: hash(a),
        base: base.contract,
        baseId: base.id,
        quote: COINS,
        lotSize: 1,
        tickSize: 1,
        assetId: U256::from(c % 4),
    };
    let event = VaultMarketListed {
        vault: VAULT,
        market: hash(a),
        base,
        quote: TokenRef::new(COINS, U256::ZERO),
        asset: (!c.is_multiple_of(4)).then(|| asset(c % 4)),
        royalty_account: ROYALTY_ACCOUNTS[usize::from(a)],
    };
    (raw(VAULT, &log), DomainEvent::VaultMarketListed(event))
}

fn debited(Deed { a, b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let (token, owner) = (held(a), account(b));
    let (contract, id, amount) = (token.contract, token.id, vaulted(c));
    let debited = |account, token| {
        DomainEvent::VaultDebited(VaultDebited {
            vault: VAULT,
            account,
            token,
            amount: U256::from(amount),
        })
    };
    let log = match c {
        0 | 7 => raw(
            VAULT,
            &ExchangeVault::Withdrawn {
                account: owner,
                nonce: 0,
                token: contract,
                id,
                amount,
                receiver: account(c),
                group: 0,
            },
        ),
        1 => raw(
            VAULT,
            &ExchangeVault::ExitExecuted {
                exitId: 0,
                account: owner,
                token: contract,
                id,
                paid: amount,
                group: 0,
            },
        ),
        2 => raw(
            VAULT,
            &ExchangeVault::Escaped {
                account: owner,
                token: contract,
                id,
                amount,
            },
        ),
        _ => {
            let log = ExchangeVault::RoyaltyFlushed {
                market: hash(a),
                assetId: U256::from(a),
                quote: COINS,
                amount,
                revenueId: U256::from(c),
            };
            let coins = TokenRef::new(COINS, U256::ZERO);
            return (raw(VAULT, &log), debited(ROYALTY_ACCOUNTS[usize::from(a)], coins));
        }
    };
    (log, debited(owner, token))
}

fn filled(Deed { a, b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let quote = u128::MAX >> (16 * c);
    let fill = ExchangeVault::SettledFill {
        buyer: account(b),
        seller: account(c),
        buyNonce: 0,
        sellNonce: 0,
        baseAmount: vaulted(c),
        quoteAmount: quote,
        buyerFee: vaulted(b),
        sellerFee: u128::from(c) / 2,
        royalty: u128::from(a),
    };
    let event = VaultFilled {
        vault: VAULT,
        market: hash(a),
        group: 1,
        number: c.into(),
        buyer: account(b),
        seller: account(c),
        base_amount: U256::from(vaulted(c)),
        quote_amount: U256::from(quote),
        buyer_fee: U256::from(vaulted(b)),
        seller_fee: U256::from(c / 2),
        royalty: U256::from(a),
    };
    let log = ExchangeVault::FillSettled {
        group: 1,
        number: c.into(),
        market: hash(a),
        fill,
    };
    (raw(VAULT, &log), DomainEvent::VaultFilled(event))
}
