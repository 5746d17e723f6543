//! What concerns the process that a broker runs in: the background, the user, the file with its number. Only the program
//! uses this; a broker in a test knows nothing of processes.

mod background;
mod pid_file;
mod service;
mod umask;
mod user;

pub use background::{BACKGROUND_FLAG, Background, start_in_background};
pub use pid_file::PidFile;
pub use service::ServiceManager;
pub use umask::{MaskError, set_umask};
pub use user::{Became, BecomeError, Identity, become_user};
