//! One bridge with its sockets and its clock.

mod pipe;

use core::hash::BuildHasher;
use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::io;
use std::sync::Arc;

use martlet_client::Carrier;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::pipe::Pipe;
use crate::backoff::Backoff;
use crate::bridges::{Log, Near, NearEnd, Reload};
use crate::notice::Notice;
use crate::options::{BridgeOptions, Start};
use crate::relay::{CONNECTED, End, Memory, NOT_CONNECTED, NearOpening, Relay};

/// How long the way to the other broker may take, from the look-up of the name to the last handshake.
const DIAL_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a CONNACK may take.
const CONNACK_TIME_MAX: Duration = Duration::from_secs(20);
/// How long the last bytes of a connection may take.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);
/// How long this broker may take to let a near end subscribe.
pub(crate) const PREPARE_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a lazy bridge looks whether it has to connect.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often a bridge that is not on its main way looks whether that is free again, as Mosquitto does.
const MAIN_WAY_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes that may wait for one end; while there are more, nothing is read from the other.
const WAITING_BYTES_MAX: usize = 256 << 10;

/// What a bridge is told. It ends when its sender is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    options: Arc<BridgeOptions>,
    /// How often it was told to connect anew.
    anew: u64,
}

impl Orders {
    pub(crate) const fn new(options: Arc<BridgeOptions>) -> Self {
        Self { options, anew: 0 }
    }

    pub(crate) fn replace(&mut self, options: Arc<BridgeOptions>, reload: Reload) {
        self.options = options;
        self.anew += u64::from(reload == Reload::Immediate);
    }
}

/// How a connection ended.
enum Outcome {
    /// It could not be made.
    Unreachable(String),
    Ended(End),
    /// It is lost.
    Lost(String),
    /// It has other options, or goes back to its main way: it connects again at once.
    Anew,
    /// A lazy bridge has nothing to do.
    Idle,
    /// The bridge ends.
    Over,
}

/// One bridge.
pub(crate) struct Link {
    orders: watch::Receiver<Orders>,
    /// How often it was told to connect anew, as far as it has done that.
    anew: u64,
    options: Arc<BridgeOptions>,
    near: Arc<dyn Near>,
    log: Log,
    memory: Memory,
    /// The way that is taken.
    way: usize,
    /// When the connection was made, if there is one.
    connected_at: Option<Instant>,
}

impl Link {
    pub(crate) fn new(orders: watch::Receiver<Orders>, near: Arc<dyn Near>, log: Log) -> Self {
        let options = Arc::clone(&orders.borrow().options);
        Self { orders, anew: 0, options, near, log, memory: Memory::default(), way: 0, connected_at: None }
    }

    /// Runs until the bridge is ended. Tells when its Session at this broker has subscribed.
    pub(crate) async fn run(mut self, listens: watch::Sender<bool>) {
        self.prepare().await;
        listens.send_replace(true);
        self.tell(NOT_CONNECTED);
        let mut backoff = Backoff::new(self.options.restart);
        loop {
            if !self.awaits_work().await {
                return;
            }
            let outcome = self.connection().await;
            let lasted = self.connected_at.take().map(|at| at.elapsed());
            if lasted.is_some() {
                self.tell(NOT_CONNECTED);
            }
            let failed = lasted.is_none();
            match self.say(&outcome) {
                Next::Over => return,
                Next::AtOnce => {}
                Next::Later => {
                    self.change_way(failed);
                    if self.options.start == Start::Once && !failed {
                        if !self.is_told_to_connect().await {
                            return;
                        }
                    } else {
                        let time = backoff.next(lasted, RandomState::new().hash_one(()));
                        self.notice(&Notice::Waiting { time });
                        if !self.waits(time).await {
                            return;
                        }
                    }
                }
            }
            if self.take_options() {
                backoff = Backoff::new(self.options.restart);
            }
        }
    }

    /// Takes over what was told meanwhile. Answers whether there are other options.
    fn take_options(&mut self) -> bool {
        let orders = self.orders.borrow_and_update().clone();
        self.anew = orders.anew;
        let is_another = !Arc::ptr_eq(&self.options, &orders.options);
        if is_another {
            self.options = orders.options;
            self.memory = self.memory.for_other_options();
            self.way = 0;
        }
        is_another
    }

    fn notice(&self, notice: &Notice) {
        (self.log)(&self.options.name, notice);
    }

    /// Tells this broker whether the bridge is connected.
    fn tell(&self, payload: &[u8]) {
        if let Some(notifications) = &self.options.notifications {
            self.near.tell(&notifications.topic, payload);
        }
    }

    /// Says how a connection ended, and what comes next.
    fn say(&self, outcome: &Outcome) -> Next {
        let lost = |cause: String| self.notice(&Notice::Lost { cause });
        match outcome {
            Outcome::Unreachable(cause) => self.notice(&Notice::Unreachable { cause: cause.clone() }),
            Outcome::Ended(End::Refused { reason, remedy }) => {
                let version = self.memory.version(&self.options);
                self.notice(&Notice::Refused { reason: *reason, version, remedy: *remedy });
            }
            Outcome::Ended(End::FarMisbehaved(error)) => lost(format!("the other broker: {error}")),
            Outcome::Ended(End::FarLeft(reason)) => lost(format!("the other broker says {}", reason.name())),
            Outcome::Ended(End::NearLeft(reason)) => lost(format!("this broker says {}", reason.name())),
            Outcome::Ended(End::NearFull(reason)) => {
                lost(format!("this broker cannot take a message now ({})", reason.name()));
            }
            Outcome::Ended(End::Unsayable(error)) => lost(error.to_string()),
            Outcome::Lost(cause) => lost(cause.clone()),
            Outcome::Anew => return Next::AtOnce,
            Outcome::Idle => {
                lost("nothing to do".to_owned());
                return Next::AtOnce;
            }
            Outcome::Over => return Next::Over,
        }
        Next::Later
    }

    fn change_way(&mut self, failed: bool) {
        let count = self.options.ways.len().max(1);
        self.way = if failed || self.options.round_robin { (self.way + 1) % count } else { 0 };
    }

    /// Has the Session at this broker subscribe, so that messages wait in it before the first connection.
    async fn prepare(&self) {
        if self.options.near_clean_start {
            return;
        }
        let end = NearEnd { last_packet_id: 0, has_new_session: false, takes_messages: false };
        let opening = NearOpening::early(&self.options);
        let subscribed = async {
            let mut pipe = Pipe::new(self.open(end)?);
            let mut bytes = Vec::new();
            if opening.write(&mut bytes).is_ok() {
                bytes.extend_from_slice(&NORMAL_DISCONNECT);
                pipe.put(&mut bytes);
                pipe.drain().await?;
                while !pipe.read().await?.is_empty() {} // it is closed when all is taken
            }
            io::Result::Ok(())
        };
        if let Ok(Err(error)) = timeout(PREPARE_TIME_MAX, subscribed).await {
            self.notice(&Notice::Lost { cause: format!("this broker: {error}") });
        }
    }

    fn open(&self, end: NearEnd) -> io::Result<Box<dyn Carrier>> {
        Ok(Box::new(UnixStream::from_std(self.near.open(end)?)?))
    }

    /// Waits until there is a reason to connect; `false` if the bridge ends.
    async fn awaits_work(&mut self) -> bool {
        loop {
            let Start::Lazy { threshold, .. } = self.options.start else { return true };
            if self.near.waiting(&self.options.near_client_identifier) >= threshold {
                return true;
            }
            if !self.waits(LOOK_INTERVAL).await {
                return false;
            }
            self.take_options();
        }
    }

    /// Waits for some time, or until it is told to connect; `false` if the bridge ends.
    async fn waits(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => true,
            goes_on = told_to_connect(&mut self.orders, self.anew) => goes_on,
        }
    }

    /// Waits until it is told to connect; `false` if the bridge ends.
    async fn is_told_to_connect(&mut self) -> bool {
        told_to_connect(&mut self.orders, self.anew).await
    }

    /// One connection, from the look-up of the other broker's name to its end.
    async fn connection(&mut self) -> Outcome {
        let options = Arc::clone(&self.options);
        let Some(way) = options.ways.get(self.way) else {
            return Outcome::Unreachable("there is no address".to_owned());
        };
        self.notice(&Notice::Connecting { host: way.host.clone(), port: way.port });
        let dialed = tokio::select! {
            dialed = timeout(DIAL_TIME_MAX, martlet_client::dial(&way.options)) => dialed,
            goes_on = told_to_connect(&mut self.orders, self.anew) => {
                return if goes_on { Outcome::Anew } else { Outcome::Over };
            }
        };
        let carrier = match dialed {
            Ok(Ok(carrier)) => carrier,
            Ok(Err(error)) => return Outcome::Unreachable(error.to_string()),
            Err(_) => return Outcome::Unreachable("it takes too long".to_owned()),
        };
        let mut relay = match Relay::begin(options, self.memory.clone()) {
            Ok(relay) => relay,
            Err(end) => return Outcome::Ended(end),
        };
        let mut far = Pipe::new(carrier);
        let outcome = self.relay(&mut relay, &mut far).await;
        self.say_notices(&mut relay);
        // What a broker that misbehaves would be told it does not deserve.
        if relay.is_open() && !matches!(outcome, Outcome::Ended(End::FarMisbehaved(_)) | Outcome::Lost(_)) {
            relay.leave();
            far.put(relay.far_bytes());
            let _ = timeout(FAREWELL_TIME_MAX, far.close()).await;
        }
        self.memory = relay.into_memory();
        outcome
    }

    fn say_notices(&self, relay: &mut Relay) {
        for notice in relay.notices() {
            self.notice(&notice);
        }
    }

    /// Carries bytes until the connection ends.
    async fn relay(&mut self, relay: &mut Relay, far: &mut Pipe) -> Outcome {
        // The near end that only listens has to be read to its end before the one that takes its place.
        let (mut early, mut near): (Option<Pipe>, Option<Pipe>) = (None, None);
        let mut clock = Clocks::start(&self.options, self.way);
        loop {
            self.say_notices(relay);
            if let Some(end) = relay.take_near_end() {
                let opened = match self.open(end) {
                    Ok(carrier) => Pipe::new(carrier),
                    Err(error) => return Outcome::Lost(format!("this broker: {error}")),
                };
                early = near.replace(opened);
                if relay.is_open() {
                    self.connected_at = Some(Instant::now());
                    clock.connack_by = None;
                    self.tell(CONNECTED);
                }
            }
            far.put(relay.far_bytes());
            if let Some(near) = &mut near {
                near.put(relay.near_bytes());
            }
            clock.look(relay);
            let is_early = early.is_some();
            let step = step(
                far,
                (near.as_mut(), early.as_mut()),
                relay.takes_from_near(),
                clock.next(relay.keep_alive()),
                told_to_connect(&mut self.orders, self.anew),
            )
            .await;
            let ended = match step {
                Ok(Step::Told { goes_on: true }) => return Outcome::Anew,
                Ok(Step::Told { goes_on: false }) => return Outcome::Over,
                Ok(Step::FarRead([])) => {
                    return Outcome::Lost("the other broker closed the connection".to_owned());
                }
                Ok(Step::FarRead(bytes)) => {
                    clock.heard();
                    relay.take_far(bytes)
                }
                Ok(Step::NearRead([])) if is_early => {
                    early = None;
                    relay.early_end_is_over();
                    Ok(())
                }
                Ok(Step::NearRead([])) => {
                    return Outcome::Lost("this broker closed the connection".to_owned());
                }
                Ok(Step::NearRead(bytes)) => relay.take_near(bytes),
                Ok(Step::FarWritten) => {
                    clock.spoke();
                    Ok(())
                }
                Ok(Step::NearWritten) => Ok(()),
                Ok(Step::Time) => match clock.due(relay, &self.options).await {
                    Some(outcome) => return outcome,
                    None => Ok(()),
                },
                Err(error) => return Outcome::Lost(error.to_string()),
            };
            if let Err(end) = ended {
                return Outcome::Ended(end);
            }
        }
    }
}

/// DISCONNECT with Normal disconnection.
const NORMAL_DISCONNECT: [u8; 2] = [0xE0, 0];

/// What comes after a connection.
enum Next {
    AtOnce,
    Later,
    Over,
}

/// Waits until a bridge is told to connect anew; `false` if it ends.
async fn told_to_connect(orders: &mut watch::Receiver<Orders>, anew: u64) -> bool {
    orders.wait_for(|orders| orders.anew > anew).await.is_ok()
}

/// What happened first.
enum Step<'a> {
    FarRead(&'a [u8]),
    NearRead(&'a [u8]),
    FarWritten,
    NearWritten,
    Time,
    Told { goes_on: bool },
}

/// Waits for what comes first. Nothing is lost of what does not.
async fn step<'a>(
    far: &'a mut Pipe,
    (near, early): (Option<&'a mut Pipe>, Option<&'a mut Pipe>),
    takes_from_near: bool,
    at: Option<Instant>,
    told: impl Future<Output = bool>,
) -> io::Result<Step<'a>> {
    let (far_is_crowded, near_is_crowded) = (
        far.waiting() >= WAITING_BYTES_MAX,
        near.as_ref().is_some_and(|near| near.waiting() >= WAITING_BYTES_MAX),
    );
    let (far_reader, far_writer) = far.split();
    let far_is_busy = far_writer.is_busy();
    let (near_reader, near_writer) = near.map(Pipe::split).unzip();
    let near_reader = early.map(|early| early.split().0).or(near_reader);
    let near_is_busy = near_writer.as_ref().is_some_and(|writer| writer.is_busy());
    tokio::select! {
        goes_on = told => Ok(Step::Told { goes_on }),
        read = far_reader.read(), if !near_is_crowded => Ok(Step::FarRead(read?)),
        read = async { match near_reader { Some(reader) => reader.read().await, None => core::future::pending().await } },
            if takes_from_near && !far_is_crowded => Ok(Step::NearRead(read?)),
        written = far_writer.advance(), if far_is_busy => written.map(|()| Step::FarWritten),
        written = async { match near_writer { Some(writer) => writer.advance().await, None => Ok(()) } },
            if near_is_busy => written.map(|()| Step::NearWritten),
        () = async { match at { Some(at) => sleep_until(at).await, None => core::future::pending().await } } => Ok(Step::Time),
    }
}

/// The deadlines of one connection.
struct Clocks {
    connack_by: Option<Instant>,
    heard_at: Instant,
    spoke_at: Instant,
    /// When the last message went over, and how many had by then; for a lazy bridge.
    worked: Option<(Instant, u64, Duration)>,
    /// When to look whether the main way is free.
    look_at: Option<Instant>,
}

impl Clocks {
    fn start(options: &BridgeOptions, way: usize) -> Self {
        let now = Instant::now();
        let worked = match options.start {
            Start::Lazy { idle_timeout, .. } => Some((now, 0, idle_timeout)),
            Start::Automatic | Start::Once => None,
        };
        let looks = way > 0 && !options.round_robin;
        Self {
            connack_by: Some(now + CONNACK_TIME_MAX),
            heard_at: now,
            spoke_at: now,
            worked,
            look_at: looks.then(|| now + MAIN_WAY_INTERVAL),
        }
    }

    fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    fn spoke(&mut self) {
        self.spoke_at = Instant::now();
    }

    /// Looks whether messages went over.
    fn look(&mut self, relay: &Relay) {
        if let Some((at, passed, _)) = &mut self.worked
            && *passed != relay.passed()
        {
            (*at, *passed) = (Instant::now(), relay.passed());
        }
    }

    fn ping_at(&self, keep_alive: u16) -> Option<Instant> {
        // Either direction that is silent for so long is a reason.
        let last = self.heard_at.min(self.spoke_at);
        (keep_alive > 0).then(|| last + Duration::from_secs(keep_alive.into()))
    }

    fn idle_at(&self) -> Option<Instant> {
        self.worked.map(|(at, _, idle_timeout)| at + idle_timeout)
    }

    /// When something is due.
    fn next(&self, keep_alive: u16) -> Option<Instant> {
        [self.connack_by, self.ping_at(keep_alive), self.idle_at(), self.look_at].into_iter().flatten().min()
    }

    /// Does what is due. Answers how the connection ends, if it does.
    async fn due(&mut self, relay: &mut Relay, options: &BridgeOptions) -> Option<Outcome> {
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.connack_by) {
            return Some(Outcome::Lost("no CONNACK came".to_owned()));
        }
        if is_due(self.idle_at()) {
            return Some(Outcome::Idle);
        }
        if is_due(self.look_at) {
            self.look_at = Some(now + MAIN_WAY_INTERVAL);
            let main = options.ways.first()?;
            if let Ok(Ok(_)) = timeout(LOOK_INTERVAL, martlet_client::dial(&main.options)).await {
                return Some(Outcome::Anew);
            }
        }
        if is_due(self.ping_at(relay.keep_alive())) {
            if !relay.ping() {
                return Some(Outcome::Lost("no answer to PINGREQ".to_owned()));
            }
            (self.heard_at, self.spoke_at) = (now, now);
        }
        None
    }
}
