//! `cargo xtask guests --measure`: what stands in guests/README.md, by the conformance suite and by release builds of the host
//! and of the node.

use super::{build_all, hono, keys};
use crate::step::{cargo, guests_target, output, root, run, step};
use crate::suite;
use anyhow::{Context as _, Result};

/// The tables stand between these lines.
const BEGIN: &str = "<!-- What follows is written by `cargo xtask guests --measure`. -->";
const END: &str = "<!-- What is above was written by `cargo xtask guests --measure`. -->";

/// Functions in QuickJS that are to fit 1 GiB.
const DENSITY: &str = "1000";

/// Measures, and writes the tables.
pub(super) fn write() -> Result<()> {
    build_all()?;
    suite::build_guests()?;
    let table = guests_target().join("conformance.md");
    step("the conformance suite", || {
        // The whole workspace decides about features, as in the tests: so neither compiles the other's dependencies anew.
        let words =
            ["test", "--locked", "--workspace", "--test", "it", "--", "conformance", "--test-threads=1"];
        let mut tests = cargo(&words);
        // A failing case is a "no" in the table, and fails the suite: then nothing is written.
        run(tests.env("MOOT_CONFORMANCE", keys()).env("MOOT_CONFORMANCE_TABLE", &table))
    })?;
    let figures = step("figures, by a release build of the host", || {
        output(&mut cargo(&["run", "--release", "--locked", "-p", "moot-host", "--example", "figures"]))
    })?;
    let density = step("1,000 functions in QuickJS at once", || {
        let mut density =
            cargo(&["run", "--release", "--locked", "-p", "moot-host", "--example", "density", "--"]);
        output(density.arg(guests_target().join("js/hello.wasm")).arg(DENSITY))
    })?;
    let hono = step("the Hono application, deployed and on bare Node", || {
        run(&mut cargo(&["build", "--release", "--locked", "-p", "moot-node", "--bin", "moot"]))?;
        hono::compare()
    })?;
    let conformance =
        std::fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
    let readme = root().join("guests/README.md");
    let text = std::fs::read_to_string(&readme)?;
    let text = replaced(
        &text,
        &format!(
            "\n{}\n\n{}\n\n- In QuickJS: {}\n- {}\n",
            conformance.trim(),
            figures.trim(),
            density.trim(),
            hono.trim()
        ),
    )
    .with_context(|| format!("{} has no line {BEGIN:?} before {END:?}", readme.display()))?;
    std::fs::write(&readme, text)?;
    println!("{figures}\n{density}\n{hono}");
    Ok(())
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
