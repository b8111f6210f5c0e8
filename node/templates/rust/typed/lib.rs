//! Functions with types: each export of `wit/world.wit` is called by its name, with JSON.

wit_bindgen::generate!({ path: "wit", world: "function", generate_all });

struct Function;

impl Guest for Function {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn divide(dividend: i64, divisor: i64) -> Result<Quotient, String> {
        if divisor == 0 {
            return Err("the divisor is zero".into());
        }
        match (dividend.checked_div(divisor), dividend.checked_rem(divisor)) {
            (Some(whole), Some(remainder)) => Ok(Quotient { whole, remainder }),
            _ => Err(format!("{dividend} / {divisor} does not fit 64 bits")),
        }
    }

    fn longest(words: Vec<String>) -> Option<String> {
        words.into_iter().max_by_key(|word| word.chars().count())
    }
}

export!(Function);
