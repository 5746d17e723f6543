//! Which permissions new files do not get.

use core::fmt;
use std::ffi::{OsStr, OsString};

use nix::sys::stat::{Mode, umask};

/// The largest mask.
const MASK_MAX: u32 = 0o777;

/// A text that is no mask: an octal number up to 777.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskError(OsString);

impl core::error::Error for MaskError {}

impl fmt::Display for MaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UMASK_SET environment variable not a valid octal number up to 777: '{}'.",
            self.0.display()
        )
    }
}

/// Takes the permissions of an octal number away from all files that are made from here on.
///
/// # Errors
/// It is no such number.
pub fn set_umask(octal: &OsStr) -> Result<(), MaskError> {
    umask(mask(octal)?);
    Ok(())
}

fn mask(octal: &OsStr) -> Result<Mode, MaskError> {
    let number = octal.to_str().and_then(|text| u32::from_str_radix(text, 8).ok());
    let bits = number.filter(|number| *number <= MASK_MAX).ok_or_else(|| MaskError(octal.into()))?;
    Ok(Mode::from_bits_truncate(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        assert_eq!(mask(OsStr::new("027")).unwrap(), Mode::S_IWGRP | Mode::S_IRWXO);
        assert_eq!(mask(OsStr::new("0")).unwrap(), Mode::empty());
        for wrong in ["", "8", "1000", "-1", "x"] {
            assert!(mask(OsStr::new(wrong)).unwrap_err().to_string().ends_with(&format!("'{wrong}'.")));
        }
    }
}
