//! The WAMP project's own test vectors: messages as bytes, and options of the right and the wrong
//! type.
//!
//! They are not part of this repository: the environment variable `WAMP_VECTORS` names the folder
//! `testsuite` of a checkout of the specification. Without it these tests print that they are
//! skipped and pass.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::code;
use cloverleaf_wamp::message::wire::{decode_client, decode_router};
use cloverleaf_wamp::serializer::Serializer;
use serde_json::Value;

#[allow(dead_code, reason = "each test uses a part of it")]
mod sample;

use sample::{Sent, hex};

/// The samples of all files with the names of their files. Empty without the folder.
fn samples() -> Option<Vec<(String, Value)>> {
    let folder = PathBuf::from(std::env::var_os("WAMP_VECTORS").unwrap_or_default());
    if !folder.is_dir() {
        // Bypasses the capture of the test harness, so that it is visible.
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED: no WAMP test vectors in '{}' (WAMP_VECTORS says where) ***\n",
            folder.display()
        );
        return None;
    }
    let mut samples = Vec::new();
    for profile in ["basic", "advanced"] {
        samples_of_folder(&folder.join("singlemessage").join(profile), &mut samples);
    }
    assert!(!samples.is_empty(), "{} has no vectors in it", folder.display());
    Some(samples)
}

fn samples_of_folder(folder: &Path, samples: &mut Vec<(String, Value)>) {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let content: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for sample in content["samples"].as_array().unwrap() {
            samples.push((name.clone(), sample.clone()));
        }
    }
}

/// Decodes a message in the direction of its type. A message of both directions must decode to the
/// same result in both.
fn decode(serializer: Serializer, bytes: &[u8]) -> Result<Vec<Sent>, DecodeError> {
    let frame = bytes.to_vec().into();
    let client = || decode_client(serializer, &frame).map(Sent::Client);
    let router = || decode_router(serializer, &frame).map(Sent::Router);
    let head = json(serializer, bytes);
    match head[0].as_u64().unwrap() {
        code::ABORT | code::GOODBYE => Ok(vec![client()?, router()?]),
        code::ERROR if head[1] == code::INVOCATION => Ok(vec![client()?]),
        code::WELCOME
        | code::CHALLENGE
        | code::ERROR
        | code::PUBLISHED
        | code::SUBSCRIBED
        | code::UNSUBSCRIBED
        | code::EVENT
        | code::RESULT
        | code::REGISTERED
        | code::UNREGISTERED
        | code::INVOCATION
        | code::INTERRUPT => Ok(vec![router()?]),
        _ => Ok(vec![client()?]),
    }
}

/// Bytes of any format as a JSON value.
fn json(serializer: Serializer, bytes: &[u8]) -> Value {
    let mut text = Vec::new();
    transcode(serializer, bytes, Serializer::Json, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The variants of a sample under the name of a format, each with its format. Like on a connection,
/// data that UBJSON does not have is read as BJData.
fn variants(sample: &Value, serializer: Serializer) -> Vec<(Serializer, Vec<u8>)> {
    let name = serializer.subprotocol().trim_start_matches("wamp.2.");
    let variants = sample["serializers"][name].as_array().unwrap();
    let bytes = variants.iter().map(|variant| hex(variant["bytes_hex"].as_str().unwrap()));
    bytes.map(|bytes| (spoken(serializer, &bytes), bytes)).collect()
}

fn spoken(serializer: Serializer, bytes: &[u8]) -> Serializer {
    match transcode(serializer, bytes, serializer, &mut Vec::new()) {
        Err(DecodeError::BjData(_)) => Serializer::BjData,
        _ => serializer,
    }
}

/// Equal bytes, or an equal value of the same length, because a dictionary has no order.
fn is_written_alike(serializer: Serializer, written: &[u8], variant: &[u8]) -> bool {
    let same_value = || json(serializer, written) == json(serializer, variant);
    written == variant || (written.len() == variant.len() && same_value())
}

#[test]
fn every_variant_decodes_to_the_same_message_and_one_of_them_is_written() {
    let Some(samples) = samples() else { return };
    let mut seen = 0;
    for (file, sample) in samples.iter().filter(|(_, sample)| sample["serializers"].is_object()) {
        let what = format!("{file}: {}", sample["description"]);
        seen += 1;
        let first = json(Serializer::Json, &variants(sample, Serializer::Json)[0].1);
        for name in Serializer::DEFAULT {
            for (from, variant) in variants(sample, name) {
                let messages = decode(from, &variant);
                for message in messages.unwrap_or_else(|error| panic!("{what} in {from}: {error}"))
                {
                    let read = json(Serializer::Json, &message.encode(Serializer::Json).unwrap());
                    assert_eq!(read, first, "{what} in {from}");
                    assert_is_written(&what, sample, &message);
                }
            }
        }
    }
    assert!(seen > 0, "no sample has bytes");
}

/// Asserts that the message is written as one of the variants of each format.
fn assert_is_written(what: &str, sample: &Value, message: &Sent) {
    for to in Serializer::ALL {
        let written = message.encode(to).unwrap();
        assert!(
            variants(sample, to)
                .iter()
                .any(|(spoken, variant)| *spoken == to && is_written_alike(to, &written, variant)),
            "{what} in {to} is written as {}",
            String::from_utf8_lossy(&written)
        );
    }
}

#[test]
fn options_of_the_right_type_are_read_and_of_the_wrong_type_refused_by_name() {
    let Some(samples) = samples() else { return };
    let mut seen = 0;
    for (file, sample) in samples.iter().filter(|(_, sample)| sample["wmsg"].is_array()) {
        seen += 1;
        let text = serde_json::to_vec(&with_binary_payload(&sample["wmsg"])).unwrap();
        for serializer in Serializer::ALL {
            let mut bytes = Vec::new();
            transcode(Serializer::Json, &text, serializer, &mut bytes).unwrap();
            let decoded = decode(serializer, &bytes);
            let what = format!("{file}: {} in {serializer}: {decoded:?}", sample["description"]);
            match sample["expected_error"]["contains"].as_str() {
                None => assert!(decoded.is_ok(), "{what}"),
                Some(option) => {
                    let error = decoded.expect_err(&what).to_string();
                    assert!(error.contains(&format!("'{option}'")), "{what}");
                }
            }
        }
    }
    assert!(seen > 0, "no sample validates options");
}

/// If the options announce passthru, the hexadecimal digits of the payload stand for bytes.
fn with_binary_payload(message: &Value) -> Value {
    let mut message = message.clone();
    let is_sealed = message.as_array().unwrap().iter().any(|part| !part["enc_algo"].is_null());
    if let Some(Value::String(last)) = message.as_array_mut().unwrap().last_mut()
        && is_sealed
    {
        *last = format!("\0{}", BASE64_STANDARD.encode(hex(last)));
    }
    message
}
