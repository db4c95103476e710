//! A guard for the order that scans declare.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// Makes scans that declare an order keep it. In DataFusion 55 the rule that pushes limits down tells a scan below a
/// merge with a limit that the order of its files does not matter. The scan's partitions then take files from each
/// other, and row groups may be skipped for the limit, while the merge above goes on relying on the order.
#[derive(Debug)]
pub(super) struct KeepFileOrder;

impl PhysicalOptimizerRule for KeepFileOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if !node.is::<DataSourceExec>() || node.properties().output_ordering().is_none() {
                return Ok(Transformed::no(node));
            }
            Ok(node.with_preserve_order(true).map_or_else(|| Transformed::no(node), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &str {
        "KeepFileOrder"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
