
// What follows is the same in every client.

/// The function at a node. Its exports are its methods.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    node: String,
    function: String,
    headers: Vec<(String, String)>,
    answered: Option<Arc<dyn Fn(&Answered) + Send + Sync>>,
}

/// What is known of a call that was answered, beside its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The call's address, by which its receipt can be had.
    pub call: String,
    /// The fuel that it used.
    pub fuel: Option<u64>,
}

/// Why a call has no answer. `E` is the error of the export's `result`.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// The function answered with the error of its `result`.
    Failed(E, Box<Problem>),
    /// The node refused, or the call failed in another way.
    Refused(Box<Problem>),
    /// The node is out of reach, or gave no answer in time.
    Transport(reqwest::Error),
    /// The answer is none of a node, or not of its type: has the function changed?
    Foreign(String),
}

/// Problem details (RFC 9457), as a node writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem: `out-of-fuel`, `no-such-function`.
    pub kind: String,
    /// What was wrong this time.
    pub detail: String,
    /// The address of the call that failed, when one was recorded.
    pub call: Option<String>,
}

impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Failed(error, _) => write!(f, "the function failed: {error:?}"),
            CallError::Refused(problem) => f.write_str(&problem.detail),
            CallError::Transport(error) => error.fmt(f),
            CallError::Foreign(why) => write!(f, "not an answer of this function: {why}"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {}

impl<E> From<Mismatch> for CallError<E> {
    fn from(mismatch: Mismatch) -> Self {
        CallError::Foreign(mismatch.0)
    }
}

impl Client {
    /// Speaks to the node at an address such as `http://127.0.0.1:8080`.
    pub fn new(node: &str) -> Client {
        Client {
            http: reqwest::Client::new(),
            node: node.trim_end_matches('/').to_owned(),
            function: FUNCTION.to_owned(),
            headers: Vec::new(),
            answered: None,
        }
    }

    /// Uses another HTTP client: with a time limit, a proxy, a certificate.
    pub fn with_http(self, http: reqwest::Client) -> Client {
        Client { http, ..self }
    }

    /// Calls a function of another name, with the same interface.
    pub fn with_function(self, function: &str) -> Client {
        Client {
            function: function.to_owned(),
            ..self
        }
    }

    /// Sends a header with each call, such as `idempotency-key`.
    pub fn with_header(mut self, name: &str, value: &str) -> Client {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Is told of each call that was answered.
    pub fn with_answered(self, answered: impl Fn(&Answered) + Send + Sync + 'static) -> Client {
        Client {
            answered: Some(Arc::new(answered)),
            ..self
        }
    }

    fn begin(&self, path: &'static str) -> Call<'_> {
        Call {
            client: self,
            path,
            arguments: Vec::new(),
        }
    }
}

/// One call on its way.
struct Call<'c> {
    client: &'c Client,
    path: &'static str,
    arguments: Vec<Value>,
}

impl Call<'_> {
    fn argument<T: Encode + ?Sized>(&mut self, value: &T) {
        self.arguments.push(value.encode());
    }

    async fn finish<T: Decode, E: Decode>(self) -> Result<T, CallError<E>> {
        let client = self.client;
        // Slashes stay, and what begins a fragment does not.
        let path = self.path.replace('#', "%23");
        let function = &client.function;
        let url = format!("{}/_moot/functions/{function}/call/{path}", client.node);
        let body = Value::Array(self.arguments).to_string();
        let mut request = client.http.post(url).body(body);
        request = request.header("content-type", "application/json");
        for (name, value) in &client.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(CallError::Transport)?;
        let status = answer.status().as_u16();
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (call, fuel) = (header("moot-call"), header("moot-fuel"));
        let bytes = answer.bytes().await.map_err(CallError::Transport)?;
        let json: Value = serde_json::from_slice(&bytes)
            .map_err(|error| CallError::Foreign(format!("HTTP {status}: {error}")))?;
        if status != 200 {
            return Err(refused(status, &json));
        }
        if let (Some(answered), Some(call)) = (&client.answered, call) {
            let fuel = fuel.and_then(|fuel| fuel.parse().ok());
            answered(&Answered { call, fuel });
        }
        Ok(T::decode(&json)?)
    }
}

fn refused<E: Decode>(status: u16, json: &Value) -> CallError<E> {
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("type").unwrap_or_default();
    let problem = Box::new(Problem {
        status,
        kind: kind.rsplit('#').next().unwrap_or_default().to_owned(),
        detail: text("detail").unwrap_or_else(|| format!("the node answered {status}")),
        call: text("call"),
    });
    if status == 422 && problem.kind == "function-failed" {
        let error = serde_json::from_str(&problem.detail).ok();
        if let Some(error) = error.and_then(|error: Value| E::decode(&error).ok()) {
            return CallError::Failed(error, problem);
        }
    }
    CallError::Refused(problem)
}

/// JSON that is not of a type, in words.
#[derive(Debug)]
pub struct Mismatch(String);

fn mismatch(wanted: &str, json: &Value) -> Mismatch {
    let shown: String = json.to_string().chars().take(80).collect();
    Mismatch(format!("{shown} is not {wanted}"))
}

/// A value that can be sent.
pub trait Encode {
    /// Whether `null` is one of its forms.
    const NULLABLE: bool = false;

    /// Its JSON.
    fn encode(&self) -> Value;

    /// The JSON of several: bytes have one of their own.
    fn encode_list(list: &[Self]) -> Value
    where
        Self: Sized,
    {
        Value::Array(list.iter().map(Encode::encode).collect())
    }
}

/// A value that can be received.
pub trait Decode: Sized {
    /// Whether `null` is one of its forms.
    const NULLABLE: bool = false;

    /// From its JSON.
    fn decode(json: &Value) -> Result<Self, Mismatch>;

    /// From the JSON of several.
    fn decode_list(json: &Value) -> Result<Vec<Self>, Mismatch> {
        let list = json.as_array().ok_or_else(|| mismatch("an array", json))?;
        list.iter().map(Decode::decode).collect()
    }
}

fn put<T: Encode>(object: &mut Map<String, Value>, name: &str, value: &T) {
    object.insert(name.to_owned(), value.encode());
}

fn get<T: Decode>(json: &Value, name: &str) -> Result<T, Mismatch> {
    if !json.is_object() {
        return Err(mismatch("an object", json));
    }
    T::decode(json.get(name).unwrap_or(&Value::Null))
        .map_err(|Mismatch(why)| Mismatch(format!("{name}: {why}")))
}

fn case(name: &str, payload: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), payload)]))
}

/// The case of a variant, and its payload if it has one.
fn single(json: &Value) -> Result<(&str, Option<&Value>), Mismatch> {
    if let Some(name) = json.as_str() {
        return Ok((name, None));
    }
    let object = json.as_object().filter(|object| object.len() == 1);
    let entry = object.and_then(|object| object.iter().next());
    let (name, payload) = entry.ok_or_else(|| mismatch("a case", json))?;
    Ok((name, Some(payload)))
}

/// The names of flags.
fn names(json: &Value, known: &[&str]) -> Result<Vec<String>, Mismatch> {
    let names = Vec::<String>::decode(json)?;
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(_) => Err(mismatch("a set of flags", json)),
        None => Ok(names),
    }
}

impl Encode for bool {
    fn encode(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Decode for bool {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        json.as_bool().ok_or_else(|| mismatch("a bool", json))
    }
}

macro_rules! integers {
    ($($ty:ident),*) => {$(
        impl Encode for $ty {
            fn encode(&self) -> Value {
                Value::from(*self)
            }
        }

        impl Decode for $ty {
            fn decode(json: &Value) -> Result<Self, Mismatch> {
                // Beyond 2^53-1 integers are decimal text.
                let text = json.as_str().and_then(|text| text.parse().ok());
                let unsigned = json.as_u64().and_then(|value| value.try_into().ok());
                let signed = json.as_i64().and_then(|value| value.try_into().ok());
                let value = unsigned.or(signed).or(text);
                value.ok_or_else(|| mismatch(stringify!($ty), json))
            }
        }
    )*};
}

integers!(u16, u32, u64, i8, i16, i32, i64);

impl Encode for u8 {
    fn encode(&self) -> Value {
        Value::from(*self)
    }

    fn encode_list(list: &[Self]) -> Value {
        Value::String(BASE64.encode(list))
    }
}

impl Decode for u8 {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        let value = json.as_u64().and_then(|value| value.try_into().ok());
        value.ok_or_else(|| mismatch("u8", json))
    }

    fn decode_list(json: &Value) -> Result<Vec<Self>, Mismatch> {
        let bytes = json.as_str().and_then(|text| BASE64.decode(text).ok());
        bytes.ok_or_else(|| mismatch("base64", json))
    }
}

macro_rules! floats {
    ($($ty:ident),*) => {$(
        impl Encode for $ty {
            fn encode(&self) -> Value {
                match *self {
                    value if value.is_nan() => Value::from("NaN"),
                    $ty::INFINITY => Value::from("Infinity"),
                    $ty::NEG_INFINITY => Value::from("-Infinity"),
                    value => Value::from(value),
                }
            }
        }

        impl Decode for $ty {
            fn decode(json: &Value) -> Result<Self, Mismatch> {
                match json.as_str() {
                    Some("NaN") => Ok($ty::NAN),
                    Some("Infinity") => Ok($ty::INFINITY),
                    Some("-Infinity") => Ok($ty::NEG_INFINITY),
                    _ => {
                        let value = json.as_f64().map(|value| value as $ty);
                        value.ok_or_else(|| mismatch("a number", json))
                    }
                }
            }
        }
    )*};
}

floats!(f32, f64);

impl Encode for char {
    fn encode(&self) -> Value {
        Value::from(self.to_string())
    }
}

impl Decode for char {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        let letter = json.as_str().and_then(|text| text.parse().ok());
        letter.ok_or_else(|| mismatch("a character", json))
    }
}

impl Encode for str {
    fn encode(&self) -> Value {
        Value::from(self)
    }
}

impl Encode for String {
    fn encode(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Decode for String {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        let text = json.as_str().ok_or_else(|| mismatch("a string", json))?;
        Ok(text.to_owned())
    }
}

impl Encode for () {
    fn encode(&self) -> Value {
        Value::Null
    }
}

impl Decode for () {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        json.as_null().ok_or_else(|| mismatch("null", json))
    }
}

impl Decode for Infallible {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        Err(mismatch("possible", json))
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self) -> Value {
        T::encode_list(self)
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self) -> Value {
        T::encode_list(self)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        T::decode_list(json)
    }
}

impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self) -> Value {
        Value::Array(self.iter().map(Encode::encode).collect())
    }
}

impl<T: Decode, const N: usize> Decode for [T; N] {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        let list = json.as_array().ok_or_else(|| mismatch("an array", json))?;
        let list: Vec<T> = list.iter().map(T::decode).collect::<Result<_, _>>()?;
        list.try_into()
            .map_err(|_| mismatch(&format!("an array of {N}"), json))
    }
}

impl<T: Encode> Encode for Option<T> {
    const NULLABLE: bool = true;

    fn encode(&self) -> Value {
        match self {
            None => Value::Null,
            Some(value) if T::NULLABLE => case("some", value.encode()),
            Some(value) => value.encode(),
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    const NULLABLE: bool = true;

    fn decode(json: &Value) -> Result<Self, Mismatch> {
        match json {
            Value::Null => Ok(None),
            json if T::NULLABLE => Ok(Some(get(json, "some")?)),
            json => Ok(Some(T::decode(json)?)),
        }
    }
}

impl<T: Encode, E: Encode> Encode for Result<T, E> {
    fn encode(&self) -> Value {
        match self {
            Ok(value) => case("ok", value.encode()),
            Err(error) => case("err", error.encode()),
        }
    }
}

impl<T: Decode, E: Decode> Decode for Result<T, E> {
    fn decode(json: &Value) -> Result<Self, Mismatch> {
        match single(json)? {
            ("ok", Some(value)) => Ok(Ok(T::decode(value)?)),
            ("err", Some(error)) => Ok(Err(E::decode(error)?)),
            _ => Err(mismatch("a result", json)),
        }
    }
}

macro_rules! tuples {
    ($(($($part:ident $at:tt),*))*) => {$(
        impl<$($part: Encode),*> Encode for ($($part,)*) {
            fn encode(&self) -> Value {
                Value::Array(vec![$(self.$at.encode()),*])
            }
        }

        impl<$($part: Decode),*> Decode for ($($part,)*) {
            fn decode(json: &Value) -> Result<Self, Mismatch> {
                let length = [$($at),*].len();
                let list = json.as_array().filter(|list| list.len() == length);
                let list = list.ok_or_else(|| mismatch("a tuple", json))?;
                Ok(($($part::decode(&list[$at])?,)*))
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
