//! `martlet signal`, which is `mosquitto_signal`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::signal::{self, Brokers};

use super::Call;

/// The processes of brokers. Other commands of this program have its name, too.
const BROKERS: Brokers<'_> = Brokers {
    names: &["martlet", "mosquitto"],
    is_broker: |command_line| matches!(super::call(command_line.into_iter()), Call::Broker),
};

/// Tells brokers to do something.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    ExitCode::from(signal::main(arguments, BROKERS, &mut io::stdout(), &mut io::stderr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brokers_are_told() {
        let is_broker = |line: &str| (BROKERS.is_broker)(line.split(' ').map(OsString::from).collect());
        assert!(is_broker("martlet -c martlet.conf"));
        assert!(is_broker("/usr/sbin/mosquitto -p 1883"));
        assert!(is_broker("martlet"));
        assert!(!is_broker("martlet signal -a shutdown"));
        assert!(!is_broker("target/debug/martlet ctrl"));
    }
}
