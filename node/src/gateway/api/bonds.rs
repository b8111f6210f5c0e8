//! What is held and staked, and where the replicas are that a stake may join.

use super::Answered;
use crate::api::{
    BidView, HoldView, ReplicaView, ReplicasView, StakeView, StakedReplicaView, StakesView, WaitingView,
};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;
use moot_ledger::{Bid, Seats};
use moot_record::{AccountId, ParseError, Role};

/// What is held under the address of a transaction. What was released or went back is not there any more.
#[utoipa::path(get, path = "/_moot/holds/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = HoldView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn hold(door: &Door, id: &str) -> Answered {
    let id = super::entry_id(id)?;
    let ledger = &door.worker.ledger;
    let height = ledger.height();
    let Some(hold) = ledger.held(&id).map_err(Failure::internal)? else {
        let detail = format!("nothing is held under {id}: it was released, it went back, or it never was");
        return Err(Failure::new(Kind::NotFound, detail));
    };
    let amount = hold.amount.to_string();
    let view = HoldView { id, from: hold.from, to: hold.to, amount, until: hold.until, height };
    Ok(json(StatusCode::OK, &view))
}

/// Who bids for a seat, the best first, and who has one.
#[utoipa::path(get, path = "/_moot/stakes", tag = "accounts", responses((status = 200, body = StakesView)))]
pub(super) async fn stakes(door: &Door) -> Answered {
    let ledger = &door.worker.ledger;
    let (height, seats) = (ledger.height(), ledger.seats());
    let bids = ledger.stakes().bids(&ledger.revoked()).iter().map(|bid| bid_view(bid, &seats)).collect();
    let (places, lockup_blocks) =
        seats.economy().map_or((0, 0), |economy| (economy.seats, economy.lockup_blocks));
    let by_stake = seats.by_stake();
    Ok(json(StatusCode::OK, &StakesView { by_stake, seats: places, lockup_blocks, bids, height }))
}

/// What an account has staked.
#[utoipa::path(get, path = "/_moot/stakes/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = StakeView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn stake(door: &Door, account: &str) -> Answered {
    let account: AccountId =
        account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))?;
    let ledger = &door.worker.ledger;
    let (height, seats, stakes) = (ledger.height(), ledger.seats(), ledger.stakes());
    let found = stakes.get(&account).cloned().unwrap_or_default();
    let waiting = found.waiting.iter();
    let waiting = waiting.map(|part| WaitingView { amount: part.amount.to_string(), until: part.until });
    let replicas = found.replicas.iter().map(|replica| {
        let conviction = stakes.conviction(&replica.account);
        StakedReplicaView {
            account: replica.account,
            ledger: replica.ledger,
            data: replica.data,
            seated: is_seated(&seats, &replica.account),
            burned: conviction.map(|found| found.burned.to_string()),
            voted: conviction.and_then(|found| found.voted).map(|what| what.to_string()),
        }
    });
    let staked = found.staked.to_string();
    let (waiting, replicas) = (waiting.collect(), replicas.collect());
    Ok(json(StatusCode::OK, &StakeView { account, staked, waiting, replicas, height }))
}

fn bid_view(bid: &Bid, seats: &Seats) -> BidView {
    let replica = bid.replica.account;
    let share = (bid.staked / u64::from(bid.place.max(1))).to_string();
    BidView { replica, staker: bid.staker, share, seated: is_seated(seats, &replica) }
}

fn is_seated(seats: &Seats, replica: &AccountId) -> bool {
    seats.of(replica).is_some_and(|(_, seat)| seats.role(seat) == Role::Votes)
}

/// Where the replicas are, as far as this one knows: what somebody needs who joins. Only where anybody may join.
#[utoipa::path(get, path = "/_moot/replicas", tag = "node",
    responses((status = 200, body = ReplicasView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn replicas(door: &Door) -> Answered {
    let ledger = &door.worker.ledger;
    let own = door.neighbours.own().filter(|_| ledger.seats().by_stake());
    let Some((at, data)) = own else {
        let detail = "this is no network that anybody may join by stake: ask its operators";
        return Err(Failure::new(Kind::NotFound, detail));
    };
    let mut replicas = vec![ReplicaView { account: door.account, ledger: at, data }];
    let others = ledger.replicas().into_iter();
    replicas.extend(others.map(|peer| ReplicaView {
        account: peer.account,
        ledger: peer.address,
        data: peer.data,
    }));
    Ok(json(StatusCode::OK, &ReplicasView { replicas }))
}
