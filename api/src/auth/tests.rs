//! Signing in against every condition of the standard.

use alloy::signers::local::PrivateKeySigner;

use super::*;

const CHAIN: ChainId = ChainId(31_337);

fn signer(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&alloy_primitives::B256::repeat_byte(byte)).unwrap()
}

fn desk() -> SignIn {
    let config = SignInConfig {
        domains: vec!["souk.example".into()],
        ..SignInConfig::default()
    };
    SignIn::new(&config, 80)
}

fn text(address: Address, nonce: &str) -> String {
    format!(
        "souk.example wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Souk.\n\nURI: https://souk.example/\n\
         Version: 1\nChain ID: 31337\nNonce: {nonce}\nIssued At: 2026-01-01T00:00:00Z"
    )
}

fn sign(text: &str, signer: &PrivateKeySigner) -> Vec<u8> {
    use alloy::signers::SignerSync;
    signer.sign_message_sync(text.as_bytes()).unwrap().as_bytes().to_vec()
}

fn enter(desk: &SignIn, text: &str, signature: &[u8]) -> Result<Opened, String> {
    desk.sign_in(text, signature, &[CHAIN], None, |_, _, _| false)
        .map_err(|error| error.message)
}

#[test]
fn an_account_signs_in_once_per_nonce() {
    let (desk, alice) = (desk(), signer(1));
    let text = text(alice.address(), &desk.nonce().0);
    let opened = enter(&desk, &text, &sign(&text, &alice)).unwrap();
    assert_eq!(opened.viewer.account, alice.address());
    assert_eq!(desk.viewer(&opened.token), Some(opened.viewer));
    assert!(
        enter(&desk, &text, &sign(&text, &alice))
            .unwrap_err()
            .contains("used before")
    );
    assert!(desk.sign_out(&opened.token));
    assert_eq!(desk.viewer(&opened.token), None);
}

#[test]
fn what_was_signed_for_elsewhere_or_another_time_is_refused_and_the_nonce_can_still_be_used() {
    let (desk, alice) = (desk(), signer(1));
    let good = text(alice.address(), &desk.nonce().0);
    for (from, to, problem) in [
        ("souk.example wants", "evil.example wants", "domain"),
        ("URI: https://souk.example/", "URI: https://evil.example/", "URI"),
        (
            "URI: https://souk.example/",
            "URI: https://souk.example@evil.example/",
            "URI",
        ),
        ("Chain ID: 31337", "Chain ID: 1", "chain 1"),
        ("00:00Z", "00:00Z\nExpiration Time: 2026-01-01T00:00:01Z", "has expired"),
        ("00:00Z", "00:00Z\nNot Before: 2999-01-01T00:00:00Z", "not valid yet"),
        ("Version: 1", "Version: 2", "EIP-4361"),
    ] {
        // After 2026-01-01, whenever this runs.
        let changed = good.replacen(from, to, 1);
        let refused = enter(&desk, &changed, &sign(&changed, &alice)).unwrap_err();
        assert!(refused.contains(problem), "{to}: {refused}");
    }
    let unknown = text(alice.address(), "deadbeefdeadbeef");
    assert!(
        enter(&desk, &unknown, &sign(&unknown, &alice))
            .unwrap_err()
            .contains("none of this server's")
    );
    assert!(
        enter(&desk, &good, &sign(&good, &signer(2)))
            .unwrap_err()
            .contains("signature")
    );
    assert!(enter(&desk, &good, &[0; 65]).is_err() && enter(&desk, &good, &[]).is_err());
    let mut parity = sign(&good, &alice);
    parity[64] -= 27;
    assert!(enter(&desk, &good, &parity).is_ok(), "as hardware wallets write it");
}

#[test]
fn a_key_acts_for_an_account_that_registered_it_and_for_no_other() {
    let (desk, key) = (desk(), signer(3));
    let account = Address::repeat_byte(9);
    let registered = |chain, of, by| (chain, of, by) == (CHAIN, account, key.address());
    let message = text(key.address(), &desk.nonce().0);
    let signature = sign(&message, &key);
    let other = desk.sign_in(
        &message,
        &signature,
        &[CHAIN],
        Some(Address::repeat_byte(8)),
        registered,
    );
    assert!(other.unwrap_err().message.contains("no registered trading key"));
    let opened = desk
        .sign_in(&message, &signature, &[CHAIN], Some(account), registered)
        .unwrap();
    assert_eq!((opened.viewer.account, opened.viewer.signer), (account, key.address()));
}
