//! What was found out, as a table for people and as JSON for machines.

use core::fmt::Write as _;
use core::time::Duration;

use martlet_tools::json::{Json, Layout};

/// How wide the names are, in characters.
const NAME_WIDTH: usize = 32;

/// All that was found out.
pub(super) struct Report {
    broker: String,
    sections: Vec<(&'static str, Vec<Row>)>,
}

/// One thing that was found out.
enum Row {
    /// Something that the broker says.
    Fact { id: &'static str, name: &'static str, value: Json },
    /// Something that was tried.
    Probe { id: &'static str, name: String, is_essential: bool, finding: Finding },
}

/// What came of a probe.
#[derive(Debug)]
pub(super) enum Finding {
    /// It works.
    Works { detail: String, latency: Option<Latency> },
    /// The broker says that it does not have it.
    Absent(String),
    /// It does not work.
    Fails(String),
}

/// How long some round trips took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    best: Duration,
    mean: Duration,
    worst: Duration,
    count: u32,
}

impl Finding {
    /// It works, and there is nothing more to say.
    pub(super) const fn works() -> Self {
        Self::Works { detail: String::new(), latency: None }
    }

    /// It works and takes this long.
    pub(super) const fn takes(latency: Latency) -> Self {
        Self::Works { detail: String::new(), latency: Some(latency) }
    }

    /// It works, with more to say.
    pub(super) fn with(detail: impl Into<String>) -> Self {
        Self::Works { detail: detail.into(), latency: None }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Works { .. } => "works",
            Self::Absent(_) => "absent",
            Self::Fails(_) => "FAILS",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Works { detail, latency: None } => detail.clone(),
            Self::Works { latency: Some(latency), .. } => latency.text(),
            Self::Absent(reason) | Self::Fails(reason) => reason.clone(),
        }
    }
}

impl Latency {
    /// The best, the mean and the worst of some times; `None` of none.
    pub(super) fn of(times: &[Duration]) -> Option<Self> {
        let count = u32::try_from(times.len()).ok().filter(|count| *count > 0)?;
        let mean = times.iter().sum::<Duration>() / count;
        Some(Self { best: *times.iter().min()?, mean, worst: *times.iter().max()?, count })
    }

    fn text(&self) -> String {
        let [best, mean, worst] = [self.best, self.mean, self.worst].map(milliseconds);
        match self.count {
            1 => format!("{mean:.2} ms"),
            count => format!("{mean:.2} ms ({best:.2} to {worst:.2} in {count})"),
        }
    }

    fn json(&self) -> Json {
        let number = |time| Json::Number((milliseconds(time) * 1_000.0).round() / 1_000.0);
        Json::object([
            ("best", number(self.best)),
            ("mean", number(self.mean)),
            ("worst", number(self.worst)),
            ("count", Json::from(self.count)),
        ])
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

impl Report {
    pub(super) fn new(broker: String) -> Self {
        Self { broker, sections: Vec::new() }
    }

    /// Begins a section of the table.
    pub(super) fn section(&mut self, title: &'static str) {
        self.sections.push((title, Vec::new()));
    }

    /// Adds something that the broker says; `null` is shown as a dash.
    pub(super) fn fact(&mut self, id: &'static str, name: &'static str, value: Json) {
        self.push(Row::Fact { id, name, value });
    }

    /// Adds something that was tried and that a broker must have, as far as it does not say otherwise.
    pub(super) fn essential(&mut self, id: &'static str, name: impl Into<String>, finding: Finding) {
        self.push(Row::Probe { id, name: name.into(), is_essential: true, finding });
    }

    /// Adds something that was tried and that a broker may lack.
    pub(super) fn optional(&mut self, id: &'static str, name: impl Into<String>, finding: Finding) {
        self.push(Row::Probe { id, name: name.into(), is_essential: false, finding });
    }

    fn push(&mut self, row: Row) {
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(row);
        }
    }

    /// Whether everything works that has to.
    pub(super) fn works(&self) -> bool {
        self.failures() == 0
    }

    fn failures(&self) -> usize {
        let fails =
            |row: &&Row| matches!(row, Row::Probe { is_essential: true, finding: Finding::Fails(_), .. });
        self.rows().filter(fails).count()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|(_, rows)| rows)
    }

    /// The table.
    pub(super) fn table(&self) -> String {
        let mut text = format!("{}\n", self.broker);
        for (title, rows) in &self.sections {
            let _ = writeln!(text, "\n{title}");
            for row in rows {
                let line = match row {
                    Row::Fact { name, value, .. } => format!("  {name:NAME_WIDTH$} {}", shown(value)),
                    Row::Probe { name, finding, .. } => {
                        format!("  {name:NAME_WIDTH$} {:7} {}", finding.word(), finding.detail())
                    }
                };
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        let _ = match self.failures() {
            0 => writeln!(text, "\nEverything works that a broker has to do."),
            1 => writeln!(text, "\nOne thing does not work that a broker has to do."),
            count => writeln!(text, "\n{count} things do not work that a broker has to do."),
        };
        text
    }

    /// The same for machines: `facts` by name, `probes` by name, and whether everything `works`.
    pub(super) fn json(&self) -> String {
        let (mut facts, mut probes) = (Vec::new(), Vec::new());
        for row in self.rows() {
            match row {
                Row::Fact { id, value, .. } => facts.push((*id, value.clone())),
                Row::Probe { id, is_essential, finding, .. } => {
                    probes.push((*id, probe_json(*is_essential, finding)));
                }
            }
        }
        let report = Json::object([
            ("broker", Json::from(self.broker.as_str())),
            ("works", Json::Bool(self.works())),
            ("facts", Json::object(facts)),
            ("probes", Json::object(probes)),
        ]);
        String::from_utf8_lossy(&report.to_bytes(Layout::Pretty)).into_owned() + "\n"
    }
}

fn probe_json(is_essential: bool, finding: &Finding) -> Json {
    let mut members = vec![
        ("outcome", Json::from(finding.word().to_ascii_lowercase().as_str())),
        ("essential", Json::Bool(is_essential)),
    ];
    if let Finding::Works { latency: Some(latency), .. } = finding {
        members.push(("milliseconds", latency.json()));
    } else if !finding.detail().is_empty() {
        members.push(("detail", Json::from(finding.detail().as_str())));
    }
    Json::object(members)
}

/// A value for people.
fn shown(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Text(text) => String::from_utf8_lossy(text).replace(char::is_control, " "),
        other => String::from_utf8_lossy(&other.to_bytes(Layout::Compact)).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(finding: Finding) -> Report {
        let mut report = Report::new("mqtt://h:1883".to_owned());
        report.section("One");
        report.fact("receive-maximum", "Receive Maximum", Json::from(20));
        report.fact("reason", "Reason", Json::Null);
        report.essential("qos-1", "QoS 1", finding);
        report.optional("shared", "Shared", Finding::Fails("nothing came".to_owned()));
        report
    }

    #[test]
    fn only_what_is_essential_decides() {
        assert!(report(Finding::works()).works());
        assert!(report(Finding::Absent("Maximum QoS 0".to_owned())).works());
        assert!(!report(Finding::Fails("nothing came".to_owned())).works());
    }

    #[test]
    fn the_table_is_for_people_and_json_for_machines() {
        let times = [1_u64, 2, 6].map(Duration::from_millis);
        let report = report(Finding::takes(Latency::of(&times).unwrap()));
        let table = report.table();
        assert!(table.contains("\n  Receive Maximum                  20\n"), "{table}");
        assert!(table.contains("\n  Reason                           -\n"), "{table}");
        assert!(
            table.contains("\n  QoS 1                            works   3.00 ms (1.00 to 6.00 in 3)\n"),
            "{table}"
        );
        assert!(table.contains("\n  Shared                           FAILS   nothing came\n"), "{table}");
        let json = report.json();
        assert!(json.contains("\"receive-maximum\":\t20"), "{json}");
        assert!(json.contains("\"mean\":\t3,"), "{json}");
        assert!(json.contains("\"works\":\ttrue"), "{json}");
    }
}
