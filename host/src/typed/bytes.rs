//! Common signatures with byte lists, called without a value for each byte.

use wasmtime::AsContextMut;
use wasmtime::component::types::Type;
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};

/// Parameters and result of a signature that is fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fast {
    params: Params,
    result: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Params {
    Nothing,
    Bytes,
    TextBytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Nothing,
    Bytes,
    OptionBytes,
    ResultBytes,
    ResultNothing,
}

/// An argument that is fast.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Bytes(Vec<u8>),
    Text(String),
}

/// A result that is fast. The outer level of a `result` is taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Returned {
    Nothing,
    Bytes(Vec<u8>),
    OptionBytes(Option<Vec<u8>>),
}

/// Whether a type is `list<u8>`.
pub(super) fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::List(list) if list.ty() == Type::U8)
}

impl Fast {
    /// How to call a function fast, if it has a signature that can be.
    pub(super) fn of(params: &[Type], result: Option<&Type>) -> Option<Fast> {
        let params = match params {
            [] => Params::Nothing,
            [bytes] if is_bytes(bytes) => Params::Bytes,
            [Type::String, bytes] if is_bytes(bytes) => Params::TextBytes,
            _ => return None,
        };
        let result = match result {
            None => Output::Nothing,
            Some(bytes) if is_bytes(bytes) => Output::Bytes,
            Some(Type::Option(option)) if is_bytes(&option.ty()) => Output::OptionBytes,
            Some(Type::Result(result)) if result.err() == Some(Type::String) => match result.ok() {
                Some(bytes) if is_bytes(&bytes) => Output::ResultBytes,
                None => Output::ResultNothing,
                Some(_) => return None,
            },
            Some(_) => return None,
        };
        let bytes = params != Params::Nothing || !matches!(result, Output::Nothing | Output::ResultNothing);
        bytes.then_some(Fast { params, result })
    }

    /// Calls. The inner error is the guest's own: the `string` of its `result`.
    pub(super) async fn call(
        self,
        store: impl AsContextMut<Data: Send>,
        func: Func,
        arguments: Vec<Plain>,
    ) -> wasmtime::Result<Result<Returned, String>> {
        let mut arguments = arguments.into_iter();
        match (self.params, arguments.next(), arguments.next()) {
            (Params::Nothing, None, None) => self.with(store, func, ()).await,
            (Params::Bytes, Some(Plain::Bytes(bytes)), None) => self.with(store, func, (bytes,)).await,
            (Params::TextBytes, Some(Plain::Text(text)), Some(Plain::Bytes(bytes))) => {
                self.with(store, func, (text, bytes)).await
            }
            _ => Err(wasmtime::format_err!("the arguments were read for another signature")),
        }
    }

    async fn with<P>(
        self,
        store: impl AsContextMut<Data: Send>,
        func: Func,
        params: P,
    ) -> wasmtime::Result<Result<Returned, String>>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
    {
        type Or<T> = Result<T, String>;
        Ok(match self.result {
            Output::Nothing => {
                typed::<P, ()>(store, func, params).await?;
                Ok(Returned::Nothing)
            }
            Output::Bytes => Ok(Returned::Bytes(typed::<P, (Vec<u8>,)>(store, func, params).await?.0)),
            Output::OptionBytes => {
                Ok(Returned::OptionBytes(typed::<P, (Option<Vec<u8>>,)>(store, func, params).await?.0))
            }
            Output::ResultBytes => {
                typed::<P, (Or<Vec<u8>>,)>(store, func, params).await?.0.map(Returned::Bytes)
            }
            Output::ResultNothing => {
                typed::<P, (Or<()>,)>(store, func, params).await?.0.map(|()| Returned::Nothing)
            }
        })
    }
}

async fn typed<P, R>(mut store: impl AsContextMut<Data: Send>, func: Func, params: P) -> wasmtime::Result<R>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let func = func.typed::<P, R>(&store)?;
    func.call_async(store.as_context_mut(), params).await
}
