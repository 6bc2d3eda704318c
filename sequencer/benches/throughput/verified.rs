//! Signed orders through verification, log, engine and events, beside verification alone with as many threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, keccak256};
use secp256k1::{Message, Secp256k1, SecretKey};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{CommandBody, SignedOrder, Venue};
use souk_sequencer::GroupConfig;
use souk_sequencer::verify::{Verifier, recover};
use tokio::sync::Semaphore;

use crate::trade::{CHAIN, GROUP, place, vault};
use crate::{Running, Server, TRADERS, meeting_orders, rate, row};

const ORDERS: usize = 150_000;

/// Orders that are verified and submitted together.
const PIECE: usize = 500;

/// What is asked of signed orders, in recoveries.
const RATIO: f64 = 0.7;

pub(crate) async fn measure(server: &Server) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let verifier = Arc::new(Verifier::new(Venue {
        chain: CHAIN,
        vault: vault(),
    }));
    let (accounts, orders) = signed(&verifier);
    let bare = rate(ORDERS, bare_recovery(&verifier, &orders, threads));

    let running = server.run(GroupConfig::new(GROUP)).await;
    running.open(&accounts, 10_000).await;
    let begun = Instant::now();
    let accepted = submit(&running, &verifier, orders, threads).await;
    let acknowledged = rate(ORDERS, begun.elapsed());
    running.published().await;
    let published = rate(ORDERS, begun.elapsed());
    let ratio = acknowledged / bare;
    println!(
        "signed orders: {acknowledged:.0}/s acknowledged, {published:.0}/s with events written ({accepted} accepted); bare recovery on \
         {threads} threads: {bare:.0}/s; ratio {ratio:.2}"
    );
    row(
        [
            "signed orders",
            &format!("{acknowledged:.0}/s"),
            "bare recovery",
            &format!("{bare:.0}/s"),
        ],
        ratio,
        "≥ 0.7",
        ratio >= RATIO,
    );
    running.stop().await;
}

/// Accounts with keys, and orders that they signed.
fn signed(verifier: &Verifier) -> (Vec<Address>, Vec<SignedOrder>) {
    let curve = Secp256k1::new();
    let keys: Vec<SecretKey> = (1..=TRADERS)
        .map(|number| SecretKey::from_byte_array([u8::try_from(number).expect("few"); 32]).expect("valid"))
        .collect();
    let accounts: Vec<Address> = keys.iter().map(|key| address_of(&curve, key)).collect();
    let sign = |(number, mut order): (usize, SignedOrder)| {
        let trader = number % keys.len();
        (order.account, order.signer) = (accounts[trader], accounts[trader]);
        order.signature = signature(&curve, &keys[trader], &verifier.order_digest(&order));
        order
    };
    let orders = meeting_orders(ORDERS).enumerate().map(sign).collect();
    (accounts, orders)
}

/// How long the curve's part of verification takes on all threads: everything but the digests.
fn bare_recovery(verifier: &Verifier, orders: &[SignedOrder], threads: usize) -> Duration {
    let digests: Vec<B256> = orders.iter().map(|order| verifier.order_digest(order)).collect();
    let digested: Vec<(B256, &SignedOrder)> = digests.into_iter().zip(orders).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in digested.chunks(orders.len().div_ceil(threads)) {
            scope.spawn(move || {
                for (digest, order) in part {
                    assert_eq!(recover(*digest, &order.signature.0), Some(order.signer));
                }
            });
        }
    });
    begun.elapsed()
}

/// Verifies and submits, as many pieces at a time as there are threads, while some wait for their outcomes. How many were accepted.
async fn submit(running: &Running, verifier: &Arc<Verifier>, orders: Vec<SignedOrder>, threads: usize) -> usize {
    let processors = Arc::new(Semaphore::new(threads));
    let window = Arc::new(Semaphore::new(4 * threads));
    let mut waiting = Vec::new();
    let mut orders = orders.into_iter().peekable();
    while orders.peek().is_some() {
        let piece: Vec<SignedOrder> = orders.by_ref().take(PIECE).collect();
        let place_in_window = Arc::clone(&window).acquire_owned().await.expect("open");
        let (verifier, group, processors) = (Arc::clone(verifier), running.group.clone(), Arc::clone(&processors));
        waiting.push(tokio::spawn(async move {
            let processor = processors.acquire_owned().await.expect("open");
            let bodies = tokio::task::spawn_blocking(move || {
                let _processor = processor;
                let is_signed = |order: &SignedOrder| verifier.order_signer(order) == Some(order.signer);
                piece
                    .into_iter()
                    .filter(is_signed)
                    .map(place)
                    .collect::<Vec<CommandBody>>()
            });
            let outcomes = group
                .submit_all(bodies.await.expect("no panic"))
                .await
                .expect("decided");
            drop(place_in_window);
            outcomes.iter().filter(|outcome| outcome.result.is_ok()).count()
        }));
    }
    let mut accepted = 0;
    for piece in waiting {
        accepted += piece.await.expect("no panic");
    }
    accepted
}

fn address_of(curve: &Secp256k1<secp256k1::All>, key: &SecretKey) -> Address {
    let hash = keccak256(&key.public_key(curve).serialize_uncompressed()[1..]);
    Address::from_slice(&hash[12..])
}

fn signature(curve: &Secp256k1<secp256k1::All>, key: &SecretKey, digest: &B256) -> Signature {
    let signature = curve.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
    let (parity, compact) = signature.serialize_compact();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&compact);
    bytes[64] = 27 + u8::try_from(i32::from(parity)).expect("0 or 1");
    Signature(bytes)
}
