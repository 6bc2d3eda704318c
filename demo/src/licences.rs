//! Licence terms: how the demo reads public licences as the contracts' terms, and the commercial terms that it makes up.
//!
//! The reading is coarse and no legal advice: terms have four flags, licences have pages. Never registers anything. Start at
//! [`public_terms`].

#![deny(clippy::disallowed_methods)]

use alloy::primitives::{Address, U256};
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_schema::event::RoyaltyPolicy;

const DAY_SECS: u64 = 86_400;

/// Licence terms of the demo, without what depends on a deployment (the currency's address).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// What people call them.
    pub label: String,
    /// The licensee may earn money with the asset.
    pub commercial_use: bool,
    /// The licensee may derive assets.
    pub derivatives_allowed: bool,
    /// Derivatives carry the same terms.
    pub reciprocal: bool,
    /// Licences may change hands.
    pub transferable: bool,
    /// How the parent takes part in its children's revenue.
    pub royalty_policy: RoyaltyPolicy,
    /// The royalty in parts per 100,000,000.
    pub revenue_share_e8: u32,
    /// Price of one licence in millionths of a test dollar.
    pub minting_fee_micros: u64,
    /// Seconds that a licence runs, 0 for ever.
    pub duration_secs: u64,
    /// Most licences of one asset, 0 for no cap.
    pub supply_cap: u64,
    /// Where the text is.
    pub uri: String,
    /// SPDX id, empty where none fits.
    pub spdx_id: String,
}

/// The demo cannot read this licence.
#[derive(Debug, thiserror::Error)]
#[error("the licence `{0}` has no reading as terms; add it to demo/src/licences.rs")]
pub struct UnknownLicence(pub String);

impl Terms {
    /// The terms as the contract takes them. `dollars` is the token of the fee. `edition` ends up in the URI, so that every economy
    /// registers terms of its own: equal terms are registered once per contract, and their event would be missing the second time.
    pub fn to_contract(&self, dollars: Address, edition: &str) -> LicenseTerms {
        LicenseTerms {
            commercialUse: self.commercial_use,
            derivativesAllowed: self.derivatives_allowed,
            reciprocal: self.reciprocal,
            transferable: self.transferable,
            royaltyPolicy: self.royalty_policy.number(),
            revenueShareE8: self.revenue_share_e8,
            mintingFee: U256::from(self.minting_fee_micros),
            currency: if self.minting_fee_micros == 0 {
                Address::ZERO
            } else {
                dollars
            },
            durationSecs: self.duration_secs,
            supplyCap: self.supply_cap,
            uri: format!("{}#{edition}", self.uri),
            spdxId: self.spdx_id.clone(),
        }
    }

    /// Whether licences under these terms end some day; then their id depends on the block that minted them.
    pub fn ends(&self) -> bool {
        self.duration_secs != 0
    }
}

/// The terms of a public licence: free, for ever, bound to the holder.
///
/// # Errors
/// [`UnknownLicence`] when the demo has no reading of it.
pub fn public_terms(licence: &str) -> Result<Terms, UnknownLicence> {
    // (commercial use, reciprocal). All that the tree uses allow derivatives in some form.
    let (commercial_use, reciprocal) = match licence {
        "MIT" | "Apache-2.0" | "BSD-2-Clause" | "BSD-3-Clause" | "CC0-1.0" | "CC-BY-4.0" | "ODC-By-1.0"
        | "PDDL-1.0" => (true, false),
        "CC-BY-SA-3.0" | "CC-BY-SA-4.0" | "AGPL-3.0-only" | "GPL-3.0-only" => (true, true),
        "CC-BY-NC-4.0" => (false, false),
        "CC-BY-NC-SA-3.0" | "CC-BY-NC-SA-4.0" => (false, true),
        // Community and responsible-use licences: commercial use within conditions that four flags cannot say.
        "LicenseRef-AI2-ImpACT"
        | "LicenseRef-BigCode-OpenRAIL-M"
        | "LicenseRef-BigScience-RAIL"
        | "LicenseRef-Common-Crawl-Terms"
        | "LicenseRef-CreativeML-OpenRAIL-M"
        | "LicenseRef-CreativeML-OpenRAIL-PlusPlus-M"
        | "LicenseRef-DeepSeek-Model"
        | "LicenseRef-Gemma-Terms"
        | "LicenseRef-Google-Free-Use"
        | "LicenseRef-Llama-2-Community"
        | "LicenseRef-Llama-3-Community"
        | "LicenseRef-Llama-3.1-Community"
        | "LicenseRef-Llama-3.2-Community"
        | "LicenseRef-NVIDIA-Open-Model"
        | "LicenseRef-Public-Domain"
        | "LicenseRef-Service-Terms"
        | "LicenseRef-Various"
        | "LicenseRef-WordNet" => (true, false),
        // Research only, or nobody said: nothing to earn money on.
        "LicenseRef-LLaMA-Non-Commercial"
        | "LicenseRef-OPT-Non-Commercial"
        | "LicenseRef-Research-Only"
        | "LicenseRef-Stability-Non-Commercial"
        | "LicenseRef-Unspecified" => (false, false),
        other => return Err(UnknownLicence(other.into())),
    };
    let listed = !licence.starts_with("LicenseRef-");
    Ok(Terms {
        label: licence.trim_start_matches("LicenseRef-").into(),
        commercial_use,
        derivatives_allowed: true,
        reciprocal,
        transferable: false,
        royalty_policy: RoyaltyPolicy::None,
        revenue_share_e8: 0,
        minting_fee_micros: 0,
        duration_secs: 0,
        supply_cap: 0,
        uri: if listed {
            format!("https://spdx.org/licenses/{licence}.html")
        } else {
            format!("urn:souk-demo:{licence}")
        },
        spdx_id: if listed { licence.into() } else { String::new() },
    })
}

/// Terms for using a share-alike work without adapting it (training on it, measuring with it, looking things up in it), beside its public
/// licence: common practice does not take a model for an adaptation of the text that it was trained on.
pub fn use_terms(commercial_use: bool) -> Terms {
    let scope = if commercial_use {
        "any purpose"
    } else {
        "non-commercial purposes"
    };
    Terms {
        label: format!("use without adaptation for {scope}"),
        commercial_use,
        reciprocal: false,
        uri: format!(
            "urn:souk-demo:use-without-adaptation:{}",
            if commercial_use { "any" } else { "non-commercial" }
        ),
        spdx_id: String::new(),
        ..base()
    }
}

/// Commercial terms with a royalty, sold for ever to those who derive.
pub fn royalty_terms(policy: RoyaltyPolicy, revenue_share_e8: u32, minting_fee_micros: u64) -> Terms {
    Terms {
        label: format!("commercial, {} {}", policy.as_str(), percent(revenue_share_e8)),
        royalty_policy: policy,
        revenue_share_e8,
        minting_fee_micros,
        transferable: true,
        uri: format!(
            "urn:souk-demo:commercial:{}-{revenue_share_e8}-{minting_fee_micros}",
            policy.as_str()
        ),
        ..base()
    }
}

/// Commercial terms for using the asset as it is, sold for some days and in limited number.
pub fn subscription_terms(days: u64, minting_fee_micros: u64, supply_cap: u64) -> Terms {
    Terms {
        label: format!("commercial use for {days} days"),
        derivatives_allowed: false,
        minting_fee_micros,
        transferable: true,
        duration_secs: days * DAY_SECS,
        supply_cap,
        uri: format!("urn:souk-demo:subscription:{days}-{minting_fee_micros}-{supply_cap}"),
        ..base()
    }
}

/// Parts per 100,000,000 as a percentage, without trailing zeros.
fn percent(share_e8: u32) -> String {
    let (whole, rest) = (share_e8 / 1_000_000, share_e8 % 1_000_000);
    let decimals = format!("{rest:06}");
    match decimals.trim_end_matches('0') {
        "" => format!("{whole}%"),
        decimals => format!("{whole}.{decimals}%"),
    }
}

fn base() -> Terms {
    Terms {
        label: String::new(),
        commercial_use: true,
        derivatives_allowed: true,
        reciprocal: false,
        transferable: false,
        royalty_policy: RoyaltyPolicy::None,
        revenue_share_e8: 0,
        minting_fee_micros: 0,
        duration_secs: 0,
        supply_cap: 0,
        uri: String::new(),
        spdx_id: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_read_as_their_kind() {
        let permissive = public_terms("Apache-2.0").unwrap();
        assert!(permissive.commercial_use && !permissive.reciprocal);
        assert_eq!(permissive.spdx_id, "Apache-2.0");
        let share_alike = public_terms("CC-BY-SA-4.0").unwrap();
        assert!(share_alike.commercial_use && share_alike.reciprocal);
        let research = public_terms("LicenseRef-Research-Only").unwrap();
        assert!(!research.commercial_use);
        assert_eq!(research.spdx_id, "");
        assert_eq!(public_terms("My-Own-1.0").unwrap_err().0, "My-Own-1.0");
    }

    #[test]
    fn a_free_licence_has_no_currency_and_editions_differ() {
        let dollars = Address::repeat_byte(7);
        let free = public_terms("MIT").unwrap();
        assert_eq!(free.to_contract(dollars, "a").currency, Address::ZERO);
        assert_ne!(
            souk_contracts::terms_id(&free.to_contract(dollars, "a")),
            souk_contracts::terms_id(&free.to_contract(dollars, "b"))
        );
        let sold = royalty_terms(RoyaltyPolicy::Lap, 1_000_000, 5);
        assert_eq!(sold.to_contract(dollars, "a").currency, dollars);
        assert_eq!(sold.label, "commercial, LAP 1%");
        assert_eq!(
            (percent(500_000), percent(12_340_000)),
            ("0.5%".into(), "12.34%".into())
        );
    }
}
