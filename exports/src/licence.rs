//! What a set of licence terms is called: an SPDX identifier, an SPDX expression, or a name of our own; and what it allows, in words.

use souk_schema::event::RoyaltyPolicy;

use crate::dossier::License;
use crate::text::{clean, link};

/// What terms are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    /// An identifier of SPDX's list.
    Spdx(&'static str),
    /// An expression of such identifiers, like `MIT OR Apache-2.0`.
    Expression(String),
    /// Anything else: what the registrar wrote, or the id of the terms.
    Named(String),
}

/// Identifiers of SPDX's list 3.29 that the schema of CycloneDX 1.6 does not know. There they are names.
pub(crate) const UNKNOWN_TO_CYCLONEDX: &[&str] = &[
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "GFDL-1.1-invariants",
    "GFDL-1.1-no-invariants",
    "GFDL-1.2-invariants",
    "GFDL-1.2-no-invariants",
    "GFDL-1.3-invariants",
    "GFDL-1.3-no-invariants",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "atc-game",
];

/// What the terms are called. The registrar's word is checked against SPDX's list, with its upper and lower case.
pub(crate) fn title(license: &License) -> Title {
    titled(&license.terms.spdx_id).unwrap_or_else(|| Title::Named(own_name(license)))
}

/// What a licence that somebody names is called; none where nothing is left of what they wrote.
pub(crate) fn titled(text: &str) -> Option<Title> {
    let text = clean(text);
    // Not `spdx::license_id`, which takes `GPL-2.0+` for `GPL-2.0`: both are on the list.
    let listed = spdx::identifiers::LICENSES.binary_search_by(|listed| listed.name.cmp(text.as_str()));
    if let Ok(at) = listed
        && text != "NOASSERTION"
    {
        return Some(Title::Spdx(spdx::identifiers::LICENSES[at].name));
    }
    // `LicenseRef-x` is legal in an expression and says nothing that a name does not.
    match spdx::Expression::parse(&text) {
        Ok(expression)
            if expression
                .requirements()
                .all(|required| required.req.license.id().is_some()) =>
        {
            Some(Title::Expression(text))
        }
        _ if text.is_empty() => None,
        _ => Some(Title::Named(text)),
    }
}

/// The page of an SPDX licence.
pub(crate) fn spdx_page(id: &str) -> String {
    format!("https://spdx.org/licenses/{id}")
}

/// Where the full text is.
pub(crate) fn text_link(license: &License) -> Option<String> {
    link(&license.terms.uri)
}

/// The id of the terms, which is name enough where there is no other.
pub(crate) fn own_name(license: &License) -> String {
    format!(
        "terms {} of eip155:{}:{:#x}",
        license.terms_id, license.attached.chain, license.registry
    )
}

/// The terms as names and values, in a fixed order.
pub(crate) fn conditions(license: &License) -> Vec<(&'static str, String)> {
    let terms = &license.terms;
    let yes = |holds: bool| String::from(if holds { "yes" } else { "no" });
    let mut conditions = vec![
        ("commercial-use", yes(terms.commercial_use)),
        ("derivatives", yes(terms.derivatives_allowed)),
        ("reciprocal", yes(terms.reciprocal)),
        ("transferable", yes(terms.transferable)),
        ("royalty-policy", terms.royalty_policy.as_str().to_string()),
    ];
    if terms.royalty_policy != RoyaltyPolicy::None {
        conditions.push(("revenue-share-per-100000000", terms.revenue_share.parts().to_string()));
    }
    if !terms.minting_fee.is_zero() {
        conditions.push(("minting-fee-base-units", terms.minting_fee.to_string()));
        conditions.push((
            "minting-fee-currency",
            format!("eip155:{}/erc20:{:#x}", license.attached.chain, terms.currency),
        ));
    }
    if terms.duration_secs != 0 {
        conditions.push(("duration-secs", terms.duration_secs.to_string()));
    }
    if terms.supply_cap != 0 {
        conditions.push(("supply-cap", terms.supply_cap.to_string()));
    }
    conditions
}

/// The terms as one line of text.
pub(crate) fn summary(license: &License) -> String {
    let conditions: Vec<String> = conditions(license)
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    conditions.join("; ")
}
