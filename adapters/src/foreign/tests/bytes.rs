//! Data that no honest contract emits: cut, overlong, random, and logs whose fields are indexed otherwise.

use alloy::sol;
use alloy_primitives::{U256, keccak256};

use super::variants::{DECLARATIONS, log as declared};
use super::{ALICE, BOB, HASH, at, decoder, log, meaning, raw};

sol! {
    event IPRegistered(address ipId, uint256 indexed chainId, address indexed tokenContract, uint256 indexed tokenId, string name, string uri, uint256 registrationDate);
    event DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint256[] licenseTermsIds, address licenseTemplate);
    event RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount, uint256 amountAfterFee);
    event Claimed(address indexed account, address indexed reward, uint256 amount);
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
}

/// A fixed sequence of numbers that look random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

#[test]
fn data_that_is_cut_within_its_heads_means_nothing() {
    for (contract, _, declaration) in DECLARATIONS {
        let whole = declared(*contract, declaration);
        let mut cut = whole.clone();
        cut.data = whole.data.slice(..whole.data.len().saturating_sub(1) / 2);
        if cut.data.len() < whole.data.len() {
            assert!(meaning(&cut).starts_with("undecodable"), "{declaration}");
        }
    }
}

/// Seeds are fixed: what fails once fails again.
#[test]
fn false_data_of_any_kind_never_panics() {
    let (decoder, mut numbers) = (decoder(), Numbers(0x5eed));
    for (contract, _, declaration) in DECLARATIONS {
        let whole = declared(*contract, declaration);
        for round in 0..300 {
            let mut log = whole.clone();
            let mut data = whole.data.to_vec();
            match round % 5 {
                0 => data.truncate(numbers.below(data.len() + 1)),
                1 => data = (0..numbers.below(512)).map(|_| numbers.next() as u8).collect(),
                2 if !data.is_empty() => {
                    // A word becomes an offset, a length or a number beyond everything.
                    let start = numbers.below(data.len() / 32) * 32;
                    let huge = [U256::MAX, U256::from(u64::MAX), U256::from(1u64 << 40), U256::ZERO];
                    data[start..start + 32].copy_from_slice(&huge[numbers.below(4)].to_be_bytes::<32>());
                }
                3 if !data.is_empty() => {
                    for _ in 0..8 {
                        let place = numbers.below(data.len());
                        data[place] = numbers.next() as u8;
                    }
                }
                _ => log.topics.truncate(1 + numbers.below(log.topics.len())),
            }
            log.data = data.into();
            // Whether it means something or not, it ends, and what it means can be written.
            if let Ok(events) = decoder.decode(&log) {
                assert!(events.len() <= 2);
                assert!(serde_json::to_vec(&events).unwrap().len() < (8 << 20));
            }
        }
    }
}

/// A list that says that it has 2^40 entries is refused before anything is set aside for them.
#[test]
fn a_false_length_costs_nothing() {
    let mut words: Vec<U256> = [128u64, 128, 128, 7, 1 << 40].into_iter().map(U256::from).collect();
    words.extend([U256::from(1); 8]);
    let data = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
    let topics = declared(0x13, DECLARATIONS[6].2).topics;
    let found = meaning(&raw(0x13, topics, data));
    assert!(found.starts_with("undecodable"), "{found}");
}

#[test]
fn lists_and_texts_are_bounded() {
    let derivative = |parents: usize| DerivativeRegistered {
        caller: ALICE,
        childIpId: BOB,
        licenseTokenIds: vec![],
        parentIpIds: (0..parents).map(|n| at(n as u8)).collect(),
        licenseTermsIds: vec![],
        licenseTemplate: ALICE,
    };
    let found = meaning(&log(0x13, &derivative(1025)));
    assert_eq!(
        found,
        "undecodable: `parentIpIds` has 1025 entries, and at most 1024 are kept"
    );
    // A parent that is named once for each licence is one parent.
    assert_eq!(
        meaning(&log(0x13, &derivative(1024))).matches("story_ip").count(),
        1 + 256
    );
    let agent = |uri: String| Registered {
        agentId: U256::ONE,
        agentURI: uri,
        owner: ALICE,
    };
    let found = meaning(&log(0x20, &agent("x".repeat((1 << 16) + 1))));
    assert_eq!(
        found,
        "undecodable: `agentURI` is 65537 bytes long, and at most 65536 are kept"
    );
    let found = meaning(&log(0x20, &agent("nul\0".into())));
    assert_eq!(
        found,
        "undecodable: `agentURI` holds a NUL character, which cannot be kept"
    );
    let found = meaning(&log(0x20, &agent("x".repeat(2 << 20))));
    assert!(found.starts_with("undecodable: 2097216 bytes of data"), "{found}");
}

#[test]
fn what_cannot_be_true_is_refused() {
    let paid = RoyaltyPaid {
        receiverIpId: ALICE,
        payerIpId: BOB,
        sender: BOB,
        token: BOB,
        amount: U256::from(5),
        amountAfterFee: U256::from(6),
    };
    assert_eq!(meaning(&log(0x14, &paid)), "undecodable: 6 is left of a payment of 5");
    let registered = IPRegistered {
        ipId: ALICE,
        chainId: U256::MAX,
        tokenContract: BOB,
        tokenId: U256::ONE,
        name: String::new(),
        uri: String::new(),
        registrationDate: U256::ZERO,
    };
    assert!(meaning(&log(0x10, &registered)).contains("is no chain that an IP's token can be on"));
}

/// Same name and same types, but another number of indexed fields: it is said, not guessed.
#[test]
fn a_variant_with_other_topics_is_not_read_as_one_that_is_known() {
    let mut wrong = declared(
        0x30,
        "Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID)",
    );
    wrong.topics.pop();
    let found = meaning(&wrong);
    assert!(
        found.contains("has 3 topics and not 4: its fields are indexed as in no variant that is known"),
        "{found}"
    );
    // Of the schema registry's event two such variants are known.
    for declaration in [
        "Registered(bytes32 indexed uid, address indexed registerer)",
        "Registered(bytes32 indexed uid, address registerer)",
    ] {
        assert!(meaning(&declared(0x31, declaration)).contains("attestation_schema_registered"));
    }
}

/// Morpho's and Merkl's claims are one event: only the address says how the leaf was hashed.
#[test]
fn an_address_tells_one_distributor_from_the_other() {
    let claimed = Claimed {
        account: ALICE,
        reward: BOB,
        amount: U256::from(7),
    };
    assert!(meaning(&log(0x60, &claimed)).contains(r#""leaf_hash":"double""#));
    assert!(meaning(&log(0x61, &claimed)).contains(r#""leaf_hash":"single""#));
}

/// The published interface of a data NFT names another topic0 than the one that is emitted.
#[test]
fn the_event_of_oceans_published_interface_is_none_of_its_contracts() {
    let of_interface = keccak256("MetadataCreated(address,uint8,string,bytes,bytes,string,uint256,uint256)");
    assert!(!decoder().watched_topics().contains(&of_interface));
    assert!(!decoder().watches(&at(0x42), &[of_interface, HASH]));
}

/// A contract is watched from the log that creates it, and for what it is.
#[test]
fn factories_say_what_they_create() {
    let discovered = |contract, declaration: &str| decoder().discover(&declared(contract, declaration)).unwrap();
    for (contract, prefix, declaration) in DECLARATIONS {
        let created = discovered(*contract, declaration).map(|(address, kind)| (address, kind.as_str()));
        let expected = match *prefix {
            "8125264e" => Some((at(1), "ocean_data_nft")),
            "567699db" => Some((at(1), "ocean_datatoken")),
            "9b121abe" => Some((at(2), "story_vault")),
            _ => None,
        };
        assert_eq!(created, expected, "{declaration}");
    }
    for kind in [
        "erc20",
        "erc721",
        "erc1155",
        "ocean_data_nft",
        "ocean_datatoken",
        "story_vault",
    ] {
        assert_eq!(kind.parse::<crate::ChildKind>().unwrap().to_string(), kind);
    }
    assert!("souk".parse::<crate::ChildKind>().is_err());
}
