//! TEMP
fn main(){}
