//! Password files: a line for each user, `NAME:HASH`.

use std::collections::HashMap;

use crate::error::{FileError, Problem};
use crate::hash::PasswordHash;

/// Users, and the hashes of their passwords.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    /// A user without a hash is known, and no password is right.
    users: HashMap<Box<str>, Option<PasswordHash>>,
    /// What is worked at for a user that there is not, so that the time of an answer tells nobody which users there are.
    decoy: Option<PasswordHash>,
}

impl Passwords {
    /// Reads a file. Lines that are empty or begin with `#` say nothing; a colon behind the hash ends it.
    ///
    /// # Errors
    /// The first line that is something else. A password in plain text is such a line.
    pub fn parse(content: &[u8]) -> Result<Self, FileError> {
        let (passwords, errors) = Self::parse_all(content);
        errors.into_iter().next().map_or(Ok(passwords), Err)
    }

    /// Reads a file as far as it is good, and tells all lines that are not.
    pub fn parse_all(content: &[u8]) -> (Self, Vec<FileError>) {
        let mut passwords = Self::default();
        let mut errors = Vec::new();
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            if let Err(problem) = passwords.take(line) {
                errors.push(FileError { line: number, problem });
            }
        }
        (passwords, errors)
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Problem> {
        let line = str::from_utf8(line.trim_ascii_end()).map_err(|_| Problem::NoText)?;
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (name, hash) = match line.split_once(':') {
            Some((name, rest)) => (name, Some(rest.split(':').next().unwrap_or_default())),
            None => (line, None),
        };
        if name.is_empty() {
            return Err(Problem::NoName);
        }
        let hash = hash.map(|hash| PasswordHash::parse(hash).ok_or(Problem::NoHash)).transpose()?;
        if self.decoy.is_none() {
            self.decoy.clone_from(&hash);
        }
        match self.users.insert(name.into(), hash) {
            Some(_) => Err(Problem::TwoPasswords(name.into())),
            None => Ok(()),
        }
    }

    /// Whether this is the password of this user. Takes as long as the hash wants it to, for a user that there is not as
    /// well.
    pub fn is_password(&self, user_name: &str, password: &[u8]) -> bool {
        if let Some(Some(hash)) = self.users.get(user_name) {
            return hash.is_of(password);
        }
        if let Some(decoy) = &self.decoy {
            core::hint::black_box(decoy.is_of(password));
        }
        false
    }

    /// Whether there is a line for this user, with or without a password.
    pub fn has_user(&self, user_name: &str) -> bool {
        self.users.contains_key(user_name)
    }

    /// Whether there is a password for this user.
    pub fn has_password(&self, user_name: &str) -> bool {
        self.users.get(user_name).is_some_and(Option::is_some)
    }

    /// Whether this user has the same line in another file: who has shown its password by one needs not do so by the other.
    pub fn agrees_with(&self, other: &Self, user_name: &str) -> bool {
        let hash = |passwords: &Self| passwords.users.get(user_name).cloned().flatten();
        hash(self).is_some_and(|own| Some(own) == hash(other))
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The password is `test`.
    const HASH: &str = "$6$njERlZMi/7DzNB9E$iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";

    fn parse(text: &str) -> Result<Passwords, FileError> {
        Passwords::parse(text.as_bytes())
    }

    #[test]
    fn users_have_their_passwords() {
        let text = format!("# users\r\n\r\nann:{HASH}\r\n \t\njoe smith:{HASH}  \nfred:{HASH}:x\nnobody\n");
        let passwords = parse(&text).unwrap();
        assert_eq!(passwords.len(), 4);
        for user in ["ann", "joe smith", "fred"] {
            assert!(passwords.is_password(user, b"test"), "{user}");
            assert!(!passwords.is_password(user, b"other"), "{user}");
            assert!(!passwords.is_password(user, b""), "{user}");
        }
        for user in ["nobody", "stranger", "", "# users"] {
            assert!(!passwords.is_password(user, b"test") && !passwords.is_password(user, b""), "{user}");
        }
    }

    #[test]
    fn a_file_without_users_lets_nobody_in() {
        for text in ["", "\n", "# nobody\n"] {
            let passwords = parse(text).unwrap();
            assert!(passwords.is_empty() && !passwords.is_password("", b""), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let table = [
            ("ann:plain".to_owned(), Problem::NoHash),
            ("ann:".to_owned(), Problem::NoHash),
            ("ann:$6$".to_owned(), Problem::NoHash),
            ("ann:$6$njERlZMi/7DzNB9E".to_owned(), Problem::NoHash),
            ("ann:$6$AAAA$AAAA".to_owned(), Problem::NoHash),
            (format!("ann:{}", HASH.replace("$6$", "$5$")), Problem::NoHash),
            (format!("ann:{}", HASH.replace("$6$", "$7$0$")), Problem::NoHash),
            (format!("ann:{}", HASH.replace("iiavf", "{iavf")), Problem::NoHash),
            (format!(":{HASH}"), Problem::NoName),
            (format!("first:{HASH}"), Problem::TwoPasswords("first".into())),
        ];
        for (line, problem) in table {
            let text = format!("first:{HASH}\n# a comment\n{line}\n");
            assert_eq!(parse(&text).unwrap_err(), FileError { line: 3, problem }, "{line}");
        }
        let text = format!("ann:plain\nfirst:{HASH}\n:\nfirst:{HASH}\n");
        let (passwords, errors) = Passwords::parse_all(text.as_bytes());
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3, 4]);
        assert!(passwords.has_user("first") && !passwords.has_user("ann"));
        let no_text = Passwords::parse(b"\xff:x\n").unwrap_err();
        assert_eq!(no_text, FileError { line: 1, problem: Problem::NoText });
    }

    #[test]
    fn secrets_are_not_shown() {
        let passwords = parse(&format!("ann:{HASH}\n")).unwrap();
        assert!(!format!("{passwords:?}").contains("iiavfuXv"));
        let error = parse("ann:secret\n").unwrap_err();
        let texts = [error.to_string(), error.of_mosquittos_password_file("f"), format!("{error:?}")];
        assert!(texts.iter().all(|text| !text.contains("secret")), "{texts:?}");
    }

    #[test]
    fn another_line_is_noticed() {
        let old = parse(&format!("ann:{HASH}\njoe:{HASH}\nnobody\n")).unwrap();
        let changed = HASH.replace("njERl", "njERk");
        let new = parse(&format!("ann:{HASH}\njoe:{changed}\nnobody\n")).unwrap();
        assert!(new.agrees_with(&old, "ann"));
        for user in ["joe", "nobody", "stranger"] {
            assert!(!new.agrees_with(&old, user), "{user}");
        }
    }
}
