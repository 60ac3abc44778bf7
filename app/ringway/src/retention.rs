//! Removes, now and then, the rows that are kept no longer.

use std::time::Duration;

use ringway_store::{Retention, Store};
use tokio::time::MissedTickBehavior;

use crate::config::RetentionOptions;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3600);
/// Between two batches, so that those who write are not always behind one.
const PAUSE: Duration = Duration::from_millis(50);

impl RetentionOptions {
    /// As the store has it.
    fn retention(&self) -> Retention {
        let kept = |time: Duration| Some(time).filter(|time| !time.is_zero());
        Retention {
            deleted: kept(self.retention_deleted),
            notifications: kept(self.retention_notifications),
            calls: kept(self.retention_calls),
        }
    }
}

/// Purges at once and every hour until the task is dropped.
pub(crate) async fn purge_forever(store: Store, options: RetentionOptions) {
    let retention = options.retention();
    let mut hours = tokio::time::interval(EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        let mut removed = 0;
        loop {
            match store.purge(retention).await {
                Ok(0) => break,
                Ok(rows) => removed += rows,
                Err(error) => {
                    tracing::error!(%error, "old rows could not be removed");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if removed > 0 {
            tracing::info!(removed, "old rows were removed");
        }
    }
}
