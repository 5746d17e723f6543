//! The manual page of the configuration, from the table of its options.

use martlet_server::config::lint::Rule;
use martlet_server::config::{ConfigOption, Reload, Status, table};
use martlet_tools::program::Page;

const SYNTAX: [&str; 4] = [
    "A line is an option and its value, with blanks between them. A line that begins with `#` is a comment; behind a \
     number, a word or `true` a blank and `#` begin one, too, but behind a text or a path they are a part of it.",
    "Order counts where an option begins something: `listener`, `connection` and `plugin` begin a listener, a bridge \
     and a plugin, and the options that belong to these concern the last one above them. Of several lines with the \
     same number or word the last one counts; a second text or path is an error for most options.",
    "`${NAME}` in a value becomes the value of the variable NAME of the environment or, if there is none, the content \
     of the file that the variable NAME_FILE names. `$${` is `${` itself. When the program is called as `mosquitto` \
     nothing is replaced.",
    "An option that this version does not support is an error, and is never passed over. `martlet lint` explains a \
     file and finds what is unsafe in it.",
];

/// The page.
pub(super) fn page() -> String {
    let mut page = Page::new("martlet.conf", 5, "the configuration of the broker martlet");
    page.synopsis("martlet", &["-c file".to_owned()]);
    page.heading("syntax");
    for paragraph in SYNTAX {
        page.text(paragraph);
    }
    for part in table::PARTS {
        page.heading(part.title);
        page.text(part.about);
        for option in part.options {
            let names: Vec<&str> =
                core::iter::once(option.name).chain(option.aliases.iter().copied()).collect();
            page.entry(&names, None, &about(option));
        }
    }
    page.heading("what martlet lint finds");
    for rule in Rule::ALL {
        page.entry(&[rule.id()], None, &format!("{}.", rule.about()));
    }
    page.see_also([("martlet", 1), ("martlet-lint", 1), ("martlet-passwd", 1)]);
    page.finish()
}

/// What an option does, which values it takes, and what there is to know besides.
fn about(option: &ConfigOption) -> String {
    let mut text = format!("{}.\nValue: {}", option.help, option.takes());
    if !option.default.is_empty() {
        text.push_str("; default: ");
        text.push_str(option.default);
    }
    text.push('.');
    let status = match option.status {
        Status::Works => String::new(),
        Status::NoEffect(reason) => format!(" No effect: {reason}."),
        Status::Waits(feature) => format!(" Not there yet: {feature}."),
    };
    text.push_str(&status);
    if option.reload == Reload::Live {
        text.push_str(" Takes effect on SIGHUP.");
    }
    if !option.is_mosquittos {
        text.push_str(" Mosquitto does not have it.");
    }
    text
}
