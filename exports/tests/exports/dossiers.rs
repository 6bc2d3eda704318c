//! Dossiers made by hand: one with everything, one with nothing but the registration, one of which a stranger wrote every text, a huge one.

use alloy_primitives::{Address, B256, U256, address};
use souk_exports::dossier::*;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{
    AssetKind, ContributionRole, ExecutionKind, LicenseTerms, PrivacyMode, Relation, RevenueReason, RoyaltyPolicy,
};
use souk_schema::{BlockRef, ChainId, E8, TokenRef, TokenStandard};

pub const CHAIN: ChainId = ChainId(31337);
pub const REGISTRY: Address = address!("0x00000000000000000000000000000000000000a1");
const OTHER: Address = address!("0x00000000000000000000000000000000000000b2");

/// Text that a stranger could write to break what is made of it.
pub const HOSTILE: [&str; 12] = [
    "",
    "\0\0\u{7}",
    "a\0b\u{1b}[31mc\u{202e}d\u{feff}\u{ffff}",
    "\"}], \"@context\": \"http://evil.example/\", \"x\": [{\"",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "https://exa mple.org/<>\"{}|\\^`%zz#a#b",
    "https://example.org/a b?c=[d]#e f",
    "ipfs://bafy/\u{1F600}/ü",
    "cr:recordSet",
    "_:b0",
    "\u{2028}\n\r\t'; DROP TABLE assets; --",
];

pub fn account(number: u64) -> Address {
    Address::left_padding_from(&number.to_be_bytes())
}

pub fn hash(number: u64) -> B256 {
    B256::from(U256::from(number).wrapping_mul(U256::MAX / U256::from(7u8)))
}

pub fn token(number: u64) -> TokenRef {
    TokenRef::new(OTHER, U256::from(number))
}

pub fn asset(number: u64) -> EvmAssetId {
    EvmAssetId {
        chain: CHAIN,
        standard: TokenStandard::Erc721,
        token: TokenRef::new(REGISTRY, U256::from(number)),
    }
}

pub fn event(number: u64) -> EventRef {
    EventRef {
        chain: CHAIN,
        block: BlockRef {
            number,
            hash: hash(number),
        },
        transaction: hash(number + 1),
        log_index: u32::try_from(number % 7).expect("small"),
        time_secs: 1_738_324_800 + number,
    }
}

pub fn snapshot() -> Snapshot {
    Snapshot {
        chain: CHAIN,
        block: BlockRef {
            number: 9_999,
            hash: hash(9_999),
        },
        time_secs: 1_738_400_000,
    }
}

pub fn terms(spdx_id: &str, uri: &str) -> LicenseTerms {
    LicenseTerms {
        commercial_use: true,
        derivatives_allowed: true,
        reciprocal: false,
        transferable: true,
        royalty_policy: RoyaltyPolicy::Lap,
        revenue_share: E8::from_parts(5_000_000).expect("5%"),
        minting_fee: U256::from(1_000_000u64),
        currency: account(70),
        duration_secs: 86_400,
        supply_cap: 0,
        uri: uri.to_string(),
        spdx_id: spdx_id.to_string(),
    }
}

pub fn license(number: u64, spdx_id: &str, uri: &str) -> License {
    License {
        registry: OTHER,
        terms_id: U256::from(number),
        terms: terms(spdx_id, uri),
        attached: event(20 + number),
    }
}

pub fn edge(child: u64, parent: u64, relation: Relation) -> Derivation {
    Derivation {
        child: AssetId::Evm(asset(child)),
        parent: AssetId::Evm(asset(parent)),
        relation,
        status: DerivationStatus::Declared,
        execution: None,
        declared: event(child * 10 + parent),
    }
}

pub fn node(number: u64, kind: Option<AssetKind>, name: &str) -> Node {
    Node {
        id: AssetId::Evm(asset(number)),
        kind,
        name: Some(name.to_string()),
        version: Some(2),
        content_hash: Some(hash(number)),
        metadata_uri: Some(format!("ipfs://bafy{number}/metadata.json")),
    }
}

/// Nothing but the registration.
pub fn bare(kind: AssetKind) -> Dossier {
    Dossier {
        snapshot: snapshot(),
        asset: Asset {
            id: asset(1),
            kind,
            name: "Bare".to_string(),
            description: None,
            stated_licence: None,
            page: None,
            creator: account(1),
            owner: None,
            registered: event(1),
            versions: Vec::new(),
        },
        shares: None,
        licenses: Vec::new(),
        contributions: Vec::new(),
        lineage: Lineage::default(),
        executions: Vec::new(),
        tasks: Vec::new(),
        revenues: Vec::new(),
    }
}

/// Something of everything. Asset 1 is the dossier's; 2 and 3 are datasets, 4 is the base model, 5 an agent that calls it, 6 is unknown.
pub fn full(kind: AssetKind) -> Dossier {
    let mut dossier = bare(kind);
    dossier.asset.name = "Weather of Ünterägeri".to_string();
    dossier.asset.description = Some("Hourly weather, cleaned.".to_string());
    dossier.asset.page = Some("https://souk.example/assets/1".to_string());
    dossier.asset.owner = Some(account(2));
    dossier.asset.versions = vec![version(1), version(2)];
    dossier.shares = Some(Shares {
        token: token(1),
        supply: U256::from(1_000_000u64),
        issued: event(5),
        holders: vec![
            Holding {
                account: account(3),
                amount: U256::from(400_000u64),
            },
            Holding {
                account: account(4),
                amount: U256::MAX,
            },
        ],
    });
    dossier.licenses = vec![
        license(1, "MIT", "https://example.org/mit"),
        license(2, "Our own terms", "https://example.org/terms"),
    ];
    dossier.contributions = [ContributionRole::Collect, ContributionRole::Label]
        .into_iter()
        .zip(1..)
        .map(|(role, number)| Contribution {
            id: token(number),
            contributor: account(10 + number),
            role,
            weight: U256::from(number),
            evidence_hash: hash(number),
            recorded: event(30 + number),
        })
        .collect();
    dossier.lineage = lineage();
    dossier.executions = executions();
    dossier.tasks = vec![task()];
    dossier.revenues = vec![Revenue {
        id: token(1),
        payer: account(40),
        token: account(70),
        amount: U256::MAX,
        reason: RevenueReason::Inference,
        received: event(60),
    }];
    dossier
}

fn version(number: u32) -> Version {
    let at = u64::from(number);
    Version {
        number,
        content_hash: hash(at),
        metadata_uri: format!("ipfs://bafy1/{number}.json"),
        files: vec![
            ContentFile {
                name: "hourly.csv".to_string(),
                url: "https://example.org/hourly.csv".to_string(),
                sha256: Some(hash(100 + at)),
                media_type: Some("text/csv; charset=utf-8".to_string()),
                size_bytes: Some(12_345),
            },
            ContentFile {
                name: "stations".to_string(),
                url: "ipfs://bafy1/stations".to_string(),
                sha256: Some(hash(200 + at)),
                media_type: None,
                size_bytes: None,
            },
            ContentFile {
                name: "unchecked.bin".to_string(),
                url: "https://example.org/unchecked.bin".to_string(),
                sha256: None,
                media_type: None,
                size_bytes: Some(1),
            },
        ],
        declared: event(at),
    }
}

fn lineage() -> Lineage {
    let mut edges = vec![
        edge(1, 2, Relation::TrainedOn),
        edge(1, 2, Relation::EvaluatedOn),
        edge(1, 3, Relation::LabelledFrom),
        edge(1, 4, Relation::FinetunedFrom),
        edge(4, 3, Relation::TrainedOn),
        edge(5, 1, Relation::PoweredBy),
        edge(1, 6, Relation::MirrorOf),
    ];
    edges[3].status = DerivationStatus::Evidenced;
    edges[3].execution = Some(token(1));
    edges.push(Derivation {
        child: AssetId::Evm(asset(4)),
        parent: AssetId::Other("cosmos:cosmoshub-3/nft:punks/7".to_string()),
        relation: Relation::DerivedFrom,
        status: DerivationStatus::Disputed,
        execution: None,
        declared: event(99),
    });
    Lineage {
        truncated: true,
        nodes: vec![
            node(2, Some(AssetKind::Dataset), "Raw weather"),
            node(3, Some(AssetKind::Dataset), "Stations"),
            node(4, Some(AssetKind::Model), "Base"),
            node(5, Some(AssetKind::Agent), "Forecaster"),
        ],
        edges,
    }
}

pub fn execution(number: u64, run: u64, kind: ExecutionKind, outcome: Outcome) -> Execution {
    Execution {
        id: token(number),
        asset: asset(run),
        caller: None,
        parent: None,
        kind,
        privacy: PrivacyMode::None,
        epsilon_micros: 0,
        requester: account(20),
        provider: account(21),
        datasets: Vec::new(),
        input_hash: hash(number),
        requested: event(40 + number),
        outcome,
        challenges: Vec::new(),
    }
}

fn executions() -> Vec<Execution> {
    let completed = |at: u64, output: Option<u64>| Outcome::Completed {
        output: output.map(asset),
        output_hash: hash(at),
        metered_units: 77,
        completed: event(50 + at),
    };
    let mut fine_tuning = execution(1, 4, ExecutionKind::FineTuning, completed(1, Some(1)));
    fine_tuning.datasets = vec![asset(2), asset(3)];
    fine_tuning.privacy = PrivacyMode::DifferentialPrivacy;
    fine_tuning.epsilon_micros = 250_000;
    fine_tuning.challenges = vec![
        Challenge {
            id: token(1),
            challenger: account(22),
            raised: event(55),
            resolved: Some(Resolution {
                upheld: false,
                event: event(56),
            }),
        },
        Challenge {
            id: token(2),
            challenger: account(22),
            raised: event(57),
            resolved: None,
        },
    ];
    let mut call = execution(2, 5, ExecutionKind::Inference, completed(2, None));
    call.caller = Some(asset(1));
    let mut within = execution(3, 1, ExecutionKind::Inference, Outcome::Pending);
    within.caller = Some(asset(5));
    within.parent = Some(token(2));
    let cancelled = Outcome::Cancelled { cancelled: event(58) };
    vec![
        fine_tuning,
        call,
        within,
        execution(4, 1, ExecutionKind::Evaluation, cancelled),
    ]
}

fn task() -> Task {
    let submission = |number: u64, accepted| Submission {
        id: token(number),
        worker: account(30 + number),
        content_hash: hash(number),
        content_uri: format!("ipfs://bafywork/{number}"),
        accepted,
        submitted: event(70 + number),
    };
    Task {
        id: token(1),
        poster: account(2),
        role: ContributionRole::Label,
        spec_hash: hash(5),
        spec_uri: "https://example.org/task".to_string(),
        posted: event(70),
        closed: Some(event(80)),
        submissions: vec![
            submission(1, Some(true)),
            submission(2, Some(false)),
            submission(3, None),
        ],
    }
}

/// A full dossier whose every text was written by a stranger, with numbers at their ends and a lineage that runs in circles.
pub fn hostile(kind: AssetKind) -> Dossier {
    let mut dossier = full(kind);
    let text = |number: usize| HOSTILE[number % HOSTILE.len()].to_string();
    dossier.asset.name = text(1);
    dossier.asset.description = Some(text(3));
    dossier.asset.page = Some(text(6));
    for (number, version) in dossier.asset.versions.iter_mut().enumerate() {
        version.metadata_uri = text(5 + number);
        for (at, file) in version.files.iter_mut().enumerate() {
            file.name = text(at + 1);
            file.url = text(7 + at);
            file.media_type = Some(text(at + 2));
        }
    }
    dossier.licenses = (0..HOSTILE.len())
        .map(|number| license(number as u64, &text(number), &text(number + 1)))
        .collect();
    for (number, node) in dossier.lineage.nodes.iter_mut().enumerate() {
        node.name = Some(text(number));
        node.metadata_uri = Some(text(number + 4));
    }
    for (number, hostile) in HOSTILE.iter().enumerate() {
        let mut edge = edge(1, 1, Relation::ALL[number % Relation::ALL.len()]);
        edge.parent = AssetId::Other(hostile.to_string());
        dossier.lineage.edges.push(edge.clone());
        (edge.child, edge.parent) = (edge.parent, edge.child);
        dossier.lineage.edges.push(edge);
    }
    dossier.lineage.edges.push(edge(1, 1, Relation::DerivedFrom));
    dossier.lineage.edges.push(edge(2, 1, Relation::FinetunedFrom));
    dossier.executions[1].parent = Some(token(2));
    dossier.executions[1].caller = Some(asset(5));
    dossier.contributions[0].id = TokenRef::new(OTHER, U256::MAX);
    dossier.tasks[0].spec_uri = text(5);
    for (number, submission) in dossier.tasks[0].submissions.iter_mut().enumerate() {
        submission.content_uri = text(number + 2);
    }
    dossier
}

/// A chain of derivations with a wide fan at each link: `size` parents, each of which has the next as parent.
pub fn huge(kind: AssetKind, size: u64) -> Dossier {
    let mut dossier = full(kind);
    for number in 10..10 + size {
        let kind = AssetKind::ALL[(number % 7) as usize];
        dossier
            .lineage
            .nodes
            .push(node(number, Some(kind), &format!("Ancestor {number}")));
        dossier
            .lineage
            .edges
            .push(edge(1, number, Relation::ALL[(number % 12) as usize]));
        dossier
            .lineage
            .edges
            .push(edge(number, number + 1, Relation::MergedFrom));
        dossier.contributions.push(Contribution {
            id: token(number),
            contributor: account(number % 50),
            role: ContributionRole::Curate,
            weight: U256::from(number),
            evidence_hash: hash(number),
            recorded: event(number),
        });
        dossier
            .executions
            .push(execution(number, number, ExecutionKind::Training, Outcome::Pending));
    }
    dossier
}
