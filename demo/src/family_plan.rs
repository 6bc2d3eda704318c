//! The family tree as an economy: who registers, licenses, derives, shares, contributes and pays, in which order.
//!
//! Lineage, publishers and licences are those of the tree; everything about money and people is drawn from the seed. The same seed gives
//! the same plan, to the byte. Never does I/O, never reads a clock. Start at [`plan`].

#![deny(clippy::disallowed_methods)]

mod market;
mod offers;
mod traders;
mod work;

use alloy::primitives::{B256, keccak256};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use souk_contracts::dev;
use souk_schema::event::Relation;

use crate::action::{AccountNo, Action, AssetNo, Derivation, Economy, Edge, NewAsset, Stage, Step, TermsNo};
use crate::cast::Account;
use crate::events::EventCounts;
use crate::family::{Entry, Family};
use crate::licences::UnknownLicence;
use market::Market;
use offers::Offers;
use traders::Traders;
pub use traders::{PlannedMarket, TICK_MICROS, Traded, Trading};
use work::{Drawn, Working};

/// What each account gets to spend, in millionths of a test dollar.
const PURSE_MICROS: u64 = 50_000_000_000_000;
/// Assets that one transaction registers at most; their metadata is stored on chain, so they take much gas.
const ASSETS_PER_STEP: usize = 12;

/// People and firms of the demo that published nothing.
const INVESTORS: [&str; 8] = [
    "Aurora Ventures",
    "Baobab Capital",
    "Cedar Street Fund",
    "Delta Pension Trust",
    "Ember Angels",
    "Fjord Holdings",
    "Garnet Partners",
    "Harbour Endowment",
];
const CONTRIBUTORS: [&str; 12] = [
    "Amara", "Bilal", "Chiara", "Dmitri", "Esther", "Farid", "Grace", "Hiroshi", "Ines", "Jamal", "Katya", "Leila",
];
const CUSTOMERS: [&str; 6] = [
    "Nimbus Cloud",
    "Orchard Health",
    "Pelican Logistics",
    "Quartz Bank",
    "Raven Media",
    "Saffron Foods",
];

/// Assets that show something when looked at.
const EXAMPLES: [&str; 8] = [
    "neuralpipe-7b-slerp",
    "zephyr-7b-beta-gguf",
    "all-minilm-l6-v2",
    "smolvlm",
    "hugging-chat",
    "wikichat",
    "common-crawl",
    "mistral-7b",
];

/// All transactions of an economy.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who and under which terms.
    pub economy: Economy,
    /// What, in order.
    pub stages: Vec<Stage>,
    /// Who trades what on the exchange afterwards.
    pub trading: Trading,
}

impl Plan {
    /// Number of assets that it registers.
    pub fn assets(&self) -> usize {
        self.steps()
            .map(|step| match &step.action {
                Action::Register(assets) => assets.len(),
                _ => 0,
            })
            .sum()
    }

    /// The events that it makes.
    pub fn events(&self) -> EventCounts {
        self.steps().fold(EventCounts::default(), |sum, step| {
            sum + step.events(&self.economy.terms)
        })
    }

    /// Display name of an asset.
    pub fn asset_name(&self, asset: AssetNo) -> Option<&str> {
        let mut before = 0;
        for step in self.steps() {
            let Action::Register(assets) = &step.action else {
                continue;
            };
            let place = usize::try_from(asset - before).ok()?;
            match assets.get(place) {
                Some(found) => return Some(&found.name),
                None => before += assets.len() as AssetNo,
            }
        }
        None
    }

    /// All transactions in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flat_map(|stage| &stage.steps)
    }
}

/// The demo economy of a seed.
///
/// # Errors
/// [`UnknownLicence`] when an entry of the tree has a licence that the demo cannot read as terms.
pub fn plan(seed: u64, family: &Family) -> Result<Plan, UnknownLicence> {
    let edition = format!("family-{seed}");
    let mut rng = ChaCha12Rng::from_seed(keccak256(&edition).0);
    let cast = Cast::of(&edition, family);
    let offers = Offers::draw(family, &cast.owners, &mut rng)?;
    let mut market = Market::new(family, &cast, &offers, &mut rng);
    let traders = Traders::new(&edition, &cast, market.issues(), &offers);
    let mut stages = vec![
        stage("accounts", purses(cast.officers.start)),
        Stage {
            name: "assets".into(),
            ordered: true,
            steps: registrations(family, &cast, &edition, &market.contributor_shares_e8),
        },
        stage("licence terms", offers.register(cast.customers.start)),
        stage("offers", offers.attach(&cast.owners)),
        stage("licences", offers.licences(family, &cast.owners)),
    ];
    stages.extend(lineage(family, &cast, &offers));
    stages.push(stage("versions", versions(family, &cast, &edition, &market.versioned)));
    stages.extend(market.stages());
    stages.extend(traders.stages());
    let owners = market.last_owners();
    let Drawn {
        stages: work,
        mut points,
    } = Working::new(&edition, family, &cast, &offers, market.issues(), owners).stages();
    if let Some((creator, nonce)) = &mut points {
        let before = stages.iter().flat_map(|stage| &stage.steps);
        *nonce += before.filter(|step| step.from == *creator).count() as u64;
    }
    stages.extend(work);
    let first = &family.entries()[0];
    let economy = Economy {
        first_asset: (cast.owners[0], content_hash(&metadata(first, &edition, 1))),
        examples: EXAMPLES
            .iter()
            .filter_map(|slug| Some(((*slug).into(), family.find(slug)? as AssetNo)))
            .collect(),
        edition,
        accounts: cast.accounts,
        officers: cast.officers,
        points,
        terms: offers.terms,
    };
    Ok(Plan {
        economy,
        stages,
        trading: traders.trading,
    })
}

/// Who is who: publishers first, in order of their first publication.
struct Cast {
    accounts: Vec<Account>,
    /// Owner of each entry of the tree.
    owners: Vec<AccountNo>,
    investors: std::ops::Range<AccountNo>,
    contributors: std::ops::Range<AccountNo>,
    customers: std::ops::Range<AccountNo>,
    makers: std::ops::Range<AccountNo>,
    takers: std::ops::Range<AccountNo>,
    /// Admin, judge and relayer of a dev chain's contracts, in this order.
    officers: std::ops::Range<AccountNo>,
}

impl Cast {
    fn of(edition: &str, family: &Family) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut owners = Vec::with_capacity(family.entries().len());
        for entry in family.entries() {
            let known = names.iter().position(|name| *name == entry.publisher);
            owners.push(known.unwrap_or_else(|| {
                names.push(&entry.publisher);
                names.len() - 1
            }));
        }
        let mut group = |members: &[&'static str]| {
            names.extend(members);
            names.len() - members.len()..names.len()
        };
        let (investors, contributors, customers) = (group(&INVESTORS), group(&CONTRIBUTORS), group(&CUSTOMERS));
        let (makers, takers) = (group(&traders::MAKERS), group(&traders::TAKERS));
        let mut accounts: Vec<Account> = names
            .into_iter()
            .enumerate()
            .map(|(number, name)| Account::derive(edition, number, name))
            .collect();
        let officers = [
            (dev::ADMIN_KEY, "Admin"),
            (dev::JUDGE_KEY, "Judge"),
            (dev::RELAYER_KEY, "Relayer"),
        ];
        accounts.extend(officers.map(|(key, name)| Account::with_key(key, name)));
        Self {
            officers: accounts.len() - officers.len()..accounts.len(),
            accounts,
            owners,
            investors,
            contributors,
            customers,
            makers,
            takers,
        }
    }
}

fn stage(name: impl Into<String>, steps: Vec<Step>) -> Stage {
    Stage {
        name: name.into(),
        ordered: false,
        steps,
    }
}

fn purses(accounts: usize) -> Vec<Step> {
    (0..accounts)
        .flat_map(|account| {
            [
                Step::new(account, Action::MakeDollars(PURSE_MICROS)),
                Step::new(account, Action::ApproveRouter),
            ]
        })
        .collect()
}

/// In order of publication; a run of one publisher's assets shares a transaction.
fn registrations(family: &Family, cast: &Cast, edition: &str, contributor_shares_e8: &[u32]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, entry) in family.entries().iter().enumerate() {
        let owner = cast.owners[number];
        let document = metadata(entry, edition, 1);
        let asset = NewAsset {
            owner,
            kind: entry.kind,
            name: entry.name.clone(),
            content_hash: content_hash(&document),
            metadata_uri: data_uri(&document),
            contributor_share_e8: contributor_shares_e8[number],
        };
        match steps.last_mut() {
            Some(Step {
                from,
                action: Action::Register(assets),
                ..
            }) if *from == owner && assets.len() < ASSETS_PER_STEP => {
                assets.push(asset);
            }
            _ => steps.push(Step::new(owner, Action::Register(vec![asset]))),
        }
    }
    steps
}

/// One stage per generation: an asset declares parents only while it has no children, so parents come before their children.
fn lineage(family: &Family, cast: &Cast, offers: &Offers) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut attached = offers.attached_terms();
    let mut binding: Vec<Vec<TermsNo>> = vec![Vec::new(); family.entries().len()];
    for generation in 0..=family.depth() {
        let mut steps = Vec::new();
        for (number, entry) in family.entries().iter().enumerate() {
            if family.generation(number) != generation {
                continue;
            }
            if !entry.foreign.is_empty() {
                let parents = entry
                    .foreign
                    .iter()
                    .map(|parent| (foreign_id(&parent.name), parent.relation))
                    .collect();
                steps.push(Step::new(
                    cast.owners[number],
                    Action::DeriveForeign(number as AssetNo, parents),
                ));
            }
            let edges = edges(number, family, offers);
            if edges.is_empty() {
                continue;
            }
            let mut inherited_terms = 0;
            for terms in offers.binding_terms(&edges, &binding) {
                if !attached[number].contains(&terms) {
                    attached[number].push(terms);
                    inherited_terms += 1;
                }
                binding[number].push(terms);
            }
            let action = Action::Derive(vec![Derivation {
                child: number as AssetNo,
                edges,
            }]);
            steps.push(Step {
                from: cast.owners[number],
                action,
                inherited_terms,
            });
        }
        if !steps.is_empty() {
            stages.push(stage(format!("lineage, generation {generation}"), steps));
        }
    }
    stages
}

fn edges(child: usize, family: &Family, offers: &Offers) -> Vec<Edge> {
    let parents: &[(usize, Relation)] = family.parents(child);
    parents
        .iter()
        .zip(&offers.edge_licences[child])
        .map(|(&(parent, relation), &licence)| Edge {
            parent: parent as AssetNo,
            relation,
            licence,
        })
        .collect()
}

/// New versions of some assets; the second says that it is the second.
fn versions(family: &Family, cast: &Cast, edition: &str, versioned: &[(usize, u32)]) -> Vec<Step> {
    versioned
        .iter()
        .map(|&(number, version)| {
            let document = metadata(&family.entries()[number], edition, version);
            let added = (number as AssetNo, content_hash(&document), data_uri(&document));
            Step::new(cast.owners[number], Action::AddVersions(vec![added]))
        })
        .collect()
}

/// The metadata document of a version of an entry, as JSON with sorted keys.
fn metadata(entry: &Entry, edition: &str, version: u32) -> String {
    serde_json::json!({
        "description": entry.about,
        "economy": edition,
        "licence": entry.licence,
        "name": entry.name,
        "publisher": entry.publisher,
        "reference": entry.reference,
        "slug": entry.slug,
        "version": version,
        "year": entry.year,
    })
    .to_string()
}

/// The commitment to a metadata document: the hash of its bytes.
fn content_hash(document: &str) -> B256 {
    keccak256(document)
}

/// The document as a `data:` URI (RFC 2397), percent-encoded where RFC 3986 asks for it.
fn data_uri(document: &str) -> String {
    let mut uri = String::from("data:application/json,");
    for byte in document.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b':' | b',' | b'(' | b')' | b'/' | b'!' | b'*' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// A made-up CAIP-19 id for something that was never published: as if it were a token on Ethereum.
fn foreign_id(name: &str) -> String {
    let hash = keccak256(name);
    format!(
        "eip155:1/erc721:0x{}/{}",
        alloy::hex::encode(&hash[..20]),
        u16::from_be_bytes([hash[20], hash[21]])
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventKind;
    use crate::rules::Rules;
    use crate::work::Work;

    fn family() -> Family {
        Family::embedded().unwrap()
    }

    fn fingerprint(plan: &Plan) -> B256 {
        keccak256(format!("{plan:?}"))
    }

    #[test]
    fn a_seed_gives_one_plan_to_the_byte() {
        let family = family();
        let one = fingerprint(&plan(7, &family).unwrap());
        assert_eq!(one, fingerprint(&plan(7, &family).unwrap()));
        assert_ne!(one, fingerprint(&plan(8, &family).unwrap()));
    }

    #[test]
    fn the_contracts_rules_admit_every_step_of_many_seeds() {
        let family = family();
        for seed in 0..20 {
            let plan = plan(seed, &family).unwrap();
            let mut rules = Rules::new(&plan.economy);
            for step in plan.steps() {
                let made = rules
                    .apply(step)
                    .unwrap_or_else(|broken| panic!("seed {seed}: {}: {broken}", step.action));
                assert_eq!(made, step.events(&plan.economy.terms), "seed {seed}: {}", step.action);
            }
        }
    }

    #[test]
    fn the_rules_refuse_a_plan_without_licences_consent_or_rulings_and_one_with_royalties_over_the_whole() {
        let family = family();
        let broken = |plan: &Plan| {
            let mut rules = Rules::new(&plan.economy);
            plan.steps().find_map(|step| rules.apply(step).err())
        };
        let mut unlicensed = plan(1, &family).unwrap();
        unlicensed.stages.retain(|stage| stage.name != "licences");
        assert_eq!(broken(&unlicensed).as_deref(), Some("a good licence is held"));
        let mut unasked = plan(1, &family).unwrap();
        for stage in &mut unasked.stages {
            stage
                .steps
                .retain(|step| !matches!(step.action, Action::Work(Work::LetRecord(..))));
        }
        assert_eq!(broken(&unasked).as_deref(), Some("the board may record for the asset"));
        let mut unjudged = plan(1, &family).unwrap();
        unjudged.stages.retain(|stage| !stage.name.starts_with("rulings"));
        assert_eq!(broken(&unjudged).as_deref(), Some("the dispute is as far as that"));
        let mut greedy = plan(1, &family).unwrap();
        for terms in greedy
            .economy
            .terms
            .iter_mut()
            .filter(|terms| terms.revenue_share_e8 > 0)
        {
            terms.revenue_share_e8 = 60_000_000;
        }
        assert_eq!(broken(&greedy).as_deref(), Some("royalties are at most 100%"));
    }

    #[test]
    fn the_plan_has_everything_that_the_demo_shows() {
        let plan = plan(1, &family()).unwrap();
        let events = plan.events();
        for kind in EventKind::ALL {
            assert!(events.get(*kind) > 0, "no {kind:?}");
        }
        assert!(events.get(EventKind::RevenueReceived) > 500, "{events:?}");
        assert!(events.get(EventKind::ContributionRecorded) > 500, "{events:?}");
        assert!(events.get(EventKind::SharesIssued) > 40, "{events:?}");
        assert!((8_000..9_000).contains(&events.total()), "{events:?}");
        assert_eq!(plan.assets(), family().entries().len());
        assert_eq!(plan.economy.examples.len(), EXAMPLES.len());
    }

    #[test]
    fn all_edges_of_the_tree_are_declared() {
        let family = family();
        let plan = plan(1, &family).unwrap();
        let mut declared = 0;
        for step in plan.steps() {
            let Action::Derive(derivations) = &step.action else {
                continue;
            };
            for Derivation { child, edges } in derivations {
                let child = *child as usize;
                let said: Vec<_> = edges.iter().map(|edge| (edge.parent as usize, edge.relation)).collect();
                assert_eq!(said, family.parents(child));
                declared += said.len();
            }
        }
        let edges: usize = (0..family.entries().len())
            .map(|number| family.parents(number).len())
            .sum();
        assert_eq!(declared, edges);
    }

    #[test]
    fn metadata_survives_its_uri() {
        let family = family();
        let entry = &family.entries()[family.find("yago-4").unwrap()];
        let document = metadata(entry, "family-1", 1);
        let uri = data_uri(&document);
        assert!(uri.is_ascii() && !uri.contains(['"', ' ', '#', '{']));
        let encoded = uri.strip_prefix("data:application/json,").unwrap();
        let mut bytes = Vec::new();
        let mut rest = encoded.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let pair = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap()
                }
                plain => plain,
            });
        }
        assert_eq!(String::from_utf8(bytes).unwrap(), document);
    }

    #[test]
    fn foreign_ids_are_caip_19() {
        let id = foreign_id("GPT-4");
        let parsed: souk_schema::caip::AssetId = id.parse().unwrap();
        assert_eq!(parsed.to_string().to_lowercase(), id.to_lowercase());
    }
}
