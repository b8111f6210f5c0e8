//! Blocks.

use super::Answered;
use crate::api::BlockView;
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;

/// A block by its height.
#[utoipa::path(get, path = "/_moot/blocks/{height}", tag = "node", params(("height" = u64, Path)),
    responses((status = 200, body = BlockView), (status = 404, body = crate::api::Problem),
        (status = 410, description = "it was pruned here", body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, height: &str) -> Answered {
    let height: u64 = height
        .parse()
        .map_err(|_| Failure::new(Kind::NotFound, "a block is named by its height, a number from 1"))?;
    let Some(block) = door.worker.ledger.block(height).map_err(Failure::internal)? else {
        let (now, kept_from) = (door.worker.ledger.height(), door.worker.ledger.kept_from());
        if height < kept_from && height > 0 {
            return Err(Failure::new(
                Kind::NotKept,
                format!(
                    "block {height} was pruned here; the oldest that is kept is {kept_from}. Ask a replica that keeps everything"
                ),
            ));
        }
        return Err(Failure::new(
            Kind::NotFound,
            format!("there is no block {height} yet; the last is {now}"),
        ));
    };
    let header = block.header;
    let seats = door.worker.ledger.seats();
    let voters = block.certificate.voters(seats.committee(seats.epoch_of(header.height))).unwrap_or_default();
    Ok(json(
        StatusCode::OK,
        &BlockView {
            height: header.height,
            digest: header.digest(),
            parent: header.parent,
            time_ms: header.time_ms,
            state: header.state,
            batches: block.batches,
            voters: if block.descent.is_empty() { voters } else { Vec::new() },
        },
    ))
}
