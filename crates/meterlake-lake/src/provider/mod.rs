//! Reading a snapshot through DataFusion.
