//! `cargo xtask guests --measure`: what stands in guests/README.md, by the conformance suite and by release builds of the host
//! and of the node. One part of it, `--measure=hono` for instance, is printed alone.

use super::{Maker, build_all, hono, keys};
use crate::step::{cargo, guests_target, output, root, run, step};
use crate::suite;
use anyhow::{Context as _, Result, bail};

/// The tables stand between these lines.
const BEGIN: &str = "<!-- What follows is written by `cargo xtask guests --measure`. -->";
const END: &str = "<!-- What is above was written by `cargo xtask guests --measure`. -->";

/// Functions in QuickJS that are to fit 1 GiB.
const DENSITY: &str = "1000";

/// What can be measured, in the order of the README.
const PARTS: [Maker<String>; 4] =
    [("conformance", conformance), ("figures", figures), ("density", density), ("hono", hono)];

/// Measures all, and writes the tables.
pub(super) fn write() -> Result<()> {
    build_all()?;
    let (table, speeds, density, hono) = (conformance()?, figures()?, density()?, hono()?);
    let readme = root().join("guests/README.md");
    let text = std::fs::read_to_string(&readme)?;
    let text = replaced(&text, &format!("\n{table}\n\n{speeds}\n\n- In QuickJS: {density}\n- {hono}\n"))
        .with_context(|| format!("{} has no line {BEGIN:?} before {END:?}", readme.display()))?;
    std::fs::write(&readme, text)?;
    println!("{speeds}\n{density}\n{hono}");
    Ok(())
}

/// Measures one part, and writes nothing down.
pub(super) fn print(part: &str) -> Result<()> {
    let Some((_, measure)) = PARTS.iter().find(|(name, _)| *name == part) else {
        bail!("there is no part {part}; there are: {}", PARTS.map(|(name, _)| name).join(", "));
    };
    build_all()?;
    println!("{}", measure()?);
    Ok(())
}

fn conformance() -> Result<String> {
    let table = guests_target().join("conformance.md");
    step("the conformance suite", || {
        suite::build_guests()?;
        // The whole workspace decides about features, as in the tests: so neither compiles the other's dependencies anew.
        let words =
            ["test", "--locked", "--workspace", "--test", "it", "--", "conformance", "--test-threads=1"];
        let mut tests = cargo(&words);
        // A failing case is a "no" in the table, and fails the suite: then nothing is written.
        run(tests.env("MOOT_CONFORMANCE", keys()).env("MOOT_CONFORMANCE_TABLE", &table))
    })?;
    let text = std::fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
    Ok(text.trim().to_owned())
}

fn figures() -> Result<String> {
    let figures = step("figures, by a release build of the host", || {
        suite::build_guests()?;
        output(&mut cargo(&["run", "--release", "--locked", "-p", "moot-host", "--example", "figures"]))
    })?;
    Ok(figures.trim().to_owned())
}

fn density() -> Result<String> {
    let density = step("1,000 functions in QuickJS at once", || {
        let mut density =
            cargo(&["run", "--release", "--locked", "-p", "moot-host", "--example", "density", "--"]);
        output(density.arg(guests_target().join("js/hello.wasm")).arg(DENSITY))
    })?;
    Ok(density.trim().to_owned())
}

fn hono() -> Result<String> {
    step("the Hono application, deployed and on bare Node", || {
        run(&mut cargo(&["build", "--release", "--locked", "-p", "moot-node", "--bin", "moot"]))?;
        hono::compare()
    })
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&text, "new").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new"), Some(new.clone()), "twice is once");
        assert!(replaced("nothing", "new").is_none());
    }
}
