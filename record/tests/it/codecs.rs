//! Every codec: round trip, one encoding, and hostile bytes.
//!
//! FAULTS 50: trailing bytes, non-canonical encodings and length bombs are refused.

use std::fmt::Debug;

use moot_record::cbor::{self, Reader};
use moot_record::{
    Batch, BatchHeader, BlockHeader, Bundle, BundleHeader, Call, DecodeError, Entry, EntryId, EventInput,
    Genesis, HttpRequestHead, HttpResponseHead, Keypair, Page, Proof, Receipt, SignedEntry, Spec,
    Transaction,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use crate::arbitrary;

/// One way to spoil bytes.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Extend(Vec<u8>),
    Insert(Index, u8),
    Remove(Index),
    /// A head that announces a huge length, in the place of whatever stood there.
    Bomb(Index, u8),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        any::<Index>().prop_map(Damage::Cut),
        proptest::collection::vec(any::<u8>(), 1..20).prop_map(Damage::Extend),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        (any::<Index>(), 2u8..5).prop_map(|(at, major)| Damage::Bomb(at, major)),
    ];
    proptest::collection::vec(one, 1..3)
}

fn spoil(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    match damage {
        Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
        Damage::Set(at, byte) => bytes[at.index(len)] = *byte,
        Damage::Cut(at) => bytes.truncate(at.index(len)),
        Damage::Extend(more) => bytes.extend_from_slice(more),
        Damage::Insert(at, byte) => bytes.insert(at.index(len), *byte),
        Damage::Remove(at) => {
            bytes.remove(at.index(len));
        }
        Damage::Bomb(at, major) => {
            let at = at.index(len);
            bytes.truncate(at);
            bytes.push(major << 5 | 26);
            bytes.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0]);
        }
    }
}

/// What `decode` allocates at most for an input: small items may grow to structs, and vectors double.
fn allowance(input: usize) -> u64 {
    4096 + 64 * input as u64
}

fn holds<T: PartialEq + Debug>(
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    damages: &[Damage],
) -> TestCaseResult {
    let bytes = encode(value);
    let decoded = decode(&bytes);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    prop_assert_eq!(&minicbor_again(&bytes), &bytes, "minicbor writes the same bytes");
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        prop_assert!(decode(&bytes[..cut]).is_err() || cut == bytes.len(), "cut to {}", cut);
    }
    prop_assert!(decode(&[bytes.as_slice(), &[0]].concat()).is_err(), "a byte after the end");
    let mut spoilt = bytes;
    for damage in damages {
        spoil(&mut spoilt, damage);
        let mut result = Err(DecodeError::NotUtf8 { at: 0 });
        let cost = allocation_counter::measure(|| result = decode(&spoilt));
        prop_assert!(cost.bytes_max <= allowance(spoilt.len()), "{:?} for {} bytes", cost, spoilt.len());
        if let Ok(other) = result {
            prop_assert_eq!(encode(&other), spoilt.clone(), "what decodes has no other encoding");
        }
    }
    Ok(())
}

/// The same items written by minicbor, which writes shortest forms too.
fn minicbor_again(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    for token in minicbor::decode::Tokenizer::new(bytes) {
        encoder.encode(token.expect("what we write is CBOR")).unwrap();
    }
    encoder.into_writer()
}

fn json_holds<T>(value: &T) -> TestCaseResult
where
    T: PartialEq + Debug + serde::Serialize + for<'a> serde::Deserialize<'a>,
{
    let text = serde_json::to_string(value).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{}", text);
    Ok(())
}

macro_rules! codec {
    ($name:ident, $strategy:expr, $type:ty $(, $json:ident)?) => {
        proptest! {
            #[test]
            fn $name(value in $strategy, damages in damage()) {
                $( $json(&value)?; )?
                holds(&value, <$type>::encode, <$type>::decode, &damages)?;
            }
        }
    };
}

codec!(case_50_entry_id, arbitrary::entry_id(), EntryId, json_holds);
codec!(case_50_entry, arbitrary::entry(), Entry, json_holds);
codec!(case_50_spec, arbitrary::spec(), Spec, json_holds);
codec!(case_50_bundle_header, arbitrary::bundle_header(), BundleHeader);
codec!(case_50_bundle, arbitrary::bundle(), Bundle);
codec!(case_50_batch_header, arbitrary::batch_header(), BatchHeader);
codec!(case_50_block_header, arbitrary::block_header(), BlockHeader);
codec!(case_50_signed_entry, arbitrary::signed_entry(), SignedEntry);
codec!(case_50_proof, arbitrary::proof(), Proof);
codec!(case_50_genesis, arbitrary::genesis(), Genesis);

proptest! {
    #[test]
    fn case_50_batch(bundles in proptest::collection::vec(arbitrary::bundle(), 1..4), damages in damage()) {
        let batch = Batch::seal(3, 99, bundles).unwrap();
        let encoded = batch.encode();
        for (number, bundle) in (0u16..).zip(&batch.bundles) {
            for (page, slot, entry) in bundle.entries() {
                let id = EntryId { lane: 3, batch: 99, bundle: number, page, slot };
                prop_assert_eq!(Batch::find(&encoded, id), Ok(Some(entry)));
            }
        }
        holds(&batch, Batch::encode, Batch::decode, &damages)?;
    }

    #[test]
    fn json_of_a_call_a_receipt_a_transaction(
        call in arbitrary::call(), receipt in arbitrary::receipt(), transaction in arbitrary::transaction(),
    ) {
        json_holds::<Call>(&call)?;
        json_holds::<Receipt>(&receipt)?;
        json_holds::<Transaction>(&transaction)?;
    }

    #[test]
    fn heads_split_from_any_body(
        request in arbitrary::request_head(),
        response in arbitrary::response_head(),
        event in arbitrary::event_input(),
        body in proptest::collection::vec(any::<u8>(), 0..100),
        damages in damage(),
    ) {
        let payload = event.with_body(&body);
        prop_assert_eq!(EventInput::split(&payload), Ok((event, &body[..])));
        let payload = response.with_body(&body);
        prop_assert_eq!(HttpResponseHead::split(&payload), Ok((response, &body[..])));
        let mut spoilt = request.with_body(&body);
        prop_assert_eq!(HttpRequestHead::split(&spoilt), Ok((request, &body[..])));
        for damage in &damages {
            spoil(&mut spoilt, damage);
            if let Ok((head, rest)) = HttpRequestHead::split(&spoilt) {
                prop_assert_eq!(head.with_body(rest), spoilt.clone());
            }
        }
    }

    #[test]
    fn pages_are_only_pages(
        entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..50),
        damages in damage(),
    ) {
        let mut bytes = Vec::new();
        cbor::array(&mut bytes, entries.len());
        entries.iter().for_each(|entry| cbor::bytes(&mut bytes, entry));
        prop_assert!(Page::parse(&bytes).unwrap().iter().eq(entries.iter().map(Vec::as_slice)));
        for damage in &damages {
            spoil(&mut bytes, damage);
            if let Ok(page) = Page::parse(&bytes) {
                let mut again = Vec::new();
                cbor::array(&mut again, page.len().into());
                page.iter().for_each(|entry| cbor::bytes(&mut again, entry));
                prop_assert_eq!(&again, &bytes);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut entry = Err(DecodeError::NotUtf8 { at: 0 });
        let cost = allocation_counter::measure(|| entry = Entry::decode(&bytes));
        prop_assert!(cost.bytes_max <= allowance(bytes.len()));
        if let Ok(entry) = entry {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }
}

/// FAULTS 50: each form that another CBOR reader would accept as the same value.
#[test]
fn case_50_other_forms_of_the_same_value_are_refused() {
    type Refuse = fn(&mut Reader<'_>) -> Result<(), DecodeError>;
    let uint: Refuse = |r| r.uint().map(drop);
    let bytes: Refuse = |r| r.bytes(100).map(drop);
    let text: Refuse = |r| r.text(100).map(drop);
    let list: Refuse = |r| r.list(100).map(drop);
    let cases: [(&str, &str, Refuse); 18] = [
        ("5 in two bytes", "1805", uint),
        ("5 in three bytes", "190005", uint),
        ("255 in three bytes", "1900ff", uint),
        ("65535 in five bytes", "1a0000ffff", uint),
        ("2^32-1 in nine bytes", "1b00000000ffffffff", uint),
        ("a negative integer", "20", uint),
        ("a float", "f94500", uint),
        ("a tagged integer", "c105", uint),
        ("a bignum", "c24105", uint),
        ("reserved additional information", "1c", uint),
        ("bytes of indefinite length", "5f4101ff", bytes),
        ("a length of one in two bytes", "580101", bytes),
        ("text where bytes belong", "6161", bytes),
        ("text of indefinite length", "7f6161ff", text),
        ("text that is not UTF-8", "61ff", text),
        ("a surrogate in UTF-8", "63eda080", text),
        ("an array of indefinite length", "9f01ff", list),
        ("a map", "a10102", list),
    ];
    for (what, hex, refuse) in cases {
        let input = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        assert!(refuse(&mut Reader::new(&input)).is_err(), "{what}");
        // minicbor reads nearly all of them: it alone would not do.
    }
    let undefined = [0xf7];
    assert!(Reader::new(&undefined).boolean().is_err());
    assert!(Reader::new(&undefined).option(Reader::uint).is_err());
}

/// FAULTS 50: a length bomb costs nothing.
#[test]
fn case_50_length_bombs_are_refused_before_allocation() {
    for head in [
        "9bffffffffffffffff",
        "9affffffff",
        "998000",
        "5bffffffffffffffff",
        "5a7fffffff",
        "7bffffffffffffffff",
    ] {
        let mut input = data_encoding::HEXLOWER.decode(head.as_bytes()).unwrap();
        input.extend_from_slice(&[0; 16]);
        let cost = allocation_counter::measure(|| {
            assert!(Entry::decode(&input).is_err());
            assert!(Spec::decode(&input).is_err());
            assert!(Bundle::decode(&input).is_err());
            assert!(Batch::decode(&input).is_err());
            assert!(Proof::decode(&input).is_err());
            assert!(Genesis::decode(&input).is_err());
            assert!(Page::parse(&input).is_err());
            assert!(HttpRequestHead::split(&input).is_err());
        });
        assert!(cost.bytes_max < 4096, "{head}: {cost:?}");
    }
}

/// FAULTS 50: the rules that types cannot carry hold for bytes too.
#[test]
fn case_50_well_formed_bytes_against_a_rule_are_refused() {
    let key = Keypair::from_seed([1; 32]).account();
    let genesis = Genesis::new("a", 0, vec![key, key], moot_record::Prices::default());
    assert!(genesis.check().is_err() && Genesis::decode(&genesis.encode()).is_err());
    // A validator's key of small order: anybody could vote with it.
    let mut weak = [0; 32];
    weak[0] = 1;
    let genesis = Genesis::new("a", 0, vec![moot_record::AccountId::from_bytes(weak)], Default::default());
    assert_eq!(genesis.check().unwrap_err().field, "genesis.validators");
    let header = BlockHeader::new(1, moot_record::Digest::ZERO, 0, moot_record::Digest::ZERO, &[]);
    let odd = BlockHeader { root: moot_record::Digest::from_bytes([1; 32]), ..header };
    assert!(BlockHeader::decode(&header.encode()).is_ok() && BlockHeader::decode(&odd.encode()).is_err());
}
