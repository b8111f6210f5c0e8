//! Genesis files: a changed one is refused, naming the field.

use moot_record::testing::Network;
use moot_record::{Allocation, Economy, Genesis, GenesisError, Keypair};
use serde_json::{Value, json};

fn refused(file: &Value) -> GenesisError {
    Genesis::from_json(&file.to_string()).unwrap_err()
}

#[test]
fn a_good_file_reads_back() {
    let genesis = Network::new(4).genesis;
    assert_eq!(Genesis::from_json(&genesis.to_json()), Ok(genesis.clone()));
    assert_eq!(genesis.to_json().trim_end(), serde_json::to_string_pretty(&genesis).unwrap());
    assert_eq!(serde_json::from_str::<Genesis>(&genesis.to_json()).unwrap(), genesis);
    assert_eq!(genesis.namespace().len(), 21);
    assert!(genesis.network().to_string().as_bytes().starts_with(&genesis.namespace()[5..]));
}

/// FAULTS 46, 66: a genesis that was changed is another network, and says so.
#[test]
fn case_66_each_tampered_field_is_named() {
    let genesis = Network::new(4).genesis;
    let good: Value = serde_json::from_str(&genesis.to_json()).unwrap();
    let stranger = Keypair::from_seed([99; 32]).account();
    let mut swapped = genesis.validators.clone();
    swapped.swap(0, 1);
    let mut replaced = genesis.validators.clone();
    replaced[0] = stranger;
    replaced.sort_unstable();
    for (field, value, named) in [
        ("network", json!("00".repeat(32)), "genesis.network"),
        ("name", json!("tess"), "genesis.network"),
        ("time_ms", json!(1), "genesis.network"),
        ("validators", json!(replaced), "genesis.network"),
        ("validators", json!(genesis.validators[..3]), "genesis.network"),
        ("prices", json!({ "per_byte": 0, "per_mega_fuel": 1 }), "genesis.network"),
        ("prices", json!({ "per_byte": 1, "per_mega_fuel": 2 }), "genesis.network"),
        ("validators", json!(swapped), "genesis.validators"),
        ("validators", json!([]), "genesis.validators"),
        ("validators", json!(["01".to_owned() + &"00".repeat(31)]), "genesis.validators"),
        ("version", json!(2), "genesis.version"),
        ("name", json!(""), "genesis.name"),
        ("name", json!("a\u{1b}[2J"), "genesis.name"),
        ("network", json!("xy"), "genesis"),
        ("prices", json!({ "per_byte": 1 }), "genesis"),
        ("prices", json!({ "per_byte": 1, "per_mega_fuel": 1, "more": 1 }), "genesis"),
        ("more", json!(1), "genesis"),
    ] {
        let mut file = good.clone();
        file[field] = value.clone();
        let error = refused(&file);
        assert_eq!(error.field(), named, "{field} = {value}: {error}");
        assert!(!error.to_string().contains('\u{1b}'), "control characters are escaped (FAULTS 75)");
    }
    let mut file = good.clone();
    file["time_ms"] = json!(1);
    assert!(serde_json::from_value::<Genesis>(file).is_err(), "serde checks it too");
    for field in good.as_object().unwrap().keys() {
        let mut file = good.clone();
        file.as_object_mut().unwrap().remove(field);
        let error = refused(&file).to_string();
        assert!(error.contains(field.as_str()), "{field} removed: {error}");
    }
    let doubled = genesis.to_json().replacen("\"name\":", "\"name\": \"x\", \"name\":", 1);
    assert!(Genesis::from_json(&doubled).unwrap_err().to_string().contains("twice"));
}

/// FAULTS 73: no sum of balances overflows, because all there ever is fits one.
#[test]
fn accounts_of_a_genesis_are_sorted_funded_and_bounded() {
    let one = |seed, balance| Allocation { account: Keypair::from_seed([seed; 32]).account(), balance };
    let with = |accounts| Network::new(1).genesis.with_accounts(accounts);
    let good = with(vec![one(3, u64::MAX - 1), one(4, 1)]);
    assert_eq!(Genesis::from_json(&good.to_json()), Ok(good.clone()));
    assert_eq!(with(vec![]), Network::new(1).genesis, "without accounts it is of the version without");
    let mut swapped = good.clone();
    swapped.accounts.swap(0, 1);
    let weak = Allocation { account: moot_record::AccountId::from_bytes([0; 32]), balance: 1 };
    let many: Vec<Allocation> = (0..=128u8).map(|seed| one(seed, 1)).collect();
    for (wrong, why) in [
        (swapped, "sorted"),
        (with(vec![one(3, 1), one(3, 1)]), "sorted"),
        (with(vec![one(3, 0)]), "has 0"),
        (with(vec![one(3, u64::MAX), one(4, 1)]), "the largest balance"),
        (with(vec![weak]), "relied on"),
        (with(many), "at most 128"),
        (Genesis { version: 1, ..good.clone() }, "knows"),
    ] {
        let error = Genesis::from_json(&wrong.to_json()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(Genesis::decode(&wrong.encode()).is_err());
    }
    assert!(with((0..128u8).map(|seed| one(seed, 1 << 53)).collect()).to_json().len() < 32 * 1024);
}

/// A genesis without an economy has the bytes that it had before there were any; one with it says all of it.
#[test]
fn an_economy_is_a_version_of_its_own() {
    let plain = Network::new(1).genesis;
    let economy = Economy { lockup_blocks: 600, seats: 7, worker_percent: 80 };
    let mut good = plain.clone().with_economy(economy);
    good.prices.per_stored_byte = 2;
    assert_eq!((good.version, Genesis::from_json(&good.to_json())), (4, Ok(good.clone())));
    assert_eq!(Genesis::decode(&good.encode()), Ok(good.clone()));
    assert!(!plain.to_json().contains("per_stored_byte") && !plain.to_json().contains("economy"));
    let mut stored = plain.clone();
    stored.prices.per_stored_byte = 1;
    // Its bytes have no place for it, its file has.
    assert_eq!(Genesis::from_json(&stored.to_json()).unwrap_err().field(), "genesis.prices");
    let with = |economy| plain.clone().with_economy(economy);
    for (wrong, field) in [
        (with(Economy { seats: 0, ..economy }), "genesis.economy"),
        (with(Economy { seats: 129, ..economy }), "genesis.economy"),
        (with(Economy { worker_percent: 101, ..economy }), "genesis.economy"),
        (with(Economy { lockup_blocks: (1 << 40) + 1, ..economy }), "genesis.economy"),
        (Genesis { version: 3, ..good.clone() }, "genesis.version"),
        (Genesis { economy: None, ..good.clone() }, "genesis.version"),
    ] {
        assert_eq!(Genesis::from_json(&wrong.to_json()).unwrap_err().field(), field);
        assert!(Genesis::decode(&wrong.encode()).is_err());
    }
    let mut file: Value = serde_json::from_str(&good.to_json()).unwrap();
    file["economy"]["worker_percent"] = json!(79);
    assert_eq!(refused(&file).field(), "genesis.network");
    file["economy"]["more"] = json!(1);
    assert_eq!(refused(&file).field(), "genesis");
}
