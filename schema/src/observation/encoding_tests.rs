//! Round trips, and the golden files of every version that was ever written.

use alloy_primitives::{Address, U256};
use proptest::prelude::*;

use super::*;

fn wanted(kind: SubjectKind, uri: &str, commitment: Option<B256>) -> Wanted {
    Wanted {
        subject: Subject {
            chain: ChainId(31337),
            kind,
            key: TokenRef::new(Address::repeat_byte(0xaa), U256::from(42)),
        },
        uri: uri.into(),
        commitment,
    }
}

fn fingerprint(length: u64) -> Fingerprint {
    Fingerprint {
        length,
        sha256: B256::repeat_byte(1),
        keccak256: B256::repeat_byte(2),
    }
}

fn golden_records() -> Vec<(&'static str, Observation)> {
    let of = |wanted, tries, outcome| Observation {
        wanted,
        observed_at_ms: 1_700_000_000_123,
        tries,
        outcome,
    };
    let document = Outcome::Document(Document {
        content: Bytes::from_static(br#"{"name":"Zephyr"}"#),
        fingerprint: fingerprint(17),
        verification: Verification::Keccak256,
    });
    let failure = Outcome::Failed(Failure {
        kind: FailureKind::NotJson,
        detail: "it begins with `<`".into(),
        fingerprint: Some(fingerprint(9)),
    });
    let said = Outcome::Document(Document {
        content: Bytes::from_static(br#"{"uid":"0xea"}"#),
        fingerprint: fingerprint(14),
        verification: Verification::Uid,
    });
    let attested = TokenRef::new(Address::repeat_byte(0xea), U256::from(7) << 200);
    let commitment = Some(B256::repeat_byte(2));
    let https = "https://example.org/zephyr.json";
    vec![
        (
            "document",
            of(wanted(SubjectKind::Asset, https, commitment), 1, document),
        ),
        ("failure", of(wanted(SubjectKind::Thing, https, None), 6, failure)),
        (
            "attestation",
            of(Wanted::attestation(ChainId(31337), attested), 1, said),
        ),
    ]
}

/// Every golden file of every version decodes to the record that it was made of. `SOUK_WRITE_GOLDEN=1` writes the files of the current
/// version; those of older versions are never written again.
#[test]
fn golden_files_of_every_version_still_decode() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/observation");
    for (name, record) in golden_records() {
        if std::env::var_os("SOUK_WRITE_GOLDEN").is_some() {
            std::fs::write(folder.join(format!("v{CURRENT_VERSION}/{name}.bin")), encode(&record)).unwrap();
        }
        for version in 1..=CURRENT_VERSION {
            let stored = std::fs::read(folder.join(format!("v{version}/{name}.bin"))).unwrap();
            assert_eq!(decode(version, &stored).unwrap(), record, "{name} of version {version}");
            if version == CURRENT_VERSION {
                assert_eq!(
                    encode(&record),
                    stored,
                    "{name}: the encoding changed, which needs a new version"
                );
            }
        }
    }
}

#[test]
fn a_record_of_a_newer_version_asks_for_an_upgrade() {
    let error = decode(CURRENT_VERSION + 1, &[]).unwrap_err();
    assert!(error.to_string().contains("upgrade souk"), "{error}");
}

#[test]
fn a_damaged_record_names_the_field() {
    let error = decode(1, &v1::Observation::default().encode_to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "the record's field `subject` is missing");
}

#[test]
fn numbers_are_those_of_the_schema() {
    for kind in FailureKind::ALL {
        let written = v1::FailureKind::try_from(kind as i32).expect("the schema has it");
        let name = format!("FAILURE_KIND_{}", kind.as_str().to_uppercase());
        assert_eq!(written.as_str_name(), name);
    }
    assert_eq!(
        Verification::ALL.map(|known| v1::Verification::try_from(known as i32)
            .expect("the schema has it")
            .as_str_name()),
        [
            "KECCAK256",
            "SHA256",
            "CID",
            "MISMATCH",
            "NO_COMMITMENT",
            "UNVERIFIED",
            "UID"
        ]
        .map(|name| format!("VERIFICATION_{name}"))
    );
}

/// Another version of an asset, another URI, another commitment: each is fetched on its own.
#[test]
fn every_part_of_what_is_wanted_tells_it_apart() {
    let base = wanted(SubjectKind::Asset, "data:,1", Some(B256::repeat_byte(1)));
    let mut others = vec![
        wanted(SubjectKind::Thing, "data:,1", Some(B256::repeat_byte(1))),
        wanted(SubjectKind::Asset, "data:,2", Some(B256::repeat_byte(1))),
        wanted(SubjectKind::Asset, "data:,1", Some(B256::repeat_byte(2))),
        wanted(SubjectKind::Asset, "data:,1", None),
    ];
    let mut elsewhere = base.clone();
    elsewhere.subject.chain = ChainId(1);
    let mut another = base.clone();
    another.subject.key.id = U256::from(43);
    others.extend([elsewhere, another]);
    for other in others {
        assert_ne!(base.key(), other.key(), "{other:?}");
    }
}

proptest! {
    #[test]
    fn every_observation_survives_its_encoding(
        chain in any::<u64>(), contract in any::<[u8; 20]>(), id in any::<[u8; 32]>(), uri in ".{0,80}", tries in any::<u32>(),
        commitment in proptest::option::of(any::<[u8; 32]>()), content in any::<Vec<u8>>(), which in 0usize..60, at in any::<u64>(),
    ) {
        let print = fingerprint(content.len() as u64);
        let outcome = match which % 2 {
            0 => Outcome::Document(Document {
                content: content.into(),
                fingerprint: print,
                verification: Verification::ALL[which % 7],
            }),
            _ => Outcome::Failed(Failure {
                kind: FailureKind::ALL[which / 2 % FailureKind::ALL.len()],
                detail: uri.clone(),
                fingerprint: (which > 8).then_some(print),
            }),
        };
        let subject = Subject { chain: ChainId(chain), kind: SubjectKind::Asset, key: TokenRef::new(contract.into(), U256::from_be_bytes(id)) };
        let wanted = Wanted { subject, uri, commitment: commitment.map(B256::from) };
        let record = Observation { wanted, observed_at_ms: at, tries, outcome };
        prop_assert_eq!(decode(CURRENT_VERSION, &encode(&record)).unwrap(), record);
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode(CURRENT_VERSION, &bytes);
    }
}
