//! Roots on a real chain, above all on the right one: a chain that is begun anew has the same id, and its contracts the same addresses.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::{PayoutDistributor, deploy, dev};
use souk_devstack::{Anvil, AnvilConfig};
use souk_distribution::Keeping;
use souk_distribution::publish::{Due, PublishError, Publisher};

use crate::chain::{ALICE, Chain, Deed, REGISTRY};
use crate::support::{Running, Stand};

/// A dev chain with the contracts on it.
struct Node {
    anvil: Anvil,
    provider: DynProvider,
    distributor: Address,
}

impl Node {
    /// One whose blocks begin at this time, which is in its genesis block; on a port of its own unless there is one to take over.
    async fn start(genesis_secs: u64, port: Option<u16>) -> Node {
        let config = AnvilConfig {
            genesis_timestamp_secs: Some(genesis_secs),
            port,
            ..AnvilConfig::default()
        };
        let anvil = Anvil::start(&config).await.expect("anvil starts");
        let provider = ProviderBuilder::new()
            .connect(&anvil.http_url())
            .await
            .expect("it answers");
        let provider = provider.erased();
        let deployed = deploy(&provider, admin().address(), None)
            .await
            .expect("contracts are deployed");
        Node {
            anvil,
            provider,
            distributor: deployed.addresses.payout_distributor.expect("there is one"),
        }
    }

    /// Another chain in its place, which has the contracts at the same addresses.
    async fn begun_anew(self, genesis_secs: u64) -> Node {
        let url = self.anvil.http_url();
        self.anvil.stop().await;
        let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let anew = Node::start(genesis_secs, port).await;
        assert_eq!((anew.anvil.http_url(), anew.distributor), (url, self.distributor));
        anew
    }

    async fn genesis(&self) -> B256 {
        let block = self.provider.get_block_by_number(0.into()).await.expect("it answers");
        block.expect("every chain has one").header.hash
    }

    /// The root that waits; zero where none does.
    async fn pending(&self) -> B256 {
        let distributor = PayoutDistributor::new(self.distributor, &self.provider);
        distributor.pendingRoot().call().await.expect("it answers").root
    }

    async fn publisher(&self, stand: &Stand, running: &Running) -> Publisher {
        let (rpc, payouts) = (self.anvil.http_url(), running.handle.clone());
        let connecting = Publisher::connect(
            &rpc,
            admin(),
            REGISTRY,
            self.distributor,
            payouts,
            stand.store().await,
            Duration::ZERO,
        );
        connecting.await.expect("it answers")
    }
}

/// Deploys, and proposes.
fn admin() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).expect("a key")
}

/// A stream that says that Alice is owed something, as of a final block, and reaches beyond whatever the node will mine here.
fn owing(generation: u32, genesis: B256) -> Chain {
    let mut chain = Chain::of(generation, genesis);
    chain.block(&[Deed::Register(1, ALICE)]);
    chain.block(&[Deed::Pay(1, 1_000)]);
    chain.finalise();
    (0..100).for_each(|_| chain.block(&[]));
    chain
}

/// A connection that the old node left behind may fail once.
async fn step(publisher: &mut Publisher) -> Result<Due, PublishError> {
    match publisher.step().await {
        Err(PublishError::Node(_)) => publisher.step().await,
        stepped => stepped,
    }
}

#[tokio::test]
async fn a_chain_that_is_begun_anew_between_two_looks_gets_no_root_of_the_old_one() {
    let stand = Stand::new().await;
    let node = Node::start(1_700_000_000, None).await;
    let old = node.genesis().await;
    stand.append(&mut owing(1, old)).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let mut publisher = node.publisher(&stand, &running).await;
    assert_eq!(step(&mut publisher).await.expect("a root"), Due::Propose { epoch: 1 });
    assert_ne!(node.pending().await, B256::ZERO);

    // The stream has not told of the root, so it would be proposed again.
    let node = node.begun_anew(1_700_000_001).await;
    let new = node.genesis().await;
    assert_ne!(new, old);
    let error = step(&mut publisher).await.expect_err("it is another chain");
    assert!(
        matches!(error, PublishError::OtherChain { expected, found } if (expected, found) == (old, new)),
        "{error}"
    );
    assert!(
        error.to_string().contains("index the new one and start again"),
        "{error}"
    );
    assert_eq!(node.pending().await, B256::ZERO);
    // Waiting does not mend it.
    let ended = publisher.run(Duration::from_millis(1), Default::default()).await;
    assert!(matches!(ended, Err(PublishError::OtherChain { .. })), "{ended:?}");
    running.stop().await;
}

#[tokio::test]
async fn what_is_owed_on_another_chain_waits_until_the_stream_is_of_the_nodes() {
    let stand = Stand::new().await;
    let node = Node::start(1_700_000_000, None).await;
    let (ours, theirs) = (node.genesis().await, B256::repeat_byte(7));
    stand.append(&mut owing(1, theirs)).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let mut publisher = node.publisher(&stand, &running).await;
    let error = step(&mut publisher).await.expect_err("it is owed elsewhere");
    assert!(
        matches!(error, PublishError::OwedElsewhere { owed, found } if (owed, found) == (theirs, ours)),
        "{error}"
    );
    assert_eq!(node.pending().await, B256::ZERO);

    let mut anew = owing(2, ours);
    stand.append(&mut anew).await;
    running.reached(&anew).await;
    assert_eq!(step(&mut publisher).await.expect("a root"), Due::Propose { epoch: 1 });
    assert_ne!(node.pending().await, B256::ZERO);
    running.stop().await;
}
