//! Deploys the guests through the node's API: uploads, one signed bundle, waits until it is final.

use anyhow::{Context as _, Result, bail};
use moot_benches::guests::Guest;
use moot_node::api::Outcome;
use moot_node::client::{Client, NodeAddress};
use moot_record::{
    Bundle, BundleBuilder, Entry, FunctionKind, FunctionName, Keypair, PageClass, PayloadMode, Spec,
    Transaction, component_digest,
};
use std::net::SocketAddr;

/// The bundle must be ordered within so many blocks: minutes, at any speed.
const VALIDITY_BLOCKS: u64 = 5_000;

/// Who owns what is measured, and pays for it.
pub(crate) fn owner() -> Keypair {
    Keypair::from_seed([7; 32])
}

/// Deploys every guest that a scenario calls.
pub(crate) async fn deploy(node: SocketAddr, payloads: PayloadMode) -> Result<()> {
    let client = Client::new(NodeAddress::parse(&node.to_string())?);
    let guests = [
        (Guest::HelloHttp, FunctionKind::Http),
        (Guest::HelloHttpPlain, FunctionKind::Http),
        (Guest::Calculator, FunctionKind::Typed),
        (Guest::Hello, FunctionKind::Event),
    ];
    // The node lives for minutes and its network is nobody's: any key will do.
    let owner = owner();
    let mut builder = BundleBuilder::new();
    for (guest, kind) in guests {
        let bytes = guest.bytes()?;
        let name = FunctionName::parse(guest.name())?;
        let spec = Spec { payloads, ..Spec::new(kind, format!("/{name}")) };
        let (component, length) = (component_digest(&bytes), bytes.len() as u64);
        client.put_component(&owner, &component, bytes.into()).await?;
        let transaction = Transaction::deploy(name, component, length, &spec, None);
        builder.append(PageClass::Bulk, &Entry::Transaction(transaction).encode())?;
    }
    let status = client.status().await?;
    let bundle = Bundle::sign(&owner, &status.network, status.height + VALIDITY_BLOCKS, builder.finish())?;
    let answer = client.submit(bundle.encode()).await.context("the deploy was not taken")?;
    for entry in answer.entries {
        match entry.outcome {
            Outcome::Applied { .. } => {}
            other => bail!("a guest was not deployed: {other:?}"),
        }
    }
    Ok(())
}
