//! Ordered scans stay ordered under a limit.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    datasource::{physical_plan::FileScanConfig, source::DataSourceExec},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::ExecutionPlan,
};

/// DataFusion's limit pushdown takes the limit of an order-preserving merge for one that does not care for order
/// (apache/datafusion#24272). Scans below it then trade files with each other and skip row groups, so that the merge
/// yields wrong rows. This rule runs last and lets every scan that promises an order keep it.
#[derive(Debug)]
pub(crate) struct KeepScanOrder;

impl PhysicalOptimizerRule for KeepScanOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let kept = plan.transform_up(|node| {
            let Some(scan) = node.downcast_ref::<DataSourceExec>() else { return Ok(Transformed::no(node)) };
            let loose = scan
                .data_source()
                .downcast_ref::<FileScanConfig>()
                .is_some_and(|config| !config.output_ordering.is_empty() && !config.preserve_order);
            let kept = if loose { scan.with_preserve_order(true) } else { None };
            Ok(kept.map_or_else(|| Transformed::no(Arc::clone(&node)), Transformed::yes))
        })?;
        Ok(kept.data)
    }

    fn name(&self) -> &str {
        "keep_scan_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
