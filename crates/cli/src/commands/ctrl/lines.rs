//! Where the shell gets its lines: from a terminal with editing, history and completion, or from a pipe.

use core::cell::RefCell;
use std::io::{self, IsTerminal as _};
use std::rc::Rc;

use martlet_tools::ctrl::shell::Shell;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

/// Lines for the shell.
pub(super) enum Lines {
    Terminal(Box<Editor<Words, MemHistory>>),
    Pipe,
}

/// Completes words by what the shell knows.
pub(super) struct Words(Rc<RefCell<Shell>>);

impl Lines {
    /// Lines from standard input.
    pub(super) fn open(shell: &Rc<RefCell<Shell>>) -> io::Result<Self> {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Ok(Self::Pipe);
        }
        let config = Config::builder().completion_type(CompletionType::List).build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(io::Error::other)?;
        editor.set_helper(Some(Words(Rc::clone(shell))));
        Ok(Self::Terminal(Box::new(editor)))
    }

    pub(super) const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self, prompt: &str) -> io::Result<Option<String>> {
        match self {
            Self::Terminal(editor) => match editor.readline(prompt) {
                Ok(line) => Ok(Some(line)),
                // Ctrl+C gives up the line, as in other shells.
                Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
                Err(ReadlineError::Eof) => Ok(None),
                Err(ReadlineError::Io(error)) => Err(error),
                Err(error) => Err(io::Error::other(error)),
            },
            Self::Pipe => {
                let mut line = String::new();
                Ok(if io::stdin().read_line(&mut line)? == 0 { None } else { Some(line) })
            }
        }
    }

    /// Lets a line be found again by the arrow keys.
    pub(super) fn remember(&mut self, line: &str) {
        if let Self::Terminal(editor) = self {
            // A history that does not take it is no reason to stop.
            let _ = editor.add_history_entry(line);
        }
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.0.borrow().complete(line.get(..pos).unwrap_or(line)))
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}

impl Hinter for Words {
    type Hint = String;
}
