//! Code on one line where it fits, and else with its parts on lines of their own: what the languages' formatters would do.

/// Text, or text around a list.
#[derive(Debug, Clone)]
pub(super) struct Code {
    head: String,
    list: Option<List>,
}

#[derive(Debug, Clone)]
struct List {
    open: &'static str,
    parts: Vec<Code>,
    close: &'static str,
    tail: String,
}

/// How wide lines may be, and what they begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) width: usize,
    pub(super) indent: &'static str,
}

impl Code {
    pub(super) fn text(text: impl Into<String>) -> Code {
        Code { head: text.into(), list: None }
    }

    /// `head(part, part)`
    pub(super) fn call(head: impl Into<String>, parts: Vec<Code>) -> Code {
        Code::list(head, ["(", ")"], parts)
    }

    /// `head` and a list between brackets.
    pub(super) fn list(head: impl Into<String>, [open, close]: [&'static str; 2], parts: Vec<Code>) -> Code {
        Code { head: head.into(), list: Some(List { open, parts, close, tail: String::new() }) }
    }

    /// The same with something before it.
    pub(super) fn after(mut self, before: &str) -> Code {
        self.head.insert_str(0, before);
        self
    }

    /// The same with something behind it.
    pub(super) fn before(mut self, after: &str) -> Code {
        match &mut self.list {
            Some(list) => list.tail.push_str(after),
            None => self.head.push_str(after),
        }
        self
    }

    /// All of it on one line.
    pub(super) fn flat(&self) -> String {
        let Some(List { open, parts, close, tail }) = &self.list else { return self.head.clone() };
        let parts: Vec<String> = parts.iter().map(Code::flat).collect();
        format!("{}{open}{}{close}{tail}", self.head, parts.join(", "))
    }

    /// Its lines at a depth of indentation, each with its end.
    pub(super) fn lines(&self, style: Style, depth: usize) -> String {
        // What follows on the last line of a part of a list is a comma.
        let room = style.width.saturating_sub(style.indent.len() * depth);
        let flat = self.flat();
        let indent = style.indent.repeat(depth);
        match &self.list {
            Some(List { open, parts, close, tail }) if flat.chars().count() > room && !parts.is_empty() => {
                let parts: String =
                    parts.iter().map(|part| part.clone().before(",").lines(style, depth + 1)).collect();
                format!("{indent}{}{open}\n{parts}{indent}{close}{tail}\n", self.head)
            }
            _ => format!("{indent}{flat}\n"),
        }
    }
}

/// The lines of some documentation, with what has to come before each; nothing for none.
pub(super) fn commented(docs: &str, mark: &str, indent: &str) -> String {
    let line = |line: &str| format!("{indent}{mark} {}", line.trim_end()).trim_end().to_owned() + "\n";
    docs.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_broken_from_the_outside_in() {
        let inner = Code::call("pair", vec![Code::text("one"), Code::text("two")]);
        let code = Code::call("call", vec![inner, Code::text("three")]).after("x = ").before(";");
        assert_eq!(code.lines(Style { width: 40, indent: "  " }, 0), "x = call(pair(one, two), three);\n");
        assert_eq!(
            code.lines(Style { width: 20, indent: "  " }, 1),
            "  x = call(\n    pair(one, two),\n    three,\n  );\n"
        );
        assert_eq!(
            code.lines(Style { width: 10, indent: "  " }, 0),
            "x = call(\n  pair(\n    one,\n    two,\n  ),\n  three,\n);\n"
        );
    }
}
