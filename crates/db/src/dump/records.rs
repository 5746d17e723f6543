//! The records as they stand in the files.

use martlet_engine::UnreadableRecord;
use martlet_engine::kept::{self, Described, describe};
use martlet_store::{Recovered, Seq};

use super::{Lines, Payload};
use crate::line::{Line, Value};
use crate::load::Open;
use crate::message;
use crate::{DbError, ShardFound};

/// The records of one shard after another, each with its place: a part of the checkpoint, or a batch of the log.
pub(super) fn write(
    open: &Open,
    payload: Payload,
    lines: &mut Lines<'_>,
) -> Result<Vec<ShardFound>, DbError> {
    let mut found = Vec::new();
    for shard in 0..open.shards() {
        let mut part = 0_u64;
        found.push(open.read(shard, |recovered| {
            let (name, number, records) = match recovered {
                Recovered::Record(records) => {
                    part += 1;
                    ("part", part, records)
                }
                Recovered::Entry(Seq(number), records) => ("batch", number, records),
            };
            write_records(records, lines, |described| {
                Line::new(described.kind)
                    .number("shard", shard)
                    .number(name, number)
                    .all(fields(described, payload))
            })
        })?);
    }
    Ok(found)
}

fn write_records(
    records: &[u8],
    lines: &mut Lines<'_>,
    line: impl Fn(Described<'_>) -> Line,
) -> Result<(), UnreadableRecord> {
    for described in describe(records) {
        if lines.is_broken() {
            break;
        }
        lines.push(&line(described?));
    }
    Ok(())
}

fn fields(described: Described<'_>, payload: Payload) -> Vec<(&'static str, Value)> {
    let mut fields = Vec::new();
    for (name, value) in described.fields {
        let value = match value {
            kept::Value::Flag(flag) => Value::Flag(flag),
            kept::Value::Number(number) => Value::Number(number),
            kept::Value::Time(at) => Value::Time(at),
            kept::Value::Text(text) => Value::Text(text),
            kept::Value::Properties(section) => message::properties(section),
            kept::Value::Texts(texts) => {
                Value::List(texts.into_iter().map(|text| Value::Text(text.to_owned())).collect())
            }
            kept::Value::Numbers(numbers) => {
                Value::List(numbers.into_iter().map(|number| Value::Number(number.into())).collect())
            }
            kept::Value::Payload(bytes) => {
                fields.extend(message::payload_fields(bytes, payload));
                continue;
            }
        };
        fields.push((name, value));
    }
    fields
}
