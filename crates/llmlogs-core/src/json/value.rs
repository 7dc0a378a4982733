//! The tree that a body is parsed into.

use std::borrow::Cow;

use super::text::Text;

/// A JSON value that borrows from the text it was read from. Numbers keep their digits, objects
/// their order and their duplicate keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json<'a> {
    #[default]
    /// `null`, also returned for a missing member.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its digits in the text.
    Number(Cow<'a, str>),
    /// A string, escaped as in the text.
    String(Text<'a>),
    /// The elements of an array.
    Array(Vec<Json<'a>>),
    /// The members of an object.
    Object(Object<'a>),
}

/// Returned for a missing member.
static NULL: Json<'static> = Json::Null;

impl<'a> Json<'a> {
    /// Returns the member `key` of an object; null where there is none.
    pub fn get(&self, key: &str) -> &Json<'a> {
        self.as_object().and_then(|o| o.get(key)).unwrap_or(&NULL)
    }

    /// Returns the member at the end of a path of keys; null where there is none.
    pub fn at(&self, path: &[&str]) -> &Json<'a> {
        path.iter().fold(self, |json, key| json.get(key))
    }

    /// Returns the members of an object; `None` for anything else.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the members of an object, mutable; `None` for anything else.
    pub fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the elements of an array; an empty slice for anything else.
    pub fn items(&self) -> &[Json<'a>] {
        match self {
            Json::Array(items) => items,
            _ => &[],
        }
    }

    /// Returns a string in its escaped form; `None` for anything else.
    pub fn as_text(&self) -> Option<&Text<'a>> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a string's value; `None` for anything else.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        self.as_text().map(Text::plain)
    }

    /// Returns a string's value or a number's digits; an empty string for anything else.
    pub fn scalar(&self) -> String {
        match self {
            Json::String(text) => text.plain().into_owned(),
            Json::Number(digits) => digits.clone().into_owned(),
            _ => String::new(),
        }
    }

    /// Returns a whole number; `1.0` and `1e3` are whole numbers too. Returns
    /// `None` from 2⁵⁶ on: no count is that large, and sums of several counts cannot overflow.
    pub fn as_u64(&self) -> Option<u64> {
        let Json::Number(digits) = self else {
            return None;
        };
        digits.parse().ok().filter(|number| *number < 1 << 56).or_else(|| {
            let float: f64 = digits.parse().ok()?;
            ((0.0..9e15).contains(&float) && float.fract() == 0.0).then_some(float as u64)
        })
    }

    /// Returns a finite number; `None` for anything else.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(digits) => digits.parse().ok().filter(|f: &f64| f.is_finite()),
            _ => None,
        }
    }

    /// Returns a boolean; `None` for anything else.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// Returns the JSON string whose value is `plain`.
    pub fn string(plain: impl Into<Cow<'a, str>>) -> Self {
        Json::String(Text::new(plain))
    }

    /// Returns the JSON number that `number` is written as.
    pub fn number(number: impl ToString) -> Self {
        Json::Number(Cow::Owned(number.to_string()))
    }

    /// Returns the value with its texts copied, so that it borrows nothing.
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Number(digits) => Json::Number(Cow::Owned(digits.into_owned())),
            Json::String(text) => Json::String(text.into_owned()),
            Json::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(object) => Json::Object(Object(
                object.0.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect(),
            )),
        }
    }
}

/// The members of a JSON object in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(pub(super) Vec<(Text<'a>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Returns an object without members.
    pub fn new() -> Self {
        Object::default()
    }

    /// Returns the first member named `key`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Returns the first member named `key`, mutable.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json<'a>> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets `key`: replaces its value, or adds the member at the end if it is missing.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: Json<'a>) {
        self.set_text(Text::new(key), value);
    }

    /// Does the same as [`Object::set`] for a key that is a JSON string already.
    pub fn set_text(&mut self, key: Text<'a>, value: Json<'a>) {
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Returns the member `key`, added as null where it is missing.
    pub fn entry(&mut self, key: &Text<'a>) -> &mut Json<'a> {
        let index = match self.0.iter().position(|(k, _)| k == key) {
            Some(index) => index,
            None => {
                self.0.push((key.clone(), Json::Null));
                self.0.len() - 1
            }
        };
        &mut self.0[index].1
    }

    /// Removes the first member named `key` and returns it.
    pub fn remove(&mut self, key: &str) -> Option<Json<'a>> {
        let index = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(index).1)
    }

    /// Returns the members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text<'a>, &Json<'a>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Returns the members in their order, with mutable values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Text<'a>, &mut Json<'a>)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Returns the names of the members in their order, mutable.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut Text<'a>> {
        self.0.iter_mut().map(|(key, _)| key)
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Text<'a>, Json<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K: Into<Cow<'a, str>>> FromIterator<(K, Json<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (K, Json<'a>)>>(members: I) -> Self {
        Object(members.into_iter().map(|(key, value)| (Text::new(key), value)).collect())
    }
}
