//! Blocks.

use super::Answered;
use crate::api::BlockView;
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;

/// A block by its height.
#[utoipa::path(get, path = "/_moot/blocks/{height}", tag = "node", params(("height" = u64, Path)),
    responses((status = 200, body = BlockView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, height: &str) -> Answered {
    let height: u64 = height
        .parse()
        .map_err(|_| Failure::new(Kind::NotFound, "a block is named by its height, a number from 1"))?;
    let Some(block) = door.worker.ledger.block(height).map_err(Failure::internal)? else {
        let now = door.worker.ledger.height();
        return Err(Failure::new(
            Kind::NotFound,
            format!("there is no block {height} yet; the last is {now}"),
        ));
    };
    let header = block.header;
    Ok(json(
        StatusCode::OK,
        &BlockView {
            height: header.height,
            digest: header.digest(),
            parent: header.parent,
            time_ms: header.time_ms,
            state: header.state,
            batches: block.batches,
        },
    ))
}
