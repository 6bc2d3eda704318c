//! Tries to lose a dev chain: kills, half-written states, taken ports.

use std::fs;

use super::*;

async fn height(anvil: &Anvil) -> String {
    rpc(anvil.port, "eth_blockNumber", "[]").await.expect("answers")
}

async fn mine(anvil: &Anvil, blocks: u64) {
    rpc(anvil.port, "anvil_mine", &format!("[\"{blocks:#x}\"]"))
        .await
        .expect("mines");
}

fn kept() -> AnvilConfig {
    AnvilConfig {
        keep_state: true,
        chain_id: 4242,
        ..AnvilConfig::default()
    }
}

#[tokio::test]
async fn a_kept_chain_survives_a_stop_at_the_same_address() {
    let mut anvil = Anvil::start(&kept()).await.expect("starts");
    let url = anvil.http_url();
    mine(&anvil, 5).await;
    anvil.restart().await.expect("starts again");
    assert_eq!(height(&anvil).await, "\"0x5\"");
    assert_eq!(
        rpc(anvil.port, "eth_chainId", "[]").await.expect("answers"),
        "\"0x1092\""
    );
    assert_eq!(anvil.http_url(), url);
}

#[tokio::test]
async fn without_kept_state_a_restart_is_a_new_chain() {
    let mut anvil = Anvil::start(&AnvilConfig::default()).await.expect("starts");
    mine(&anvil, 5).await;
    anvil.kill9().await;
    assert!(!anvil.is_running());
    anvil.restart().await.expect("starts again");
    assert_eq!(height(&anvil).await, "\"0x0\"");
}

#[tokio::test]
async fn a_state_cut_short_falls_back_to_the_previous_start_and_then_to_genesis() {
    let mut anvil = Anvil::start(&kept()).await.expect("starts");
    let state = anvil.state.as_ref().expect("kept").file().to_path_buf();
    mine(&anvil, 3).await;
    anvil.restart().await.expect("starts again");
    mine(&anvil, 4).await;
    anvil.stop().await;
    let whole = fs::read(&state).expect("written");
    fs::write(&state, &whole[..whole.len() / 2]).expect("cut");
    anvil.restart().await.expect("starts from the copy");
    assert_eq!(height(&anvil).await, "\"0x3\"");

    anvil.kill9().await;
    fs::write(&state, "{").expect("cut");
    fs::remove_file(state.with_file_name("state.previous.json")).expect("removed");
    anvil.restart().await.expect("starts from genesis");
    assert_eq!(height(&anvil).await, "\"0x0\"");
}

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_named() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().expect("free"))).expect("free");
    let port = taken.local_addr().expect("bound").port();
    let error = Anvil::start(&AnvilConfig {
        port: Some(port),
        ..AnvilConfig::default()
    })
    .await
    .expect_err("taken");
    assert!(
        matches!(&error, Error::Invalid(message) if message.contains(&port.to_string())),
        "{error}"
    );
}

#[tokio::test]
async fn blocks_come_when_they_are_asked_to() {
    let mining = |mining| AnvilConfig {
        mining,
        ..AnvilConfig::default()
    };
    let on_demand = Anvil::start(&mining(Mining::OnDemand)).await.expect("starts");
    let clocked = Anvil::start(&mining(Mining::EverySecs(1))).await.expect("starts");
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while height(&clocked).await == "\"0x0\"" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("a clocked chain mines by itself");
    assert_eq!(height(&on_demand).await, "\"0x0\"");
}
