//! Data segments of a core module, fewer of them.
//!
//! Go's linker leaves out every run of zeros, so that a program with `net/http` has some 90,000 segments: more than hosts
//! take, this one included. Memory is zero to begin with, so segments with few zeros between them can as well be one.

use anyhow::Context as _;
use wasm_encoder::{ConstExpr, DataSection, Module, RawSection};
use wasmparser::{Data, DataKind, Operator, Parser, Payload};

/// Zeros written out rather than begin a segment. A segment's own head is about 8 bytes, and nearly all runs are shorter:
/// of 63,000 segments in a program with `net/http` a hundred are left, and it is smaller by half a megabyte.
const MAX_ZEROS: u32 = 64;

/// Bytes, and their place in memory.
type Segment<'a> = (u32, &'a [u8]);

/// The same module, with fewer segments. One that uses segments in any other way than Go does is left as it is.
pub(super) fn merge(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut merged = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.context("the Go compiler's module cannot be read")?;
        match &payload {
            Payload::DataCountSection { .. } => return Ok(module.to_owned()),
            Payload::DataSection(section) => {
                let Some(segments) = active(section.clone())? else { return Ok(module.to_owned()) };
                merged.section(&joined(&segments));
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    merged.section(&RawSection { id, data: &module[range] });
                }
            }
        }
    }
    Ok(merged.finish())
}

/// The segments by their places, when all are copied into the only memory at a fixed place, none over another.
fn active(section: wasmparser::DataSectionReader<'_>) -> anyhow::Result<Option<Vec<Segment<'_>>>> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    for segment in section {
        let Data { kind: DataKind::Active { memory_index: 0, offset_expr }, data, .. } = segment? else {
            return Ok(None);
        };
        let mut operators = offset_expr.get_operators_reader();
        let (Operator::I32Const { value }, Operator::End) = (operators.read()?, operators.read()?) else {
            return Ok(None);
        };
        segments.push((value.cast_unsigned(), data));
    }
    segments.sort_by_key(|(place, _)| *place);
    // Of segments over each other the last one counts: nothing for a sort to decide.
    let apart = |pair: &[Segment<'_>]| u64::from(pair[0].0) + pair[0].1.len() as u64 <= u64::from(pair[1].0);
    Ok(segments.windows(2).all(apart).then_some(segments))
}

fn joined(segments: &[Segment<'_>]) -> DataSection {
    let mut section = DataSection::new();
    let mut rest = segments.iter().peekable();
    while let Some((place, data)) = rest.next() {
        let mut bytes = data.to_vec();
        while let Some((next, data)) = rest.peek() {
            let zeros = (*next - place) as usize - bytes.len();
            if zeros > MAX_ZEROS as usize {
                break;
            }
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend_from_slice(data);
            rest.next();
        }
        section.active(0, &ConstExpr::i32_const(place.cast_signed()), bytes);
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(module: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let sections = Parser::new(0).parse_all(module).filter_map(|payload| match payload.unwrap() {
            Payload::DataSection(section) => Some(section),
            _ => None,
        });
        let all = sections.flat_map(|section| active(section).unwrap().unwrap());
        all.map(|(place, data)| (place, data.to_vec())).collect()
    }

    #[test]
    fn segments_with_few_zeros_between_them_become_one() {
        let text = r#"(module (memory 1) (func (export "f"))
            (data (i32.const 8) "ab") (data (i32.const 12) "c") (data (i32.const 200) "e") (data (i32.const 13) "d"))"#;
        let merged = merge(&wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(segments(&merged), [(8, b"ab\0\0cd".to_vec()), (200, b"e".to_vec())]);
        wasmparser::validate(&merged).unwrap();
    }

    #[test]
    fn what_go_does_not_do_is_left_alone() {
        for text in [
            r#"(module (memory 1) (data "passive") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))))"#,
            r#"(module (memory 1) (data (i32.const 8) "ab") (data (i32.const 9) "over"))"#,
            r#"(module (import "a" "b" (global i32)) (memory 1) (data (global.get 0) "ab"))"#,
        ] {
            let module = wat::parse_str(text).unwrap();
            assert_eq!(merge(&module).unwrap(), module);
        }
    }
}
