//! A request that fits its version: fields that the version lacks are left out.

use kafka_fixtures::schema::{Field, Type};
use kafka_fixtures::value::Value;

/// Drops the fields that a version lacks.
pub(super) fn fit(fields: &[Field], version: i16, value: &mut Value) {
    match value {
        Value::Struct(held) => {
            held.fields.retain(|(name, _)| {
                fields
                    .iter()
                    .find(|field| field.name == name)
                    .is_none_or(|field| field.versions.contains(version))
            });
            for (name, value) in &mut held.fields {
                if let Some(field) = fields.iter().find(|field| field.name == name) {
                    fit_type(&field.ty, version, value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fit(fields, version, item)),
        _ => {}
    }
}

fn fit_type(ty: &Type, version: i16, value: &mut Value) {
    match ty {
        Type::Struct(fields) => fit(fields, version, value),
        Type::Array(element) => {
            if let (Type::Struct(fields), Value::Array(items)) = (element.as_ref(), value) {
                items.iter_mut().for_each(|item| fit(fields, version, item));
            }
        }
        _ => {}
    }
}
