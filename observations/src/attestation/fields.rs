//! The data of an attestation, read by its schema, and which assets it names. Pure.
//!
//! An attestation is about an asset where a text among its fields is the asset's CAIP-19 id, whatever the field is called.

use alloy_dyn_abi::{DynSolType, DynSolValue};
use serde_json::Value;
use souk_schema::caip::EvmAssetId;

use super::Contents;
use super::definition;
use crate::document::{MAX_DESCRIPTION_CHARS, shown};

/// The longest data that are read, in bytes: pointers in it may lead to the same bytes over and over.
const MAX_DATA_BYTES: usize = 16 << 10;

/// The longest name of a field that is shown, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Most assets that one attestation can be about.
const MOST_ASSETS: usize = 16;

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name by the schema, cleaned; empty where it has none.
    pub name: String,
    /// Its Solidity type.
    pub kind: String,
    /// Its value: numbers as decimal strings, bytes and addresses in hex, texts cleaned and cut, lists and tuples as lists.
    pub value: Value,
}

/// The fields; none where schema or data cannot be read, or do not fit each other.
pub fn of(contents: &Contents) -> Option<Vec<Field>> {
    let (parameters, values) = decoded(contents)?;
    let fields = parameters.iter().zip(&values).map(|(parameter, value)| Field {
        name: shown(&parameter.name, MAX_NAME_CHARS).unwrap_or_default(),
        kind: parameter.kind.sol_type_name().into_owned(),
        value: json(value),
    });
    Some(fields.collect())
}

/// The assets that the fields name, in their order, each once.
pub fn about(contents: &Contents) -> Vec<EvmAssetId> {
    let mut found = Vec::new();
    for value in decoded(contents).map_or_else(Vec::new, |(_, values)| values) {
        texts(&value, &mut |text| {
            if let Ok(asset) = text.trim().parse::<EvmAssetId>()
                && found.len() < MOST_ASSETS
                && !found.contains(&asset)
            {
                found.push(asset);
            }
        });
    }
    found
}

fn decoded(contents: &Contents) -> Option<(Vec<definition::Parameter>, Vec<DynSolValue>)> {
    let parameters = definition::read(&contents.schema.definition)?;
    if parameters.is_empty() || contents.data.len() > MAX_DATA_BYTES {
        return contents.data.is_empty().then(|| (parameters, Vec::new()));
    }
    let all = DynSolType::Tuple(parameters.iter().map(|parameter| parameter.kind.clone()).collect());
    match all.abi_decode_params(&contents.data).ok()? {
        DynSolValue::Tuple(values) if values.len() == parameters.len() => Some((parameters, values)),
        _ => None,
    }
}

fn texts(value: &DynSolValue, tell: &mut impl FnMut(&str)) {
    match value {
        DynSolValue::String(text) => tell(text),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) | DynSolValue::Tuple(values) => {
            values.iter().for_each(|value| texts(value, tell));
        }
        _ => {}
    }
}

fn json(value: &DynSolValue) -> Value {
    match value {
        DynSolValue::Bool(value) => Value::Bool(*value),
        DynSolValue::Int(number, _) => Value::String(number.to_string()),
        DynSolValue::Uint(number, _) => Value::String(number.to_string()),
        DynSolValue::FixedBytes(word, size) => Value::String(alloy::hex::encode_prefixed(&word[..*size])),
        DynSolValue::Address(address) => Value::String(address.to_string()),
        DynSolValue::Function(function) => Value::String(alloy::hex::encode_prefixed(function)),
        DynSolValue::Bytes(bytes) => Value::String(alloy::hex::encode_prefixed(bytes)),
        DynSolValue::String(text) => Value::String(shown(text, MAX_DESCRIPTION_CHARS).unwrap_or_default()),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) | DynSolValue::Tuple(values) => {
            Value::Array(values.iter().map(json).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolValue;
    use proptest::prelude::*;
    use serde_json::json;
    use souk_schema::{Address, B256, Bytes, U256};

    use super::super::Schema;
    use super::*;

    const ASSET: &str = "eip155:31337/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42";

    fn contents(definition: &str, data: Vec<u8>) -> Contents {
        Contents {
            uid: B256::ZERO,
            schema: Schema {
                uid: B256::ZERO,
                definition: definition.into(),
                resolver: Address::ZERO,
                revocable: true,
            },
            attester: Address::ZERO,
            recipient: Address::ZERO,
            time: 0,
            expiration_time: 0,
            revocable: true,
            ref_uid: B256::ZERO,
            data: Bytes::from(data),
        }
    }

    #[test]
    fn data_are_read_by_their_schema() {
        let data = (
            true,
            "all\u{202e} clean\n".to_string(),
            U256::MAX,
            Address::repeat_byte(0xab),
        )
            .abi_encode_params();
        let found = of(&contents("bool safe,string report,uint256 score,address auditor", data)).expect("they fit");
        let found: Vec<(&str, &str, Value)> = found
            .iter()
            .map(|field| (field.name.as_str(), field.kind.as_str(), field.value.clone()))
            .collect();
        assert_eq!(
            found,
            [
                ("safe", "bool", json!(true)),
                ("report", "string", json!("all clean")),
                ("score", "uint256", json!(U256::MAX.to_string())),
                (
                    "auditor",
                    "address",
                    json!("0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB")
                ),
            ]
        );
        assert_eq!(of(&contents("", vec![])), Some(vec![]));
    }

    #[test]
    fn an_attestation_is_about_the_assets_that_its_texts_name() {
        let list = vec![ASSET.to_string(), "eip155:31337".into(), format!(" {ASSET}")];
        let data = (list, format!("see {ASSET}")).abi_encode_params();
        let named = about(&contents("string[] models,string note", data));
        assert_eq!(named, [ASSET.parse().expect("an id")]);
        let (none, many) = (
            B256::ZERO.abi_encode(),
            (0..40).map(|id| format!("{ASSET}{id}")).collect::<Vec<_>>(),
        );
        assert_eq!(about(&contents("bytes32 asset", none)), []);
        assert_eq!(
            about(&contents("string[] models", (many,).abi_encode_params())).len(),
            MOST_ASSETS
        );
    }

    #[test]
    fn data_that_do_not_fit_are_not_read() {
        let data = (true, "clean".to_string()).abi_encode_params();
        assert_eq!(of(&contents("string report", data.clone())), None);
        assert_eq!(of(&contents("bool safe,string report", data[..60].to_vec())), None);
        assert_eq!(of(&contents("", data.clone())), None);
        assert_eq!(of(&contents("no types", data)), None);
        assert_eq!(of(&contents("bytes all", vec![0; MAX_DATA_BYTES + 1])), None);
    }

    proptest! {
        #[test]
        fn no_data_make_it_panic(words in proptest::collection::vec(prop_oneof![0_u64..400, any::<u64>()], 0..40), cut in 0_usize..32) {
            let mut data: Vec<u8> = words.iter().flat_map(|word| U256::from(*word).to_be_bytes::<32>()).collect();
            data.truncate(data.len().saturating_sub(cut));
            for definition in ["string[] a,(bytes b,uint8 c)[] d", "(string a,string[2] b) c,bytes d", "uint8[4] a,string b"] {
                let contents = contents(definition, data.clone());
                let _ = (of(&contents), about(&contents));
            }
        }
    }
}
