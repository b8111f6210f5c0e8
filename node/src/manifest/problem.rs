//! What is wrong in a manifest, shown the way a compiler would: file, line, the line itself, what would be right.
//!
//! Every problem of a file is collected before any is shown, so that one reading mends them all.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the value in it.
    pub message: String,
    /// What would be right, when that is not plain from the message.
    pub help: Option<String>,
    excerpt: String,
    marked: usize,
}

/// A manifest that cannot be used, with everything that is wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The file.
    pub path: PathBuf,
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let Problem { line, column, message, help, excerpt, marked } = problem;
            write!(f, "{message}")?;
            write!(f, "\n  --> {}:{line}:{column}", self.path.display())?;
            let gutter = line.to_string().len();
            write!(f, "\n{line} | {excerpt}")?;
            write!(
                f,
                "\n{:gutter$} | {:indent$}{}",
                "",
                "",
                "^".repeat((*marked).max(1)),
                indent = column - 1
            )?;
            if let Some(help) = help {
                write!(f, "\n{:gutter$} = help: {help}", "")?;
            }
        }
        Ok(())
    }
}

/// A file's text and the problems found in it so far.
pub(crate) struct Source<'t> {
    path: &'t Path,
    text: &'t str,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(path: &'t Path, text: &'t str) -> Self {
        Source { path, text, problems: RefCell::new(Vec::new()) }
    }

    /// Whether anything was found wrong so far.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// Notes a problem with the bytes `at`.
    pub(crate) fn problem(&self, at: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let start = self.floor(at.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |n| start + n);
        let excerpt = self.text[line_start..line_end].trim_end().replace('\t', " ");
        let end = self.floor(at.end).clamp(start, line_end);
        let problem = Problem {
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            message: message.into(),
            help,
            excerpt,
            marked: self.text[start..end].chars().count(),
        };
        self.problems.borrow_mut().push((start, problem));
    }

    /// The nearest character boundary at or before a byte offset.
    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }

    /// `value` when nothing was found wrong, else everything that was.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ManifestError> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(value);
        }
        problems.sort_by_key(|(start, _)| *start);
        let problems = problems.into_iter().map(|(_, problem)| problem).collect();
        Err(ManifestError { path: self.path.to_owned(), problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_place() {
        let text = "a = 1\nkey = \"é wrong\"\n";
        let source = Source::new(Path::new("moot.toml"), text);
        let at = text.find("wrong").unwrap();
        source.problem(at..at + 5, "it is wrong", Some("make it right".into()));
        let shown = source.finish(()).unwrap_err().to_string();
        assert_eq!(
            shown,
            "it is wrong\n  --> moot.toml:2:10\n2 | key = \"é wrong\"\n  |          ^^^^^\n  = help: make it right"
        );
    }

    #[test]
    fn survives_any_range() {
        let text = "é\n";
        for start in 0..6 {
            for end in 0..6 {
                let source = Source::new(Path::new("m"), text);
                source.problem(start..end, "x", None);
                assert!(source.finish(()).is_err());
            }
        }
    }

    #[test]
    fn in_the_order_of_the_file() {
        let source = Source::new(Path::new("m"), "one\ntwo\n");
        source.problem(4..7, "second", None);
        source.problem(0..3, "first", None);
        let error = source.finish(()).unwrap_err();
        assert_eq!(
            error.problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(),
            ["first", "second"]
        );
    }
}
