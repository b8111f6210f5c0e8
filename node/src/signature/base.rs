//! The signature base (RFC 9421, section 2.5): the text that is signed.

use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};
use sfv::{FieldType, InnerList, List, ListEntry};

/// What a signature can cover of a request.
pub(super) struct Covered<'a> {
    pub(super) method: &'a Method,
    pub(super) authority: String,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

impl<'a> Covered<'a> {
    pub(super) fn of(parts: &'a Parts) -> Option<Self> {
        let host = parts.headers.get(header::HOST).and_then(|v| v.to_str().ok());
        let authority = parts.uri.authority().map(|a| a.as_str()).or(host)?;
        Some(Covered::new(&parts.method, authority, &parts.uri, &parts.headers))
    }

    pub(super) fn new(method: &'a Method, authority: &str, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        // Normal form: lowercase, without the scheme's own port.
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(":80").map_or(authority.clone(), str::to_owned);
        Covered { method, authority, path: uri.path(), query: uri.query(), headers }
    }

    /// The value of one component; none when the request has no such thing.
    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "@method" => self.method.as_str().to_owned(),
            "@authority" => self.authority.clone(),
            "@scheme" => "http".to_owned(),
            "@path" => self.path.to_owned(),
            "@query" => format!("?{}", self.query.unwrap_or_default()),
            "@request-target" => self.target(),
            "@target-uri" => format!("http://{}{}", self.authority, self.target()),
            name if name.starts_with('@') => return None,
            name => {
                let mut values = self.headers.get_all(name).iter().peekable();
                values.peek()?;
                let values: Option<Vec<&str>> = values.map(|v| v.to_str().ok().map(str::trim)).collect();
                values?.join(", ")
            }
        })
    }

    fn target(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_owned(),
        }
    }
}

/// The base over the components that `input` lists; none when one of them is missing or of a kind not known here.
pub(super) fn base(covered: &Covered<'_>, input: &InnerList) -> Option<String> {
    let mut text = String::with_capacity(512);
    for item in &input.items {
        let name = item.bare_item.as_string()?.as_str();
        // `;sf`, `;bs`, `;key`, `;req` change what is covered; nobody who signs for us needs them.
        if !item.params.is_empty() {
            return None;
        }
        let value = covered.value(name)?;
        text.push('"');
        text.push_str(name);
        text.push_str("\": ");
        text.push_str(&value);
        text.push('\n');
    }
    text.push_str("\"@signature-params\": ");
    text.push_str(&parameters(input)?);
    Some(text)
}

/// An inner list as `Signature-Input` has it after the label.
pub(super) fn parameters(input: &InnerList) -> Option<String> {
    let list: List = vec![ListEntry::InnerList(input.clone())];
    list.serialize()
}
