//! The report for programs.

use martlet_store::{Damage, Lost, Report};
use martlet_tools::json::{Json, Layout};

use super::{Check, Contents};
use crate::line::time;
use crate::{ShardFound, Unreadable};

impl Check {
    /// The report as a JSON object, in lines.
    pub fn to_json(&self) -> String {
        let set_aside = self
            .set_aside
            .iter()
            .map(|(name, bytes)| Json::object([("file", text(name)), ("bytes", number(*bytes))]));
        let shards =
            self.shards.iter().zip(&self.contents).map(|(found, contents)| self.shard_json(found, contents));
        let report = Json::object([
            ("location", text(&self.location.to_string_lossy())),
            ("sound", Json::Bool(self.is_sound())),
            ("created_at", text(&time(self.created_at))),
            ("shards", Json::Array(shards.collect())),
            (
                "left_over_shards",
                Json::Array(self.left_over.iter().map(|shard| number((*shard).into())).collect()),
            ),
            ("contents", contents_json(&self.contents())),
            ("set_aside", Json::Array(set_aside.collect())),
        ]);
        let mut line = String::from_utf8_lossy(&report.to_bytes(Layout::Pretty)).into_owned();
        line.push('\n');
        line
    }

    fn shard_json(&self, found: &ShardFound, contents: &Contents) -> Json {
        let report = &found.report;
        let damage = report.damage.iter().map(|damage| self.damage_json(damage));
        Json::object([
            ("shard", number(found.shard.into())),
            ("sound", Json::Bool(found.is_sound())),
            ("segments", number(report.segments)),
            ("segment_bytes", number(report.segment_bytes)),
            ("batches", number(report.entries)),
            ("batch_bytes", number(report.entry_bytes)),
            ("checkpoint", checkpoint(report)),
            ("torn", torn(report)),
            ("damage", Json::Array(damage.collect())),
            ("damage_count", number(report.damage_count)),
            ("unreadable", Json::Array(found.unreadable.iter().map(unreadable).collect())),
            ("contents", contents_json(contents)),
        ])
    }

    fn damage_json(&self, damage: &Damage) -> Json {
        let (what, from, until) = match &damage.lost {
            Lost::Entries(range) => ("batches", number(range.start.0), number(range.end.0)),
            Lost::Records(range) => ("parts", number(range.start), number(range.end)),
            Lost::Unknown => ("unknown", Json::Null, Json::Null),
        };
        let lost = Json::object([("what", text(what)), ("from", from), ("until", until)]);
        let copy = self.copy_of(damage).map_or(Json::Null, |copy| text(&copy));
        Json::object([
            ("file", text(&damage.file)),
            ("offset", number(damage.offset)),
            ("bytes", number(damage.bytes)),
            ("lost", lost),
            ("copy", copy),
        ])
    }
}

fn contents_json(contents: &Contents) -> Json {
    Json::object([
        ("sessions", number(contents.sessions)),
        ("subscriptions", number(contents.subscriptions)),
        ("queued", number(contents.queued)),
        ("in_flight", number(contents.in_flight)),
        ("incoming", number(contents.incoming)),
        ("retained", number(contents.retained)),
        ("wills", number(contents.wills)),
        ("owed", number(contents.owed)),
    ])
}

fn checkpoint(report: &Report) -> Json {
    report.checkpoint.as_ref().map_or(Json::Null, |found| {
        Json::object([
            ("file", text(&found.file)),
            ("replay_from", number(found.replay_from.0)),
            ("parts", number(found.records)),
            ("bytes", number(found.record_bytes)),
        ])
    })
}

fn torn(report: &Report) -> Json {
    report.torn.as_ref().map_or(Json::Null, |torn| {
        Json::object([
            ("file", text(&torn.file)),
            ("offset", number(torn.offset)),
            ("bytes", number(torn.bytes)),
        ])
    })
}

fn unreadable(unreadable: &Unreadable) -> Json {
    Json::object([
        ("batch", unreadable.batch.map_or(Json::Null, number)),
        ("offset", number(unreadable.cause.offset as u64)),
    ])
}

fn text(text: &str) -> Json {
    Json::from(text)
}

/// A JSON number is exact up to 2⁵³, which no count of bytes or batches reaches.
#[expect(clippy::cast_precision_loss, reason = "no count of bytes or batches is that large")]
fn number(number: u64) -> Json {
    Json::Number(number as f64)
}
