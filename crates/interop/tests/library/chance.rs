//! Numbers from a seed.

/// A generator of numbers that look random (xorshift).
pub(crate) struct Chance(u64);

impl Chance {
    /// From the seed of the environment variable `KILL_SEED`, or 1.
    pub(crate) fn new() -> Self {
        let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
        eprintln!("KILL_SEED={seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}

/// How many messages a test publishes: as many as the environment variable `KILL_MESSAGES` says.
pub(crate) fn messages(default: usize) -> usize {
    std::env::var("KILL_MESSAGES").ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}
