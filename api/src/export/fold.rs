//! A dossier of what was read: the events of an asset, folded in their order. Pure.

use std::collections::BTreeMap;

use souk_exports::dossier::{
    Asset, Challenge, Contribution, Derivation, DerivationStatus, Dossier, EventRef, Execution, Holding, License,
    Lineage, Node, Outcome, Resolution, Revenue, Shares, Snapshot, Submission, Task, Version,
};
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{AssetKind, DomainEvent, Relation};
use souk_schema::{ChainId, TokenRef, TokenStandard};

use super::load::{Edge, Happened, Known, Loaded};
use crate::error::ApiError;

/// What is folded.
#[derive(Default)]
struct Folded {
    asset: Option<Asset>,
    shares: Option<Shares>,
    licenses: Vec<License>,
    contributions: BTreeMap<TokenRef, Contribution>,
    executions: BTreeMap<TokenRef, Execution>,
    tasks: BTreeMap<TokenRef, Task>,
    revenues: Vec<Revenue>,
}

/// The dossier of an asset.
///
/// # Errors
/// `INTERNAL` for an asset whose registration is not among its events, which the tables never have.
pub fn dossier(loaded: Loaded) -> Result<Dossier, ApiError> {
    let chain = loaded.asset.chain;
    let mut folded = Folded::default();
    for happened in &loaded.events {
        folded.take_in(happened, &loaded);
    }
    let missing = || ApiError::internal(format!("{} has no event of its registration", loaded.asset));
    let mut asset = folded.asset.ok_or_else(missing)?;
    asset.owner = loaded.owner;
    if let Some(document) = loaded.document {
        asset.name = document.name.unwrap_or(asset.name);
        asset.description = document.description;
        asset.stated_licence = document.licence;
    }
    Ok(Dossier {
        snapshot: Snapshot {
            chain,
            block: loaded.block,
            time_secs: loaded.time_secs,
        },
        asset,
        shares: folded.shares.map(|shares| Shares {
            holders: loaded
                .holders
                .iter()
                .map(|&(account, amount)| Holding { account, amount })
                .collect(),
            ..shares
        }),
        licenses: folded.licenses,
        contributions: folded.contributions.into_values().collect(),
        lineage: Lineage {
            truncated: loaded.truncated,
            nodes: loaded.nodes.iter().map(|known| node(chain, known)).collect(),
            edges: loaded
                .edges
                .iter()
                .filter_map(|edge| derivation(chain, edge, &folded.executions))
                .collect(),
        },
        executions: folded.executions.into_values().collect(),
        tasks: folded.tasks.into_values().collect(),
        revenues: folded.revenues,
    })
}

fn at(chain: ChainId, happened: &Happened) -> EventRef {
    EventRef {
        chain,
        block: happened.block,
        transaction: happened.transaction,
        log_index: happened.log_index,
        time_secs: happened.time_secs,
    }
}

/// An asset of one of our registries.
fn asset_id(chain: ChainId, token: TokenRef) -> EvmAssetId {
    EvmAssetId {
        chain,
        standard: TokenStandard::Erc721,
        token,
    }
}

fn node(chain: ChainId, known: &Known) -> Node {
    let (version, content_hash, metadata_uri) = match &known.version {
        Some((version, hash, uri)) => (Some(*version), Some(*hash), Some(uri.clone())),
        None => (None, None, None),
    };
    Node {
        id: AssetId::Evm(asset_id(chain, known.token)),
        kind: AssetKind::try_from(known.kind).ok(),
        name: Some(known.name.clone()),
        version,
        content_hash,
        metadata_uri,
    }
}

/// An edge; one whose parent or relation cannot be read is left out, and so is a mirror that no more than a relayer's word speaks for: most
/// formats have no way to say that, and would tell it as a fact.
fn derivation(chain: ChainId, edge: &Edge, executions: &BTreeMap<TokenRef, Execution>) -> Option<Derivation> {
    let parent = match (edge.parent, &edge.foreign_parent) {
        (Some(parent), _) => AssetId::Evm(asset_id(chain, parent)),
        (None, Some(text)) => text.parse().ok()?,
        (None, None) => return None,
    };
    let status = match edge.status {
        1 => DerivationStatus::Evidenced,
        2 => DerivationStatus::Disputed,
        3 => return None,
        _ => DerivationStatus::Declared,
    };
    let backs = |execution: &&Execution| {
        let made_child =
            matches!(&execution.outcome, Outcome::Completed { output: Some(output), .. } if output.token == edge.child);
        let used = |parent: TokenRef| {
            execution.asset.token == parent || execution.datasets.iter().any(|dataset| dataset.token == parent)
        };
        made_child && edge.parent.is_some_and(used)
    };
    let execution = executions.values().find(backs).map(|execution| execution.id);
    Some(Derivation {
        child: AssetId::Evm(asset_id(chain, edge.child)),
        parent,
        relation: Relation::try_from(edge.relation).ok()?,
        status,
        execution: execution.filter(|_| status == DerivationStatus::Evidenced),
        declared: at(chain, &edge.declared),
    })
}

impl Folded {
    fn take_in(&mut self, happened: &Happened, loaded: &Loaded) {
        let here = at(loaded.asset.chain, happened);
        match &happened.event {
            DomainEvent::AssetRegistered { .. }
            | DomainEvent::AssetVersioned { .. }
            | DomainEvent::SharesIssued { .. }
            | DomainEvent::LicenseTermsAttached { .. } => self.asset_event(&happened.event, here, loaded),
            DomainEvent::ContributionRecorded {
                contribution,
                contributor,
                role,
                weight,
                evidence_hash,
                ..
            } => {
                let recorded = Contribution {
                    id: *contribution,
                    contributor: *contributor,
                    role: *role,
                    weight: *weight,
                    evidence_hash: *evidence_hash,
                    recorded: here,
                };
                self.contributions.insert(*contribution, recorded);
            }
            DomainEvent::ContributionVoided { contribution, .. } => _ = self.contributions.remove(contribution),
            DomainEvent::RevenueReceived {
                revenue,
                payer,
                token,
                amount,
                reason,
                ..
            } => self.revenues.push(Revenue {
                id: *revenue,
                payer: *payer,
                token: *token,
                amount: *amount,
                reason: *reason,
                received: here,
            }),
            event => {
                self.task_event(event, here);
                self.execution_event(event, here);
            }
        }
    }

    fn asset_event(&mut self, event: &DomainEvent, here: EventRef, loaded: &Loaded) {
        match event {
            DomainEvent::AssetRegistered {
                owner,
                kind,
                name,
                content_hash,
                metadata_uri,
                ..
            } => {
                self.asset = Some(Asset {
                    id: loaded.asset,
                    kind: *kind,
                    name: name.clone(),
                    description: None,
                    stated_licence: None,
                    page: None,
                    creator: *owner,
                    owner: None,
                    registered: here,
                    versions: vec![Version {
                        number: 1,
                        content_hash: *content_hash,
                        metadata_uri: metadata_uri.clone(),
                        files: Vec::new(),
                        declared: here,
                    }],
                });
            }
            DomainEvent::AssetVersioned {
                version,
                content_hash,
                metadata_uri,
                ..
            } => {
                let version = Version {
                    number: *version,
                    content_hash: *content_hash,
                    metadata_uri: metadata_uri.clone(),
                    files: Vec::new(),
                    declared: here,
                };
                self.asset
                    .iter_mut()
                    .for_each(|asset| asset.versions.push(version.clone()));
            }
            DomainEvent::SharesIssued { shares, supply, .. } => {
                self.shares = Some(Shares {
                    token: *shares,
                    supply: *supply,
                    issued: here,
                    holders: Vec::new(),
                });
            }
            DomainEvent::LicenseTermsAttached { registry, terms_id, .. } => {
                let terms = loaded.terms.get(&(*registry, *terms_id)).cloned();
                self.licenses.extend(terms.map(|terms| License {
                    registry: *registry,
                    terms_id: *terms_id,
                    terms,
                    attached: here,
                }));
            }
            _ => {}
        }
    }

    fn task_event(&mut self, event: &DomainEvent, here: EventRef) {
        let mut decide = |task: &TokenRef, submission: &TokenRef, accepted: bool| {
            let submissions = self
                .tasks
                .get_mut(task)
                .into_iter()
                .flat_map(|task| &mut task.submissions);
            submissions
                .filter(|found| found.id == *submission)
                .for_each(|found| found.accepted = Some(accepted));
        };
        match event {
            DomainEvent::SubmissionRejected(rejected) => decide(&rejected.task, &rejected.submission, false),
            DomainEvent::RewardPaid(paid) => decide(&paid.task, &paid.submission, true),
            DomainEvent::TaskPosted(posted) => {
                let task = Task {
                    id: posted.task,
                    poster: posted.poster,
                    role: posted.role,
                    spec_hash: posted.spec_hash,
                    spec_uri: posted.spec_uri.clone(),
                    posted: here,
                    closed: None,
                    submissions: Vec::new(),
                };
                self.tasks.insert(posted.task, task);
            }
            DomainEvent::SubmissionMade(made) => {
                let submission = Submission {
                    id: made.submission,
                    worker: made.worker,
                    content_hash: made.content_hash,
                    content_uri: made.content_uri.clone(),
                    accepted: None,
                    submitted: here,
                };
                self.tasks
                    .get_mut(&made.task)
                    .into_iter()
                    .for_each(|task| task.submissions.push(submission.clone()));
            }
            DomainEvent::TaskClosed(closed) => {
                self.tasks
                    .get_mut(&closed.task)
                    .into_iter()
                    .for_each(|task| task.closed = Some(here));
            }
            _ => {}
        }
    }

    fn execution_event(&mut self, event: &DomainEvent, here: EventRef) {
        let asset = |token: &TokenRef| asset_id(here.chain, *token);
        match event {
            DomainEvent::ExecutionRequested(requested) => {
                let execution = Execution {
                    id: requested.execution,
                    asset: asset(&requested.asset),
                    caller: requested.caller.as_ref().map(asset),
                    parent: requested.parent,
                    kind: requested.kind,
                    privacy: requested.privacy,
                    epsilon_micros: requested.epsilon_micros,
                    requester: requested.requester,
                    provider: requested.provider,
                    datasets: requested.datasets.iter().map(asset).collect(),
                    input_hash: requested.input_hash,
                    requested: here,
                    outcome: Outcome::Pending,
                    challenges: Vec::new(),
                };
                self.executions.insert(requested.execution, execution);
            }
            DomainEvent::ExecutionCompleted(completed) => {
                self.end(
                    completed.execution,
                    Outcome::Completed {
                        output: completed.output.as_ref().map(asset),
                        output_hash: completed.output_hash,
                        metered_units: completed.metered_units,
                        completed: here,
                    },
                );
            }
            DomainEvent::ExecutionCancelled(cancelled) => {
                self.end(cancelled.execution, Outcome::Cancelled { cancelled: here });
            }
            DomainEvent::ExecutionChallenged(challenged) => {
                let challenge = Challenge {
                    id: challenged.challenge,
                    challenger: challenged.challenger,
                    raised: here,
                    resolved: None,
                };
                let execution = self.executions.get_mut(&challenged.execution);
                execution
                    .into_iter()
                    .for_each(|execution| execution.challenges.push(challenge.clone()));
            }
            DomainEvent::ChallengeResolved(resolved) => {
                let resolution = Resolution {
                    upheld: resolved.upheld,
                    event: here,
                };
                let execution = self.executions.get_mut(&resolved.execution);
                let challenges = execution.into_iter().flat_map(|execution| &mut execution.challenges);
                challenges
                    .filter(|challenge| challenge.id == resolved.challenge)
                    .for_each(|challenge| challenge.resolved = Some(resolution));
            }
            _ => {}
        }
    }

    fn end(&mut self, execution: TokenRef, outcome: Outcome) {
        if let Some(execution) = self.executions.get_mut(&execution) {
            execution.outcome = outcome;
        }
    }
}
