//! The exact sum. Partial sums are kept in 256 bits, where no table can overflow them; only the final total must
//! fit, so that neither the order of rows nor the number of partitions decides whether a sum succeeds.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array},
    buffer::NullBuffer,
    datatypes::{
        DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, Field, FieldRef,
        i256,
    },
    error::ArrowError,
};
use datafusion::{
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

/// `checked_sum(x)`: the sum of `Decimal128(p, s)` as `Decimal128(38, s)`; null over no rows, an error on overflow
/// (DataFusion's own decimal sum wraps).
#[must_use]
pub fn checked_sum_udaf() -> Arc<AggregateUDF> {
    static FUNCTION: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::from(CheckedSum { signature: Signature::user_defined(Volatility::Immutable) }))
    });
    Arc::clone(&FUNCTION)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    signature: Signature,
}

/// The scale of a decimal type.
fn scale_of(data_type: &DataType) -> Result<i8> {
    match data_type {
        DataType::Decimal128(_, scale) => Ok(*scale),
        other => plan_err!("checked_sum takes a Decimal128, not {other}"),
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "checked_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Decimal128(_, scale)] => Ok(vec![DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)]),
            other => plan_err!("checked_sum takes one Decimal128, not {other:?}"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [argument] => Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale_of(argument)?)),
            other => plan_err!("checked_sum takes one Decimal128, not {other:?}"),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let scale = scale_of(arguments.return_type())?;
        let data_type = DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale);
        Ok(vec![Arc::new(Field::new(format!("{}[sum]", arguments.name), data_type, true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ScalarSum { sums: sums_for(&arguments)? }))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(sums_for(&arguments)?))
    }
}

fn sums_for(arguments: &AccumulatorArgs) -> Result<Sums> {
    if arguments.is_distinct {
        return plan_err!("checked_sum(DISTINCT …) is not supported");
    }
    Ok(Sums { scale: scale_of(arguments.return_type())?, narrow: Vec::new(), wide: Vec::new(), seen: Vec::new() })
}

/// One sum a group.
#[derive(Debug)]
struct Sums {
    scale: i8,
    /// What was added since the last carry into `wide`.
    narrow: Vec<i128>,
    /// The rest; stays empty until a first sum leaves 128 bits.
    wide: Vec<i256>,
    /// Whether the group has had a value.
    seen: Vec<bool>,
}

impl Sums {
    fn grow(&mut self, groups: usize) {
        self.narrow.resize(groups.max(self.narrow.len()), 0);
        self.seen.resize(groups.max(self.seen.len()), false);
        if !self.wide.is_empty() {
            self.wide.resize(groups.max(self.wide.len()), i256::ZERO);
        }
    }

    #[inline]
    fn add(&mut self, group: usize, value: i128) -> Result<()> {
        self.seen[group] = true;
        match self.narrow[group].checked_add(value) {
            Some(sum) => self.narrow[group] = sum,
            None => {
                let carried = i256::from_i128(self.narrow[group]);
                self.narrow[group] = value;
                self.add_wide(group, carried)?;
            }
        }
        Ok(())
    }

    #[cold]
    fn add_wide(&mut self, group: usize, value: i256) -> Result<()> {
        self.wide.resize(self.narrow.len(), i256::ZERO);
        match self.wide[group].checked_add(value) {
            Some(sum) => self.wide[group] = sum,
            None => return exec_err!("checked_sum: a partial sum leaves 256 bits"),
        }
        Ok(())
    }

    fn add_all(
        &mut self,
        values: &Decimal128Array,
        groups: impl Iterator<Item = usize>,
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        if values.null_count() == 0 && filter.is_none() {
            for (value, group) in values.values().iter().zip(groups) {
                self.add(group, *value)?;
            }
            return Ok(());
        }
        for (row, group) in groups.take(values.len()).enumerate() {
            if values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row)) {
                self.add(group, values.value(row))?;
            }
        }
        Ok(())
    }

    fn merge_all(&mut self, values: &Decimal256Array, groups: impl Iterator<Item = usize>) -> Result<()> {
        for (row, group) in groups.take(values.len()).enumerate() {
            if values.is_valid(row) {
                let value = values.value(row);
                match value.to_i128() {
                    Some(small) => self.add(group, small)?,
                    None => {
                        self.seen[group] = true;
                        self.add_wide(group, value)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The sums of the emitted groups with their validity.
    fn take(&mut self, emit: EmitTo) -> Result<(Vec<i256>, NullBuffer)> {
        let narrow = emit.take_needed(&mut self.narrow);
        let seen = emit.take_needed(&mut self.seen);
        let wide = if self.wide.is_empty() { Vec::new() } else { emit.take_needed(&mut self.wide) };
        let mut sums: Vec<i256> = narrow.into_iter().map(i256::from_i128).collect();
        for (sum, wide) in sums.iter_mut().zip(wide) {
            match sum.checked_add(wide) {
                Some(total) => *sum = total,
                None => return exec_err!("checked_sum: a partial sum leaves 256 bits"),
            }
        }
        Ok((sums, NullBuffer::from(seen)))
    }

    /// The final totals, each of which must fit 38 digits.
    fn totals(&mut self, emit: EmitTo) -> Result<Decimal128Array> {
        let (sums, seen) = self.take(emit)?;
        let totals = sums.into_iter().map(|sum| self.total(sum)).collect::<Result<Vec<i128>>>()?;
        Ok(Decimal128Array::new(totals.into(), Some(seen))
            .with_precision_and_scale(DECIMAL128_MAX_PRECISION, self.scale)?)
    }

    fn total(&self, sum: i256) -> Result<i128> {
        const LIMIT: u128 = 10_u128.pow(38);
        match sum.to_i128() {
            Some(total) if total.unsigned_abs() < LIMIT => Ok(total),
            // This kind of error, so that a caller can tell it from others.
            _ => Err(ArrowError::ArithmeticOverflow(format!(
                "checked_sum: the total {sum}e-{} has more than 38 digits and is not given rather than wrapped",
                self.scale
            ))
            .into()),
        }
    }

    fn partials(&mut self, emit: EmitTo) -> Result<Decimal256Array> {
        let (sums, seen) = self.take(emit)?;
        Ok(Decimal256Array::new(sums.into(), Some(seen))
            .with_precision_and_scale(DECIMAL256_MAX_PRECISION, self.scale)?)
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        self.add_all(values[0].as_primitive::<Decimal128Type>(), group_indices.iter().copied(), filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(self.totals(emit_to)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.partials(emit_to)?)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.grow(total_num_groups);
        self.merge_all(values[0].as_primitive::<Decimal256Type>(), group_indices.iter().copied())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<Decimal128Type>();
        let taken: Decimal256Array = (0..values.len())
            .map(|row| {
                let used = values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row));
                used.then(|| i256::from_i128(values.value(row)))
            })
            .collect();
        Ok(vec![Arc::new(taken.with_precision_and_scale(DECIMAL256_MAX_PRECISION, self.scale)?)])
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.narrow.capacity() * size_of::<i128>()
            + self.wide.capacity() * size_of::<i256>()
            + self.seen.capacity()
    }
}

/// The sum without groups.
#[derive(Debug)]
struct ScalarSum {
    sums: Sums,
}

impl Accumulator for ScalarSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sums.grow(1);
        self.sums.add_all(values[0].as_primitive::<Decimal128Type>(), std::iter::repeat(0), None)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.sums.grow(1);
        ScalarValue::try_from_array(&self.sums.totals(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(&self.sums)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.sums.grow(1);
        Ok(vec![ScalarValue::try_from_array(&self.sums.partials(EmitTo::All)?, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.sums.grow(1);
        self.sums.merge_all(states[0].as_primitive::<Decimal256Type>(), std::iter::repeat(0))
    }
}
