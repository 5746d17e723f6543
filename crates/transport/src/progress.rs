//! What comes of handing bytes to a layer.

use crate::fault::Fault;

/// What came of handing bytes to a layer.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Bytes for the next layer.
    pub(crate) bytes: usize,
    /// Nothing comes behind them any more.
    pub(crate) stop: Option<Stop>,
}

impl Progress {
    /// Nothing for the next layer yet.
    pub(crate) const NOTHING: Self = Self { bytes: 0, stop: None };

    pub(crate) const fn stopped(bytes: usize, stop: Stop) -> Self {
        Self { bytes, stop: Some(stop) }
    }
}

/// Why nothing more comes out of a layer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The peer said that this is the end.
    Ended,
    /// The peer broke the rules.
    Failed(Fault),
}
