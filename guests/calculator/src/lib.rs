//! Typed exports of every shape: records, variants, enums, flags, options, results, lists, tuples, byte lists.
//! There is no handler here: each export is called by name, with JSON or WAVE.

wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "folkmoot:calculator/calculator", generate_all });

use exports::folkmoot::calculator::{arithmetic, orders};
use orders::{Bill, Discount, Extras, Item, Line, Order};

/// `fibonacci` is exponential: 40 takes about a second.
const MAX_FIBONACCI: u8 = 40;

struct Calculator;

impl Guest for Calculator {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn fibonacci(n: u8) -> Result<u64, String> {
        fn slow(n: u8) -> u64 {
            if n < 2 { u64::from(n) } else { slow(n - 1) + slow(n - 2) }
        }
        if n > MAX_FIBONACCI {
            return Err(format!("n is {n}; at most {MAX_FIBONACCI} is computed"));
        }
        Ok(slow(n))
    }

    fn sum(numbers: Vec<u64>) -> u64 {
        numbers.into_iter().fold(0, |sum: u64, number| match sum.checked_add(number) {
            Some(sum) => sum,
            None => panic!("the sum does not fit 64 bits"),
        })
    }

    fn reverse(mut data: Vec<u8>) -> Vec<u8> {
        data.reverse();
        data
    }

    fn mask(mut data: Vec<u8>, key: u8) -> Result<Vec<u8>, String> {
        if key == 0 {
            return Err("the key 0 masks nothing".into());
        }
        data.iter_mut().for_each(|byte| *byte ^= key);
        Ok(data)
    }

    fn uppercase(text: Vec<u8>) -> Result<Vec<u8>, String> {
        let text = String::from_utf8(text).map_err(|error| error.to_string())?;
        Ok(text.to_uppercase().into_bytes())
    }

    fn nothing() {}
}

impl arithmetic::Guest for Calculator {
    fn evaluate(operation: arithmetic::Operation, a: i64, b: i64) -> Result<i64, arithmetic::Error> {
        use arithmetic::Operation::{Add, Divide, Multiply, Subtract};
        let (result, sign) = match operation {
            Add => (a.checked_add(b), '+'),
            Subtract => (a.checked_sub(b), '-'),
            Multiply => (a.checked_mul(b), '*'),
            Divide if b == 0 => return Err(arithmetic::Error::DivisionByZero),
            Divide => (a.checked_div(b), '/'),
        };
        result.ok_or_else(|| arithmetic::Error::Overflow(format!("{a} {sign} {b}")))
    }

    fn divide(a: u64, b: u64) -> Result<(u64, u64), arithmetic::Error> {
        a.checked_div(b).map(|quotient| (quotient, a % b)).ok_or(arithmetic::Error::DivisionByZero)
    }

    fn mean(numbers: Vec<f64>) -> Option<f64> {
        (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
    }
}

impl orders::Guest for Calculator {
    fn total(order: Order) -> Result<Bill, arithmetic::Error> {
        let lines = order.items.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let extras = [(Extras::GIFT_WRAP, 250), (Extras::EXPRESS, 990), (Extras::INSURED, 120)]
            .into_iter()
            .filter(|(extra, _)| order.extras.contains(*extra))
            .map(|(_, cents)| cents)
            .sum::<u64>();
        let total = lines
            .iter()
            .try_fold(extras, |sum, line| sum.checked_add(line.cents))
            .ok_or_else(|| arithmetic::Error::Overflow("the total".into()))?;
        let initials = order.items.iter().filter_map(|item| item.name.chars().next()).collect();
        Ok(Bill { lines, extras, total, initials })
    }
}

fn line(item: &Item) -> Result<Line, arithmetic::Error> {
    let full = u64::from(item.price) * u64::from(item.quantity);
    let cents = match item.discount {
        Discount::Nothing => full,
        Discount::Amount(cents) => full.saturating_sub(cents),
        Discount::Percent(percent) => full - full / 100 * u64::from(percent.min(100)),
        Discount::Bundle((0, _)) => return Err(arithmetic::Error::DivisionByZero),
        Discount::Bundle((buy, pay)) => {
            let paid = item.quantity / buy * pay.min(buy) + item.quantity % buy;
            u64::from(item.price) * u64::from(paid)
        }
    };
    Ok(Line { name: item.name.clone(), cents })
}

export!(Calculator);
