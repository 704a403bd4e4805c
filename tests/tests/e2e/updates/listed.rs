//! What changes while no watch shows it.

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::PostParams;
use serde_json::json;
use sluice_tests::faults::Faults;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::{all, objects, said, staging, until_recorded, until_says, update};
use crate::PATIENCE;

/// More than a page of a listing.
const MANY: u32 = 520;

/// Of a listing of several pages, the store shows the objects of the first one when the last one has come. Nothing else brings its
/// Environment back.
#[tokio::test]
async fn an_update_that_came_while_the_watch_was_lost_is_recorded() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    team.home().apply(&staging(&json!([{"name": "web"}]), &json!({})));
    let _controller = team.controller().await;
    let updates = objects(&team, "ComponentUpdate");
    let create = async |sequence| {
        let mut update = update(&format!("other-{sequence}"), "web", sequence);
        update["spec"]["environment"] = "elsewhere".into();
        let update = serde_json::from_value(update).expect("an update");
        updates.create(&PostParams::default(), &update).await.map(drop)
    };
    stream::iter(1..=MANY).map(create).buffer_unordered(16).try_collect::<()>().await.expect("updates");
    eventually("all are known", PATIENCE, async || {
        let all = all(&team, "ComponentUpdate").await;
        let open = all.iter().filter(|it| said(it, "Recorded").is_empty()).count();
        if open == 0 { Ok(()) } else { Err(format!("{open} are not")) }
    })
    .await;

    faults.lose_watches("componentupdates");
    team.apply_value(&update("a-first", "web", 1));
    faults.come_back();
    until_says(&team, "a-first", "Recorded", "True Recorded").await;
    until_recorded(&team, "web", "a-first").await;
}
