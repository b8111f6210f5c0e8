//! An ordinary axum router, as its own documentation has them: nothing but the attribute of its last function knows that it
//! runs in a component.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Book {
    id: u32,
    page: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    page: Option<String>,
}

#[derive(Deserialize)]
struct NewBook {
    title: String,
}

async fn book(Path(id): Path<u32>, Query(Page { page }): Query<Page>) -> Json<Book> {
    Json(Book { id, page })
}

async fn make(Json(book): Json<NewBook>) -> (StatusCode, Json<serde_json::Value>) {
    (StatusCode::CREATED, Json(serde_json::json!({ "made": book.title })))
}

async fn named(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-served-by", axum::http::HeaderValue::from_static("axum"));
    response
}

fn routes() -> Router {
    let books = Router::new().route("/books/{id}", get(book)).route("/books", axum::routing::post(make));
    Router::new()
        .route("/", get(|| async { "hello from axum\n" }))
        .nest("/api", books)
        .fallback(|| async { (StatusCode::NOT_FOUND, "no such page\n").into_response() })
        .layer(middleware::from_fn(named))
}

#[wstd_axum::http_server]
fn main() -> Router {
    // As it would be behind any proxy that leaves the path as it is.
    Router::new().nest("/axum", routes())
}
