//! Round trips of random values of random types through JSON and WAVE.
//!
//! A type is made as text and handed to wasmtime as the parameter of an imported function, so that what is driven is
//! the component's own description of it.

use super::call::Arg;
use super::wit::Names;
use super::{json, wave};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Val};
use wasmtime::{Config, Engine};

/// A type that tests make up. Names are `a`, `b`, `c`, ... by place.
#[derive(Debug, Clone)]
enum Made {
    Plain(&'static str),
    List(Box<Made>),
    Option(Box<Made>),
    Tuple(Vec<Made>),
    Record(Vec<Made>),
    Variant(Vec<Option<Made>>),
    Enum(usize),
    Flags(usize),
    Result(Option<Box<Made>>, Option<Box<Made>>),
}

const PLAIN: [&str; 13] =
    ["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "float32", "float64", "char", "string"];

fn name(place: usize) -> String {
    // Keywords among them, which WAVE has to mark.
    ["true", "none", "ok", "b-2", "inf", "a", "some", "err", "nan", "false"][place % 10].to_owned()
        + &"x".repeat(place / 10)
}

fn made() -> impl Strategy<Value = Made> {
    let leaf = prop_oneof![
        8 => prop::sample::select(&PLAIN[..]).prop_map(Made::Plain),
        1 => (1..12usize).prop_map(Made::Enum),
        1 => (1..12usize).prop_map(Made::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(Made::List),
            boxed.clone().prop_map(Made::Option),
            vec(inner.clone(), 1..4).prop_map(Made::Tuple),
            vec(inner.clone(), 1..5).prop_map(Made::Record),
            vec(prop::option::of(inner), 1..5).prop_map(Made::Variant),
            (prop::option::of(boxed.clone()), prop::option::of(boxed))
                .prop_map(|(ok, err)| Made::Result(ok, err)),
        ]
    })
}

/// A value of a made type.
fn value(ty: &Made) -> BoxedStrategy<Val> {
    match ty {
        Made::Plain("bool") => any::<bool>().prop_map(Val::Bool).boxed(),
        Made::Plain("u8") => any::<u8>().prop_map(Val::U8).boxed(),
        Made::Plain("s8") => any::<i8>().prop_map(Val::S8).boxed(),
        Made::Plain("u16") => any::<u16>().prop_map(Val::U16).boxed(),
        Made::Plain("s16") => any::<i16>().prop_map(Val::S16).boxed(),
        Made::Plain("u32") => any::<u32>().prop_map(Val::U32).boxed(),
        Made::Plain("s32") => any::<i32>().prop_map(Val::S32).boxed(),
        Made::Plain("u64") => any::<u64>().prop_map(Val::U64).boxed(),
        Made::Plain("s64") => any::<i64>().prop_map(Val::S64).boxed(),
        // By their bits: subnormals, infinities and NaNs too.
        Made::Plain("float32") => any::<u32>().prop_map(|bits| Val::Float32(f32::from_bits(bits))).boxed(),
        Made::Plain("float64") => any::<u64>().prop_map(|bits| Val::Float64(f64::from_bits(bits))).boxed(),
        Made::Plain("char") => any::<char>().prop_map(Val::Char).boxed(),
        Made::Plain(_) => ".*".prop_map(Val::String).boxed(),
        Made::List(of) => vec(value(of), 0..5).prop_map(Val::List).boxed(),
        Made::Option(of) => {
            prop::option::of(value(of)).prop_map(|val| Val::Option(val.map(Box::new))).boxed()
        }
        Made::Tuple(of) => of.iter().map(value).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        Made::Record(of) => {
            let fields =
                |vals: Vec<Val>| vals.into_iter().enumerate().map(|(at, val)| (name(at), val)).collect();
            of.iter().map(value).collect::<Vec<_>>().prop_map(move |vals| Val::Record(fields(vals))).boxed()
        }
        Made::Variant(cases) => {
            let case = |(at, case): (usize, &Option<Made>)| match case {
                None => Just(Val::Variant(name(at), None)).boxed(),
                Some(of) => {
                    value(of).prop_map(move |val| Val::Variant(name(at), Some(Box::new(val)))).boxed()
                }
            };
            proptest::strategy::Union::new(cases.iter().enumerate().map(case)).boxed()
        }
        Made::Enum(cases) => (0..*cases).prop_map(|at| Val::Enum(name(at))).boxed(),
        Made::Flags(count) => {
            let set = |on: Vec<bool>| {
                on.iter().enumerate().filter(|(_, on)| **on).map(|(at, _)| name(at)).collect()
            };
            vec(any::<bool>(), *count).prop_map(move |on| Val::Flags(set(on))).boxed()
        }
        Made::Result(ok, err) => {
            let side = |of: &Option<Box<Made>>| match of {
                None => Just(None).boxed(),
                Some(of) => value(of).prop_map(|val| Some(Box::new(val))).boxed(),
            };
            prop_oneof![
                side(ok).prop_map(|val| Val::Result(Ok(val))),
                side(err).prop_map(|val| Val::Result(Err(val)))
            ]
            .boxed()
        }
    }
}

/// A type's text; types that need a name are imported under one first.
fn text(ty: &Made, types: &mut Vec<String>) -> String {
    let named = |body: String, types: &mut Vec<String>| {
        let place = types.len();
        types
            .push(format!("(type $d{place} ({body})) (import \"t{place}\" (type $t{place} (eq $d{place})))"));
        format!("$t{place}")
    };
    match ty {
        Made::Plain(plain) => (*plain).to_owned(),
        Made::List(of) => format!("(list {})", text(of, types)),
        Made::Option(of) => format!("(option {})", text(of, types)),
        Made::Tuple(of) => {
            format!("(tuple {})", of.iter().map(|ty| text(ty, types)).collect::<Vec<_>>().join(" "))
        }
        Made::Record(of) => {
            let fields: Vec<_> = of.iter().map(|ty| text(ty, types)).collect();
            let fields = fields.iter().enumerate().map(|(at, ty)| format!("(field {:?} {ty})", name(at)));
            named(format!("record {}", fields.collect::<String>()), types)
        }
        Made::Variant(cases) => {
            let cases: Vec<_> =
                cases.iter().map(|of| of.as_ref().map_or_else(String::new, |of| text(of, types))).collect();
            let cases = cases.iter().enumerate().map(|(at, ty)| format!("(case {:?} {ty})", name(at)));
            named(format!("variant {}", cases.collect::<String>()), types)
        }
        Made::Enum(count) => named(
            format!("enum {}", (0..*count).map(|at| format!("{:?} ", name(at))).collect::<String>()),
            types,
        ),
        Made::Flags(count) => named(
            format!("flags {}", (0..*count).map(|at| format!("{:?} ", name(at))).collect::<String>()),
            types,
        ),
        Made::Result(ok, err) => {
            let ok = ok.as_ref().map_or_else(String::new, |of| text(of, types));
            let err = err.as_ref().map_or_else(String::new, |of| format!("(error {})", text(of, types)));
            format!("(result {ok} {err})")
        }
    }
}

fn real(made: &Made) -> Type {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut config = Config::new();
        config.wasm_component_model(true);
        Engine::new(&config).unwrap()
    });
    let mut types = Vec::new();
    let ty = text(made, &mut types);
    let wat = format!("(component {} (import \"f\" (func (param \"p\" {ty}))))", types.join("\n"));
    let component = Component::new(&ENGINE, &wat).unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
    let ComponentItem::ComponentFunc(func) = component.component_type().get_import(&ENGINE, "f").unwrap().ty
    else {
        panic!("f is a function")
    };
    func.params().next().unwrap().1
}

fn val(arg: Arg) -> Val {
    match arg {
        Arg::Val(val) => val,
        Arg::Bytes(bytes) => Val::List(bytes.into_iter().map(Val::U8).collect()),
    }
}

fn from_json(text: &str, ty: &Type) -> Val {
    let read =
        json::arguments(&format!("[{text}]"), std::slice::from_ref(ty), &Names::default(), String::new);
    val(read.unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}")).remove(0))
}

fn from_wave(text: &str, ty: &Type) -> Val {
    let read = wave::arguments(&[text.to_owned()], std::slice::from_ref(ty), &Names::default(), String::new);
    val(read.unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}")).remove(0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives_json(
        (made, val) in made().prop_flat_map(|made| { let vals = value(&made); (Just(made), vals) })
    ) {
        let ty = real(&made);
        let text = json::text(&val, &ty, u64::MAX).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        let back = from_json(&text, &ty);
        prop_assert_eq!(&back, &val, "{}", text);
        prop_assert_eq!(json::text(&back, &ty, u64::MAX).unwrap(), text);
    }

    #[test]
    fn any_value_survives_wave(
        (made, val) in made().prop_flat_map(|made| { let vals = value(&made); (Just(made), vals) })
    ) {
        let ty = real(&made);
        let text = wave::text(&val, u64::MAX).unwrap();
        prop_assert_eq!(from_wave(&text, &ty), val, "{}", text);
    }

    /// Whatever the text, reading it ends with a value or an error: no panic, no endless work.
    #[test]
    fn any_text_is_read_or_refused(made in made(), text in "[\\[\\]{}\":,a-c0-9nulltrue. -]{0,60}") {
        let ty = [real(&made)];
        let _ = json::arguments(&text, &ty, &Names::default(), String::new);
        let _ = json::arguments(&format!("[{text}]"), &ty, &Names::default(), String::new);
        let _ = wave::arguments(&[text], &ty, &Names::default(), String::new);
    }

    #[test]
    fn singles_print_short_and_come_back(bits in any::<u32>()) {
        let single = f32::from_bits(bits);
        let text = json::text(&Val::Float32(single), &Type::Float32, u64::MAX).unwrap();
        prop_assert_eq!(from_json(&text, &Type::Float32), Val::Float32(single));
        // Nine digits, a sign, a point, zeros up to the exponent's turn. As a double it would be longer.
        prop_assert!(text.len() <= 24, "{}", text);
    }
}
