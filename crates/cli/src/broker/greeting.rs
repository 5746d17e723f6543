//! What the program says when the broker runs.

use core::fmt::Write;
use core::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::VERSION;

/// The port of MQTT.
const PORT_DEFAULT: u16 = 1883;

/// What the program listens on and, for someone who has not configured anything, how to try it.
pub(super) fn text(
    addresses: &[SocketAddr],
    paths: &[PathBuf],
    explains: bool,
    kept: Option<&Path>,
) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    let listed: Vec<String> = addresses.iter().map(SocketAddr::to_string).chain(paths).collect();
    let mut text = format!("Martlet {VERSION} listens on {}\n", listed.join(" and "));
    match kept {
        Some(folder) => {
            let _ = writeln!(text, "Sessions and messages are kept in {}", folder.display());
        }
        None => text.push_str("Sessions and messages are gone when it ends\n"),
    }
    if let Some(first) = addresses.first()
        && explains
    {
        let port = if first.port() == PORT_DEFAULT { String::new() } else { format!(" -p {}", first.port()) };
        let _ = write!(
            text,
            "Only programs on this machine can connect, without a password. Try it in two other terminals:\n\
             \n  mosquitto_sub{port} -v -t 'greetings/#'\
             \n  mosquitto_pub{port} -t greetings/world -m hello\n\
             \nCtrl+C ends it.\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_commands_that_work_as_they_stand() {
        let addresses = |port| [SocketAddr::from(([127, 0, 0, 1], port))];
        let greeting = text(&addresses(1883), &[], true, None);
        assert!(greeting.contains("listens on 127.0.0.1:1883\n"), "{greeting}");
        assert!(greeting.contains("  mosquitto_sub -v -t 'greetings/#'\n"), "{greeting}");
        let greeting = text(&addresses(1884), &[], true, Some(Path::new("/data")));
        assert!(greeting.contains("are kept in /data\n"), "{greeting}");
        assert!(greeting.contains("  mosquitto_pub -p 1884 -t greetings/world -m hello\n"), "{greeting}");
        assert_eq!(text(&addresses(1884), &[], false, None).lines().count(), 2);
    }
}
